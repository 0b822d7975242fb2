"""Inputs of the scale scenarios, and the comparison and weighing of what came of them."""

import sys
import zlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from benchmark.dvx_command import DvxCommand  # noqa: E402 - found through the lines above
from benchmark.measure import Cost  # noqa: E402
from benchmark.scale_inputs import (  # noqa: E402
    change_small_files,
    file_path,
    hash_file,
    write_small_files,
    write_weights,
)
from benchmark.scale_large import run_large  # noqa: E402
from benchmark.scale_place import NoSpace, Place, find_difference, measure_median, weigh_store  # noqa: E402

from dvx.testing.shell import read_tree  # noqa: E402


def test_small_files_are_the_same_every_time_and_all_different(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_small_files(tmp_path / name, 1203)
    tree = read_tree(tmp_path / "one")
    assert tree == read_tree(tmp_path / "two")
    assert len(tree) == len(set(tree.values())) == 1203
    assert {len(data) for _, data in tree.values()} == {4096}
    assert file_path(1202) in tree


def test_small_files_are_half_compressible(tmp_path: Path) -> None:
    write_small_files(tmp_path / "data", 5)
    data = (tmp_path / "data" / file_path(3)).read_bytes()
    assert 0.48 < len(zlib.compress(data)) / len(data) < 0.56


def test_changes_hit_exactly_that_many_files_all_over_the_folder(tmp_path: Path) -> None:
    write_small_files(tmp_path / "data", 2500)
    before = read_tree(tmp_path / "data")
    changed = change_small_files(tmp_path / "data", 2500, changes=250)
    after = read_tree(tmp_path / "data")
    assert sorted(changed) == sorted(path for path in before if before[path] != after[path])
    assert len(changed) == 250
    assert {path.split("/")[0] for path in changed} == {"part-00000", "part-00001", "part-00002"}
    assert {len(data) for _, data in after.values()} == {4096}


def test_weights_have_any_size_and_the_stated_digest(tmp_path: Path) -> None:
    for size_bytes in (1, 4097, 300_001):
        digest = write_weights(tmp_path / "w", size_bytes)
        assert (tmp_path / "w").stat().st_size == size_bytes
        assert hash_file(tmp_path / "w") == digest


def test_high_bytes_of_weights_compress_and_low_bytes_do_not(tmp_path: Path) -> None:
    write_weights(tmp_path / "w", 1 << 20)
    data = (tmp_path / "w").read_bytes()
    assert len(zlib.compress(data[0::2])) > len(data) // 2
    assert len(zlib.compress(data[1::2])) < 0.5 * len(data) // 2
    assert data[: 1 << 19] != data[1 << 19 :]


def test_equal_folders_have_no_difference(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_small_files(tmp_path / name, 30)
    assert find_difference(tmp_path / "one", tmp_path / "two") is None


def test_changed_missing_and_extra_files_are_found(tmp_path: Path) -> None:
    write_small_files(tmp_path / "one", 30)
    write_small_files(tmp_path / "two", 30)
    place = tmp_path / "two" / file_path(7)
    data = place.read_bytes()
    place.write_bytes(data[:-1] + b"x")
    assert "has other bytes" in str(find_difference(tmp_path / "one", tmp_path / "two"))
    place.unlink()
    assert "only" in str(find_difference(tmp_path / "one", tmp_path / "two"))
    place.write_bytes(data)
    (tmp_path / "two" / "new").mkdir()
    assert "`new`" in str(find_difference(tmp_path / "one", tmp_path / "two"))


def test_median_takes_the_middle_seconds_and_the_highest_peak() -> None:
    costs = [Cost(3.0, 1.0, 10), Cost(1.0, 2.0, 30), Cost(2.0, 3.0, 20)]
    assert measure_median(costs.__getitem__, 3) == Cost(2.0, 3.0, 30)


def test_store_is_weighed_by_its_objects_alone(tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "aa" / ("aa" * 16)
    pages = tmp_path / "packs" / "bb" / ("bb" * 16)
    record = tmp_path / "roots" / "cc" / ("cc" * 32) / ("dd" * 16)
    for path, data in (
        (pack, bytes(12) + b"\1" + bytes(87)),
        (pages, bytes(12) + b"\2" + bytes(7)),
        (record, b"r"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    (tmp_path / "dvx-store.json").write_bytes(b"{}")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "work.tmp").write_bytes(bytes(1000))
    weight = weigh_store(tmp_path)
    assert (weight.objects, weight.size_bytes, weight.page_bytes) == (4, 100 + 20 + 1 + 2, 20)
    assert weight.minus(weight).objects == 0


def test_disk_that_is_too_small_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match=r"needs \d+\.\d GiB below .* --scale"):
        run_large(Place(tmp_path, DvxCommand({})), scale=1e6, say=print)
    assert list(tmp_path.iterdir()) == []
