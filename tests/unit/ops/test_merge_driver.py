from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer
from dvx.ops.merge_driver import DriverFiles, DriverResult, run_merge_driver
from dvx.ops.project import Project
from dvx.repo.git import Git

Merge = Callable[[bytes, bytes, bytes], tuple[DriverResult, bytes]]


def _pointer(content: bytes, **extra: object) -> bytes:
    return format_pointer(Pointer("file", hash_bytes(content), len(content), None, extra))


def _no_project() -> Project:
    raise AssertionError("a file needs no store")


@pytest.fixture
def merge(tmp_path: Path) -> Merge:
    """Run the driver on three contents; the outcome and what is in %A afterwards."""

    def run(base: bytes, ours: bytes, theirs: bytes) -> tuple[DriverResult, bytes]:
        places = [tmp_path / name for name in ("base", "ours", "theirs")]
        for place, data in zip(places, (base, ours, theirs), strict=True):
            place.write_bytes(data)
        files = DriverFiles(*map(str, places), "data/m.dvx", 7)
        return run_merge_driver(_no_project, Git(str(tmp_path)), files), places[1].read_bytes()

    return run


A, B, C = _pointer(b"a"), _pointer(b"b"), _pointer(b"c")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [(A, A, B, B), (A, B, A, B), (A, B, B, B), (b"", B, B, B), (b"garbage", B, B, B)],
)
def test_side_that_changed_is_the_result(
    merge: Merge, base: bytes, ours: bytes, theirs: bytes, merged: bytes
) -> None:
    result, data = merge(base, ours, theirs)
    assert (result.is_clean, data) == (True, merged)


@pytest.mark.parametrize("base", [A, b"", b"<<<<<<< x\n", b"\x00"])
def test_file_changed_on_both_sides_has_markers_and_both_versions(merge: Merge, base: bytes) -> None:
    result, data = merge(base, B, C)
    assert not result.is_clean
    (conflict,) = result.conflicts
    assert (conflict.path, conflict.key) == ("", None)
    text = data.decode()
    ours, theirs = text.partition("<<<<<<< ours\n")[2].partition("|||||||")[0], text.partition("=======\n")[2]
    assert hash_bytes(b"b").hex() in ours
    assert hash_bytes(b"c").hex() in theirs


def test_line_endings_and_spelling_of_the_inputs_do_not_matter(merge: Merge) -> None:
    result, data = merge(A.replace(b"\n", b"\r\n"), A, B.replace(b" = ", b"="))
    assert (result.is_clean, data) == (True, B)


def test_merged_keys_larger_than_a_pointer_may_be_are_a_conflict(merge: Merge) -> None:
    ours, theirs = _pointer(b"a", one="x" * 9000), _pointer(b"a", two="y" * 9000)
    result, data = merge(A, ours, theirs)
    assert not result.is_clean
    assert result.conflicts[0].reason == "too large when merged"
    assert data.count(b"<<<<<<< ours\n") == 1


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "is_clean", "merged"),
    [
        (b"1\n2\n3\n4\n5\n", b"1x\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5x\n", True, b"1x\n2\n3\n4\n5x\n"),
        (b"", b"a\n", b"b\n", False, b"<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"),
        (b"", b"\x00a", b"\x00b", False, b"\x00a"),
    ],
)
def test_files_that_are_no_pointers_merge_as_git_merges_them(
    merge: Merge, base: bytes, ours: bytes, theirs: bytes, is_clean: bool, merged: bytes
) -> None:
    result, data = merge(base, ours, theirs)
    assert (result.is_clean, data) == (is_clean, merged)


def test_result_is_canonical_and_keeps_keys_it_does_not_know(merge: Merge) -> None:
    ours, theirs = _pointer(b"b", later={"a": 1}), _pointer(b"a", other=[1, {"x": 2}])
    result, data = merge(A, ours, theirs)
    assert result.is_clean
    assert parse_pointer(data).extra == {"other": [1, {"x": 2}], "later": {"a": 1}}
    assert format_pointer(parse_pointer(data)) == data
