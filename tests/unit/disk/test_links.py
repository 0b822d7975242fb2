"""disk.links: cheap copies."""

import errno
import os

import pytest

from dvx.core.errors import LocalDiskError
from dvx.disk import links
from dvx.disk.links import clone_file, copy_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(3_000_001))
    return path


def test_clone_is_equal_or_leaves_nothing(tmp_path, source):
    cloned = clone_file(str(source), str(tmp_path / "clone"))
    if cloned:
        assert (tmp_path / "clone").read_bytes() == source.read_bytes()
    else:
        assert sorted(os.listdir(tmp_path)) == ["source"]


def test_clone_over_an_existing_file_is_refused(tmp_path, source):
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(LocalDiskError):
        clone_file(str(source), str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == b"mine"


def test_clone_on_a_platform_without_reflinks_says_no(tmp_path, source, monkeypatch):
    monkeypatch.setattr(links, "_clone_call", lambda: None)
    assert clone_file(str(source), str(tmp_path / "clone")) is False


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
