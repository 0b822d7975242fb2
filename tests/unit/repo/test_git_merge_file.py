"""Merging pointers line by line, as Git does where the driver is not installed."""

from pathlib import Path

import pytest

from dvx.core.errors import GitError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer
from dvx.repo.git import Git

Table = dict[str, object]


def _pointer(content: bytes, extra: Table) -> bytes:
    return format_pointer(Pointer("directory", hash_bytes(content), len(content), 1, extra))


def _merge(folder: Path, base: bytes, ours: bytes, theirs: bytes) -> tuple[bool, bytes]:
    places = [folder / name for name in ("ours", "base", "theirs")]
    for place, data in zip(places, (ours, base, theirs), strict=True):
        place.write_bytes(data)
    is_clean = Git(str(folder)).merge_file([str(place) for place in places], marker_bytes=9)
    return is_clean, places[0].read_bytes()


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (
            {"a": {"x": 1}, "b": {"x": 1}},
            {"a": {"x": 2}, "b": {"x": 1}},
            {"a": {"x": 1}, "b": {"x": 2}},
            {"a": {"x": 2}, "b": {"x": 2}},
        ),
        ({"a": {"x": 1}}, {"a": {"x": 1, "z": 1}}, {"a": {"x": 1}}, {"a": {"x": 1, "z": 1}}),
        (
            {"a": {"k": 1, "m": 1, "z": 1}},
            {"a": {"k": 2, "m": 1, "z": 1}},
            {"a": {"k": 1, "m": 1, "z": 2}},
            {"a": {"k": 2, "m": 1, "z": 2}},
        ),
    ],
)
def test_changes_with_a_line_between_them_merge(
    tmp_path: Path, base: Table, ours: Table, theirs: Table, merged: Table
) -> None:
    is_clean, data = _merge(tmp_path, *(_pointer(b"d", extra) for extra in (base, ours, theirs)))
    assert is_clean
    assert data == _pointer(b"d", merged)


def test_new_data_and_a_changed_table_merge(tmp_path: Path) -> None:
    base, theirs = _pointer(b"d", {"p": {"a": 1}}), _pointer(b"d", {"p": {"a": 2}})
    is_clean, data = _merge(tmp_path, base, _pointer(b"new", {"p": {"a": 1}}), theirs)
    assert is_clean
    assert parse_pointer(data).extra == {"p": {"a": 2}}
    assert data == _pointer(b"new", {"p": {"a": 2}})


def test_changes_of_neighbouring_lines_are_a_conflict(tmp_path: Path) -> None:
    texts = [_pointer(b"d", {"p": {"a": a, "b": b}}) for a, b in ((1, 1), (2, 1), (1, 2))]
    is_clean, data = _merge(tmp_path, texts[0], texts[1], texts[2])
    assert not is_clean
    assert b"<<<<<<<<< ours\n" in data


def test_binary_files_cannot_be_merged(tmp_path: Path) -> None:
    with pytest.raises(GitError):
        _merge(tmp_path, b"\x00", b"\x00a", b"\x00b")
