"""disk.small_files: never waits, never reads without bound."""

import os
import socket

import pytest

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.disk.small_files import read_small_file


def test_file_is_read_up_to_one_byte_more_than_the_limit(tmp_path):
    place = tmp_path / "f"
    place.write_bytes(b"0123456789")
    assert read_small_file(str(place), limit_bytes=10) == b"0123456789"
    assert read_small_file(str(place), limit_bytes=3) == b"0123"
    place.write_bytes(b"")
    assert read_small_file(str(place), limit_bytes=3) == b""


def test_what_is_not_there_is_none(tmp_path):
    (tmp_path / "f").touch()
    assert read_small_file(str(tmp_path / "none"), limit_bytes=9) is None
    assert read_small_file(str(tmp_path / "f/none"), limit_bytes=9) is None


def test_what_is_no_file_is_refused_without_reading(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for path, kind in (
            ("pipe", "a named pipe"),
            (".", "a folder"),
            ("/dev/zero", "a device"),
            ("socket", "a socket"),
        ):
            with pytest.raises(PathRefused, match=kind) as caught:
                read_small_file(path, limit_bytes=9)
            assert caught.value.kind == "not-a-regular-file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_a_disk_error(tmp_path):
    (tmp_path / "f").touch(mode=0)
    with pytest.raises(LocalDiskError):
        read_small_file(str(tmp_path / "f"), limit_bytes=9)
