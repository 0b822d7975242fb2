"""A remote that somebody hostile wrote: whatever it says, nothing is written outside the tracked path.

The stores are built by hand, with packs, pages and records that no dvx would write, each with a correct id.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvx.core.ids import hash_bytes
from dvx.testing.shell import debris, make_repo, read_tree, run_dvx
from dvx.testing.store_builder import StoreBuilder, manifest_line, pointer_text
from dvx.testing.store_scan import record_paths

Explains = Callable[..., None]
EVIL = b"#!/bin/sh\necho evil\n"
MODES = pytest.mark.parametrize("mode", ["--store", "--no-store"])


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A repository whose remote is the hostile store; afterwards nothing outside `data` was touched."""
    repo = make_repo(tmp_path / "deep" / "victim", remote=str(tmp_path / "store"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"precious")
    hooks = sorted(os.listdir(repo / ".git" / "hooks"))
    config = (repo / ".git" / "config").read_bytes()
    yield repo
    assert read_tree(outside) == {"precious": ("file", b"precious")}
    assert sorted(os.listdir(repo / ".git" / "hooks")) == hooks
    assert (repo / ".git" / "config").read_bytes() == config
    assert sorted(os.listdir(tmp_path)) == ["deep", "outside", "store"]
    assert os.listdir(tmp_path / "deep") == ["victim"]
    assert debris(repo) == []


@pytest.fixture
def store(tmp_path: Path) -> StoreBuilder:
    return StoreBuilder(tmp_path / "store")


def point_at(victim: Path, root: bytes, size: int, files: int = 1) -> None:
    (victim / "data.dvx").write_text(pointer_text("directory", root, size, files))


PATHS = [
    "../escaped", "a/../../escaped", "..", ".git/hooks/post-checkout", ".GIT/hooks/post-checkout", "a/.git/config",
    "git~1/hooks/post-checkout", "/tmp/dvx-escaped", "a//b", "./a", "a/.", "a\\..\\..\\escaped", ".g\u200cit/config",
    "a\tb", "x" * 256,
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "mode"), [(path, MODES.args[1][number % 2]) for number, path in enumerate(PATHS)], ids=ascii
)
def test_unsafe_path_in_a_listing_is_refused_before_anything_is_written(
    victim: Path, store: StoreBuilder, explains: Explains, path: str, mode: str
) -> None:
    lines = [manifest_line("f", b"harmless", "%first"), manifest_line("x", EVIL, path)]
    point_at(victim, store.put_directory(lines, [b"harmless", EVIL]), 8 + len(EVIL), 2)
    explains(run_dvx(victim, "pull", mode), 7, "the listing of `data`", "git log -- data.dvx")
    assert not (victim / "data").exists()


LINKS = ["../outside", "../../../outside/precious", "/etc/passwd", "a/../../x", ".git/config", "C:\\x", "C:x"]


@pytest.mark.parametrize(
    ("target", "mode"), [(target, MODES.args[1][number % 2]) for number, target in enumerate(LINKS)]
)
def test_symlink_that_leads_out_is_not_made(
    victim: Path, store: StoreBuilder, explains: Explains, target: str, mode: str
) -> None:
    link = target.encode()
    root = store.put_directory([manifest_line("l", link, "link")], [link])
    point_at(victim, root, len(link))
    explains(run_dvx(victim, "pull", mode), 7, "`data/link`", "is refused" if target else "")
    assert not os.path.lexists(victim / "data" / "link")


@MODES
def test_file_below_a_symlink_of_the_same_listing_is_refused(
    victim: Path, store: StoreBuilder, explains: Explains, mode: str
) -> None:
    lines = [manifest_line("l", b"b", "a"), manifest_line("f", EVIL, "a/x")]
    point_at(victim, store.put_directory(lines, [b"b", EVIL]), 1 + len(EVIL), 2)
    explains(run_dvx(victim, "pull", mode), 7, "is both an entry and the parent of")
    assert not (victim / "data").exists()


@MODES
def test_parent_folder_that_is_a_symlink_in_the_workspace_is_not_written_through(
    victim: Path, store: StoreBuilder, explains: Explains, mode: str
) -> None:
    root = store.put_directory([manifest_line("f", EVIL, "a/precious")], [EVIL])
    point_at(victim, root, len(EVIL))
    (victim / "data").mkdir()
    (victim / "data" / "a").symlink_to(victim.parent.parent / "outside")
    explains(run_dvx(victim, "pull", mode), 1, "`data/a`")
    assert (victim / "data" / "a").is_symlink()
    assert run_dvx(victim, "pull", mode, "--force").code == 0
    assert read_tree(victim / "data") == {"a/precious": ("file", EVIL)}
    assert not (victim / "data" / "a").is_symlink()


@MODES
def test_tracked_folder_that_is_a_symlink_in_the_workspace_is_not_written_through(
    victim: Path, store: StoreBuilder, explains: Explains, mode: str
) -> None:
    root = store.put_directory([manifest_line("f", EVIL, "precious")], [EVIL])
    point_at(victim, root, len(EVIL))
    (victim / "data").symlink_to(victim.parent.parent / "outside")
    explains(run_dvx(victim, "pull", mode), 1, "`data`")
    assert (victim / "data").is_symlink()


