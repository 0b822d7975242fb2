"""store.duplicates: equal files of a checkout are copied, and copies are checked."""

import os

from dvx.core.ids import hash_bytes
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.store.duplicates import MIN_COPY_BYTES, find_duplicates, write_copies
from dvx.store.files_to_write import FileToWrite

DATA = os.urandom(MIN_COPY_BYTES)


def file(path, data=DATA, kind="file"):
    return FileToWrite(path, kind, len(data), hash_bytes(data), 0)


def test_large_equal_files_are_copies_of_the_first():
    files = [
        file("a"),
        file("small", b"x"),
        file("b"),
        file("small2", b"x"),
        file("c", os.urandom(len(DATA))),
    ]
    assert [(each.path, original) for each, original in find_duplicates(files)] == [("b", "a")]


def test_copy_has_content_and_mode(tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    with WorkspaceWriter(str(tmp_path)) as writer:
        ((done, stat),) = write_copies(writer, str(tmp_path), [(file("sub/b", kind="executable"), "a")])
    assert (done.path, stat.size) == ("sub/b", len(DATA))
    assert (tmp_path / "sub/b").read_bytes() == DATA
    assert os.access(tmp_path / "sub/b", os.X_OK)


def test_original_that_changed_is_not_copied(tmp_path):
    (tmp_path / "a").write_bytes(b"changed")
    (tmp_path / "b").write_bytes(b"as it was")
    with WorkspaceWriter(str(tmp_path)) as writer:
        ((_, stat),) = write_copies(writer, str(tmp_path), [(file("b"), "a")])
    assert stat is None
    assert (tmp_path / "b").read_bytes() == b"as it was"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
