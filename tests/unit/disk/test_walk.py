"""disk.walk: order, kinds and refusals."""

import os
import socket

import pytest

from dvx.core.errors import ChangedWhileReading, LocalDiskError, PathRefused
from dvx.disk.walk import walk_blocks, walk_tree


def make(root, *paths):
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.encode())


def listed(root, **options):
    return [entry.path for entry in walk_tree(str(root), **options)]


def test_order_is_that_of_the_utf8_bytes(tmp_path):
    names = ["a.b", "a/b", "a0", "a-/x", "a/b.c/d", "a/b-", "A", "é", "z", "\U0001f600", "\uffee", "a /q"]
    names[1] = "a/b/e"
    make(tmp_path, *names)
    found = listed(tmp_path)
    assert found == sorted(names, key=lambda name: name.encode("utf-8"))


def test_empty_directory_is_ordered_as_a_name_and_full_one_as_a_prefix(tmp_path):
    make(tmp_path, "a/", "a.b", "b.c", "b/x", "b/y/", "c/d/e/")
    assert listed(tmp_path) == ["a", "a.b", "b.c", "b/x", "b/y", "c/d/e"]


def test_kinds_sizes_and_stamps(tmp_path):
    make(tmp_path, "file", "run", "dir/")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "link").symlink_to("dir")
    found = {entry.path: entry for entry in walk_tree(str(tmp_path))}
    assert {path: entry.kind for path, entry in found.items()} == {
        "dir": "directory", "file": "file", "link": "symlink", "run": "executable",
    }  # fmt: skip
    status = os.lstat(tmp_path / "file")
    assert found["file"][2:] == (4, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    assert (found["dir"].size, found["link"].size) == (0, 3)


def test_symlink_to_a_directory_is_not_followed(tmp_path):
    make(tmp_path, "real/x")
    (tmp_path / "loop").symlink_to(".")
    assert listed(tmp_path) == ["loop", "real/x"]


def test_git_folder_and_temporary_files_are_left_out(tmp_path):
    make(tmp_path, ".git/config", "sub/.git", ".dvx-tmp-1234", "kept")
    assert listed(tmp_path) == ["kept", "sub"]


def test_ignored_entries_are_left_out_and_their_folder_counts_as_empty(tmp_path):
    make(tmp_path, "a/x.log", "a/y.log", "b/x", "c/z.log", "c/d/x")
    asked = []

    def ignore(path, is_dir):
        asked.append((path, is_dir))
        return path.endswith(".log") or path == "c/d"

    assert listed(tmp_path, ignore=ignore) == ["a", "b/x", "c"]
    assert ("c/d", True) in asked
    assert ("c/d/x", False) not in asked


def test_names_that_are_not_utf8_are_refused_and_listed_escaped(tmp_path):
    for name in (b"\xff1", b"caf\xe9"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    with pytest.raises(PathRefused) as caught:
        listed(tmp_path)
    assert caught.value.kind == "non-utf8-name"
    assert "`\\xff1`" in caught.value.what
    assert "`caf\\xe9`" in caught.value.what


def test_unsafe_name_is_refused(tmp_path):
    make(tmp_path, "sub/a\\b")
    with pytest.raises(PathRefused) as caught:
        listed(tmp_path)
    assert caught.value.kind == "unsafe-path"


def test_pipe_is_refused_by_its_kind(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathRefused, match="`pipe` is a named pipe"):
        listed(tmp_path)


def test_socket_is_refused_unless_ignored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket has at most 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(PathRefused, match="`s` is a socket"):
            listed(tmp_path)
        assert listed(tmp_path, ignore=lambda path, is_dir: path == "s") == []


def test_directory_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    make(tmp_path, "open/x", "shut/y")
    real = os.open

    def refuse(path, *rest, **options):
        if os.fspath(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LocalDiskError, match=r"no permission to list `.*shut`"):
        listed(tmp_path)


def test_entries_that_vanish_are_passed_over(tmp_path):
    make(tmp_path, "a", "b", "c/x", "d")

    def vanish(path, is_dir):
        if path == "d":  # all four are listed by now
            (tmp_path / "b").unlink()
            (tmp_path / "c/x").unlink()
            (tmp_path / "c").rmdir()
        return False

    assert listed(tmp_path, ignore=vanish) == ["a", "d"]


def test_root_that_is_missing_raises(tmp_path):
    with pytest.raises(LocalDiskError, match="cannot list"):
        listed(tmp_path / "none")


def test_tree_deeper_than_the_recursion_limit_is_walked(tmp_path):
    folders = ["/".join(["d"] * depth) for depth in range(1, 1201)]
    for folder in folders:
        os.mkdir(f"{tmp_path}/{folder}")
    assert listed(tmp_path) == [folders[-1]]
    for folder in reversed(folders):  # pytest's own clean-up is recursive
        os.rmdir(f"{tmp_path}/{folder}")


def test_root_that_is_moved_away_while_it_is_listed_is_no_smaller_tree(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").write_bytes(b"1")
    blocks = walk_blocks(str(tmp_path / "data"), shown="data/")
    next(blocks)
    os.rename(tmp_path / "data", tmp_path / "moved")
    with pytest.raises(ChangedWhileReading, match="`data`"):
        list(blocks)


def test_folder_that_goes_away_before_it_is_listed_is_refused(tmp_path, monkeypatch):
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/a").write_bytes(b"1")

    def listed(**options):
        found = []
        for block in walk_blocks(str(tmp_path / "data"), shown="data/", **options):
            found += [row[0] for row in block]
            if (tmp_path / "data/sub").exists():
                os.rename(tmp_path / "data/sub", tmp_path / "away")
        return found

    with pytest.raises(ChangedWhileReading, match="`data/sub`"):
        listed()
    os.rename(tmp_path / "away", tmp_path / "data/sub")
    refused = {}
    assert listed(refused=refused) == ["a"]
    assert list(refused) == ["data/sub"]