def test_folder_above_the_pointer_that_is_a_symlink_is_not_written_through(
    victim: Path, store: StoreBuilder
) -> None:
    root = store.put_file(EVIL)
    outside = victim.parent.parent / "outside"
    (victim / "models").symlink_to(outside)
    (outside / "precious.dvx").write_text(pointer_text("file", root, len(EVIL)))
    try:
        for args in (["pull"], ["pull", "--force"], ["pull", "models/precious"]):
            run_dvx(victim, *args)
            assert (outside / "precious").read_bytes() == b"precious"
    finally:
        (outside / "precious.dvx").unlink()


@MODES
def test_content_that_does_not_match_its_id_never_gets_its_name(
    victim: Path, store: StoreBuilder, explains: Explains, mode: str
) -> None:
    lines = [manifest_line("f", b"promised", "file")]
    root = store.put_directory(lines, [b"whatever"])
    point_at(victim, root, 8)
    explains(run_dvx(victim, "pull", mode), 7, "data/file")
    assert not (victim / "data" / "file").exists()


def test_wrong_record_does_not_outlive_its_correction_on_the_remote(
    victim: Path, store: StoreBuilder, explains: Explains
) -> None:
    lines = [manifest_line("f", b"promised", "file")]
    root = store.put_directory(lines, [b"whatever"])
    point_at(victim, root, 8)
    explains(run_dvx(victim, "pull", "--store"), 7, "data/file")
    for record in record_paths(store.folder):
        record.unlink()
    assert store.put_directory(lines, [b"promised"]) == root
    assert run_dvx(victim, "pull", "--store").code == 0
    assert (victim / "data" / "file").read_bytes() == b"promised"


@MODES
def test_page_that_is_no_listing_is_refused(
    victim: Path, store: StoreBuilder, explains: Explains, mode: str
) -> None:
    root = store.put_directory(["f 1 zz broken", "", "\0"], [])
    point_at(victim, root, 0, 0)
    explains(run_dvx(victim, "pull", mode), 7, "the listing of `data`")


LIES = {
    "plain-length": {"size": 2000, "chunks": 1, "plain": 2000},
    "number-of-chunks": {"chunks": 2},
    "offset": {"offset_by": 1},
    "beyond-the-pack": {"offset_by": 10**6},
    "negative": {"plain": -1000, "size": -1000},
    "astronomical": {"size": 2**62, "plain": 2**62, "chunks": 2**50},
    "repeated": {"size": 100_000, "repeat": 100},
}


@MODES
@pytest.mark.parametrize("case", LIES)
def test_record_with_lying_lengths_is_refused_without_large_allocations(
    victim: Path, store: StoreBuilder, explains: Explains, case: str, mode: str
) -> None:
    data, lie = b"x" * 1000, LIES[case]
    pack = store.put_pack([data])
    offset, stored, chunks, plain = pack.run
    run = [0, offset + lie.get("offset_by", 0), stored, lie.get("chunks", chunks), lie.get("plain", plain)]
    root, size = hash_bytes(data), lie.get("size", 1000)
    store.put_record({
        "root": root.hex(), "kind": "file", "size": size, "packs": [[pack.name.hex(), pack.size]], "pages": [],
        "runs": [run] * lie.get("repeat", 1),
    })  # fmt: skip
    (victim / "model.bin.dvx").write_text(pointer_text("file", root, max(size, 0)))
    ran = run_dvx(victim, "pull", mode)
    if "not enough space" not in ran.err:  # nobody has the space for the astronomical one
        assert ran.code in (6, 7), ran
        explains(ran, ran.code, "dvx push")
    assert not (victim / "model.bin").exists()


@pytest.mark.parametrize(
    "body", [b"", b"\x28\xb5\x2f\xfd", b"{}", bytes(range(7, 107))], ids=["empty", "cut", "json", "noise"]
)
def test_record_that_is_none_is_passed_over(
    victim: Path, store: StoreBuilder, explains: Explains, body: bytes
) -> None:
    root = store.put_file(EVIL)
    (victim / "tool.dvx").write_text(pointer_text("file", root, len(EVIL)))
    digits = root.hex()
    store.put(f"roots/{digits[:2]}/{digits}/{'00' * 16}", body)
    assert run_dvx(victim, "pull").code == 0
    assert (victim / "tool").read_bytes() == EVIL


def test_store_of_a_newer_format_suggests_an_update(
    victim: Path, store: StoreBuilder, explains: Explains
) -> None:
    marker = store.folder / "dvx-store.json"
    marker.write_bytes(marker.read_bytes().replace(b'"version":1', b'"version":2'))
    (victim / "tool.dvx").write_text(pointer_text("file", hash_bytes(EVIL), len(EVIL)))
    explains(run_dvx(victim, "pull"), 1, "pip install --upgrade git-dvx", affected=False)


def test_store_with_a_broken_marker_is_refused(victim: Path, store: StoreBuilder) -> None:
    (store.folder / "dvx-store.json").write_bytes(b"\0" * 100)
    (victim / "tool.dvx").write_text(pointer_text("file", hash_bytes(EVIL), len(EVIL)))
    ran = run_dvx(victim, "pull")
    assert ran.code == 7
    assert "Traceback" not in ran.err
