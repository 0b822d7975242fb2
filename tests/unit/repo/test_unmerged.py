import subprocess
from pathlib import Path

import pytest

from dvx.core.errors import DvxError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer
from dvx.formats.three_way import Side
from dvx.repo.repository import Repository
from dvx.repo.unmerged import (
    forget_decisions,
    load_decisions,
    read_versions,
    save_decisions,
    unmerged_pointers,
)

_POINTER = Pointer("file", hash_bytes(b"x"), 1)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A staging area with two pointers, one broken version, and a text file, all in conflict."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    good, bad = _store(tmp_path, format_pointer(_POINTER)), _store(tmp_path, b"<<<<<<< no pointer\n")
    large = _store(tmp_path, b"#" * 20_000)
    entries = [
        (good, 1, "a.dvx"), (bad, 2, "a.dvx"), (large, 3, "a.dvx"), (good, 2, "dir/ünï.dvx"),
        (good, 2, "text.txt"), (good, 3, "text.txt"), (good, 0, "fine.dvx"), (good, 2, ".dvx/x.dvx"),
    ]  # fmt: skip
    lines = "".join(f"100644 {object_id} {stage}\t{path}\n" for object_id, stage, path in entries)
    subprocess.run(["git", "update-index", "--index-info"], cwd=tmp_path, input=lines.encode(), check=True)
    return Repository.discover(str(tmp_path))


def _store(folder: Path, data: bytes) -> str:
    command = ["git", "hash-object", "-w", "--stdin"]
    return (
        subprocess.run(command, cwd=folder, input=data, check=True, capture_output=True)
        .stdout.decode()
        .strip()
    )


def test_only_pointers_with_several_versions_are_unmerged(repository: Repository) -> None:
    found = unmerged_pointers(repository)
    assert [(item.path, sorted(item.versions)) for item in found] == [
        ("a", [Side.BASE, Side.OURS, Side.THEIRS]),
        ("dir/ünï", [Side.OURS]),
    ]


def test_versions_that_are_no_pointers_are_given_as_errors(repository: Repository) -> None:
    versions = read_versions(repository, unmerged_pointers(repository)[0])
    assert versions[Side.BASE] == _POINTER
    assert isinstance(versions[Side.OURS], DvxError)
    assert isinstance(versions[Side.THEIRS], DvxError)


def test_decisions_are_remembered_for_exactly_these_versions(repository: Repository) -> None:
    one, other = unmerged_pointers(repository)
    decided = [("", Side.OURS), ("sub/é", Side.THEIRS)]
    save_decisions(repository, one, decided)
    assert load_decisions(repository, one) == decided
    assert load_decisions(repository, other) == []
    changed = type(one)(one.pointer_path, {**one.versions, Side.OURS: "0" * 40})
    assert load_decisions(repository, changed) == []
    forget_decisions(repository, one)
    assert load_decisions(repository, one) == []
    assert not Path(repository.git_dir, "dvx", "merge").exists()


@pytest.mark.parametrize("state", [b"", b"[]", b'{"versions": 1}', b"\xff", b'{"decided": [["a"]]}'])
def test_decisions_that_cannot_be_read_are_none(repository: Repository, state: bytes) -> None:
    (one, _) = unmerged_pointers(repository)
    save_decisions(repository, one, [("a", Side.OURS)])
    (place,) = Path(repository.git_dir, "dvx", "merge").iterdir()
    place.write_bytes(state)
    assert load_decisions(repository, one) == []
