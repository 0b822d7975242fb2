"""disk.atomic: whole files or nothing, and the words for what a disk refuses."""

import errno
import os

import pytest

from dvx.core.errors import LocalDiskError
from dvx.disk.atomic import (
    TEMPORARY_PREFIX,
    disk_errors,
    fsync_folder,
    local_disk_error,
    printable,
    temporary_name,
    write_all,
    write_atomic,
)


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("data", [b"", b"new content", b"x" * 300_000])
def test_write_atomic_replaces_the_content(tmp_path, durable, data):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write_atomic(str(path), data, durable=durable)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


def test_write_atomic_with_a_mode_sets_it(tmp_path):
    write_atomic(str(tmp_path / "secret"), b"1", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_write_atomic_to_a_name_without_folder_uses_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomic("here", b"1")
    assert (tmp_path / "here").read_bytes() == b"1"


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_write_that_fails_keeps_the_old_content_and_leaves_no_temporary(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(LocalDiskError) as caught:
        write_atomic(str(path), b"new")
    assert caught.value.kind == "disk-full"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_write_of_fewer_bytes_than_given_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda descriptor, data: len(data))  # claims, and writes nothing
    with pytest.raises(LocalDiskError, match="wrote 3 bytes, the file has 0"):
        write_atomic(str(tmp_path / "file"), b"new")
    assert os.listdir(tmp_path) == []


def test_write_all_goes_on_after_a_short_write(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    write_all(descriptor, b"0123456789")
    os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, "disk-full", "no space left on the disk to write `/a/b`"),
        (errno.EDQUOT, "disk-full", "no space left on the disk to write `/a/b`"),
        (errno.EROFS, "read-only-disk", "cannot write `/a/b`: the file system is read-only"),
        (errno.EACCES, "no-permission", "no permission to write `/a/b`"),
        (errno.EIO, "disk", "cannot write `/a/b`: Input/output error"),
    ],
)
def test_each_refusal_of_the_disk_has_its_own_sentence(number, kind, words):
    with pytest.raises(LocalDiskError) as caught, disk_errors("/a/b", "write"):
        raise OSError(number, os.strerror(number))
    assert (caught.value.kind, caught.value.what) == (kind, words)
    assert isinstance(caught.value.__cause__, OSError)
    assert bool(caught.value.hints) == (kind != "disk")


def test_disk_errors_passes_other_exceptions():
    with pytest.raises(KeyError), disk_errors("/a", "read"):
        raise KeyError("x")


def test_path_that_is_not_utf8_is_shown_escaped():
    assert printable(os.fsdecode(b"a\xffb")) == "a\\xffb"
    assert "a\\xff" in local_disk_error(OSError(errno.EIO, "x"), os.fsdecode(b"a\xff"), "read").what


def test_temporary_names_differ_and_stay_in_the_folder():
    names = {temporary_name("/f") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"/f/{TEMPORARY_PREFIX}") for name in names)


def test_fsync_folder_where_the_file_system_cannot_is_fine(tmp_path, monkeypatch):
    def cannot(descriptor):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", cannot)
    fsync_folder(str(tmp_path))


def test_fsync_folder_that_fails_for_real_raises(tmp_path, monkeypatch):
    def broken(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(LocalDiskError, match="cannot flush"):
        fsync_folder(str(tmp_path))
