"""disk.links: cheap copies."""

import errno
import os

import pytest

from dvx.core.errors import LocalDiskError
from dvx.disk import links
from dvx.disk.links import copy_content, copy_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3_000_001))
    return path


def test_copy_over_an_existing_file_is_refused(tmp_path, source):
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(LocalDiskError):
        copy_file(str(source), str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == b"mine"


def test_copy_content_copies_from_the_start_wherever_the_descriptor_stands(tmp_path, source):
    with open(source, "rb") as file, open(tmp_path / "copy", "xb") as target:
        file.seek(1000)
        assert copy_content(file.fileno(), target.fileno()) == 3_000_001
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_copy_uses_a_reflink_where_the_file_system_has_them(tmp_path, source, monkeypatch):
    def clone(source, target):
        os.write(target, os.pread(source, 4_000_000, 0))
        return True

    monkeypatch.setattr(links, "_clone_linux", clone)
    monkeypatch.setattr(links, "_copy_in_kernel", None)
    assert copy_file(str(source), str(tmp_path / "copy")) == 3_000_001
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_copy_has_every_byte(tmp_path, source):
    assert copy_file(str(source), str(tmp_path / "copy")) == 3_000_001
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_copy_of_an_empty_file(tmp_path):
    (tmp_path / "empty").touch()
    assert copy_file(str(tmp_path / "empty"), str(tmp_path / "copy")) == 0
    assert (tmp_path / "copy").read_bytes() == b""


def test_copy_without_help_of_the_kernel_has_every_byte(tmp_path, source, monkeypatch):
    def unsupported(*args):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", unsupported, raising=False)
    copy_file(str(source), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_copy_that_fails_leaves_nothing(tmp_path, source, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LocalDiskError) as caught:
        copy_file(str(source), str(tmp_path / "copy"))
    assert caught.value.kind == "disk-full"
    assert os.listdir(tmp_path) == ["source"]


def test_copy_of_a_missing_file_names_it(tmp_path):
    with pytest.raises(LocalDiskError, match=r"cannot read `.*none`"):
        copy_file(str(tmp_path / "none"), str(tmp_path / "copy"))
