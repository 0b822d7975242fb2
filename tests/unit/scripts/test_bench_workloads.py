"""The three workloads are the same every time, and differ between versions as they say."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from benchmark import table, weights
from benchmark.verify import differences
from benchmark.workloads import KINDS, Workload, prepare_workload

SCALE = 0.002


def digests(workload: Workload, version: str) -> dict[str, str]:
    """Each path of a version with the digest of its bytes."""
    expected = workload.expected(version)
    return {name: hashlib.sha256(place.read_bytes()).hexdigest() for name, place in expected.items()}


@pytest.mark.parametrize("name", KINDS)
def test_workload_is_the_same_every_time(name: str, tmp_path: Path) -> None:
    one, two = (prepare_workload(name, scale=SCALE, folder=tmp_path / number) for number in ("1", "2"))
    for version in ("v1", "v2"):
        assert digests(one, version) == digests(two, version)
    assert digests(one, "v1") != digests(one, "v2")


@pytest.mark.parametrize("name", KINDS)
def test_prepared_workload_is_kept_and_another_scale_is_another_folder(name: str, tmp_path: Path) -> None:
    first = prepare_workload(name, scale=SCALE, folder=tmp_path)
    made_ns = (first.folder / "workload.json").stat().st_mtime_ns
    again = prepare_workload(name, scale=SCALE, folder=tmp_path)
    assert again == first
    assert (again.folder / "workload.json").stat().st_mtime_ns == made_ns
    assert prepare_workload(name, scale=SCALE * 2, folder=tmp_path).folder != first.folder


@pytest.mark.parametrize("name", KINDS)
def test_applied_second_version_is_what_is_expected(name: str, tmp_path: Path) -> None:
    workload = prepare_workload(name, scale=SCALE, folder=tmp_path / "workloads")
    top = tmp_path / "top"
    top.mkdir()
    workload.place_v1(top)
    assert differences(top, workload.path, workload.expected("v1")) == []
    workload.apply_v2(top)
    assert differences(top, workload.path, workload.expected("v2")) == []
    assert differences(top, workload.path, workload.expected("v1")) != []


def test_weights_at_full_scale_have_the_sizes_of_the_description() -> None:
    sizes = weights.tensor_sizes(1)
    changed = sizes[30:37]
    assert len(sizes) == 66
    assert 4 << 20 <= min(sizes) <= max(sizes) <= 64 << 20
    assert sum(sizes) == pytest.approx(2 << 30, rel=1e-6)
    assert sum(changed) / sum(sizes) == pytest.approx(0.125, rel=1e-6)


def test_weights_are_a_safetensors_file_and_seven_tensors_change(tmp_path: Path) -> None:
    workload = prepare_workload("W1", scale=SCALE, folder=tmp_path)
    old, new = (next(iter(workload.expected(version).values())).read_bytes() for version in ("v1", "v2"))
    length = int.from_bytes(old[:8], "little")
    header = json.loads(old[8 : 8 + length])
    assert (8 + length) % 8 == 0
    del header["__metadata__"]
    changed = []
    for name, tensor in header.items():
        start, end = (8 + length + offset for offset in tensor["data_offsets"])
        if old[start:end] != new[start:end]:
            changed.append(name)
    assert changed == [f"model.layers.{number}.weight" for number in range(30, 37)]
    assert end == len(old) == len(new)


def test_weights_are_normal_values_rounded_to_the_nearest() -> None:
    values = np.array([1.0, 1.00390625, 1.01171875, -0.5, 3.14159], dtype=np.float32)
    bits = np.frombuffer(weights.round_to_bf16(values), dtype="<u2").astype(np.uint32) << 16
    # bf16 has 8 bits of precision: 1 + 1/256 and 1 + 3/256 are ties, which go to the even neighbour.
    assert bits.view(np.float32).tolist() == [1.0, 1.0, 1.015625, -0.5, 3.140625]


def test_second_version_of_the_small_files_changes_adds_and_removes_one_in_a_hundred(tmp_path: Path) -> None:
    workload = prepare_workload("W2", scale=0.01, folder=tmp_path)
    old, new = digests(workload, "v1"), digests(workload, "v2")
    assert len(old) == 200
    assert len(old.keys() - new.keys()) == 2
    assert len(new.keys() - old.keys()) == 2
    assert sum(old[name] != new[name] for name in old.keys() & new.keys()) == 2
    assert sum(place.stat().st_size for place in workload.expected("v1").values()) == (1 << 30) // 100


def test_table_rows_have_seven_columns_and_ids_that_grow(tmp_path: Path) -> None:
    table.write_table(tmp_path / "table.csv", 200_000)
    header, *rows = (tmp_path / "table.csv").read_text().splitlines()
    assert header == "id,time,station,status,value,delta,remark"
    cells = [row.split(",") for row in rows]
    assert {len(row) for row in cells} == {7}
    assert [int(row[0]) for row in cells] == list(range(int(cells[0][0]), int(cells[0][0]) + len(cells)))
    assert all(-10 < float(row[5]) < 10 and -100 < float(row[4]) < 1000 for row in cells)
    assert 190_000 < (tmp_path / "table.csv").stat().st_size <= 200_000


def test_edited_table_has_the_rows_inserted_deleted_and_appended(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    table.write_table(old, 200_000)
    table.edit_table(old, new, table.TableEdits(30, 20, 5_000), seed=5)
    before, after = (path.read_bytes().splitlines(keepends=True) for path in (old, new))
    assert len(set(before) - set(after)) == 20
    fresh = [row for row in after if row not in set(before)]
    appended = len(after) - max(number for number, row in enumerate(after) if row in set(before)) - 1
    assert len(fresh) - appended == 30
    assert 4_800 < sum(map(len, fresh[-appended:])) <= 5_000
    assert [row for row in before if row in set(after)] == [row for row in after if row in set(before)]


def test_edits_with_the_same_seed_are_the_same_and_with_another_are_not(tmp_path: Path) -> None:
    table.write_table(tmp_path / "old.csv", 100_000)
    made = []
    for number, seed in enumerate((1, 1, 2)):
        table.edit_table(
            tmp_path / "old.csv", tmp_path / f"{number}.csv", table.TableEdits(9, 9, 0), seed=seed
        )
        made.append((tmp_path / f"{number}.csv").read_bytes())
    assert made[0] == made[1] != made[2]
