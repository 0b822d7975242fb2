"""OpenFiles: descriptors are shared, bounded, and closed when nobody reads through them."""

import os
from pathlib import Path

import pytest

from dvx.backends.open_files import OpenFiles, read_at

posix_only = pytest.mark.skipif(
    not hasattr(os, "pread"), reason="files are only kept open where pread exists"
)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@posix_only
def test_file_is_opened_once_for_many_reads(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"0123456789")
    files = OpenFiles()
    seen = set()
    for offset in range(5):
        with files.use(str(tmp_path / "one")) as file:
            seen.add(file.fd)
            assert read_at(file, offset=offset, length=2) == b"0123456789"[offset : offset + 2]
    assert len(seen) == 1
    files.close()


@posix_only
def test_least_recently_used_file_is_closed_first(tmp_path: Path) -> None:
    files = OpenFiles(limit=2)
    fds = {}
    for name in ("a", "b", "a", "c"):
        (tmp_path / name).write_bytes(b"x")
        with files.use(str(tmp_path / name)) as file:
            fds[name] = file.fd
    assert [is_open(fds[name]) for name in "ac"] == [True, True]
    with files.use(str(tmp_path / "b")) as file:
        assert read_at(file, offset=0, length=1) == b"x"
    files.close()
    assert not any(is_open(fd) for fd in fds.values())


@posix_only
@pytest.mark.parametrize("end", ["forget", "close", "evict"])
def test_file_in_use_stays_open_until_it_is_released(tmp_path: Path, end: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode())
    files = OpenFiles(limit=1)
    with files.use(str(tmp_path / "one")) as file:
        if end == "forget":
            files.forget(str(tmp_path / "one"))
        elif end == "close":
            files.close()
        else:
            with files.use(str(tmp_path / "two")):
                pass
        assert read_at(file, offset=0, length=10) == b"one"
    assert not is_open(file.fd)
    files.close()


@pytest.mark.parametrize("name", ["missing", "folder", "file/below"])
def test_what_is_no_regular_file_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises((FileNotFoundError, PermissionError)), OpenFiles().use(str(tmp_path / name)):
        pass


def test_read_at_the_end_is_short(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"0123")
    files = OpenFiles()
    with files.use(str(tmp_path / "one")) as file:
        assert file.size == 4
        assert read_at(file, offset=2, length=10) == b"23"
        assert read_at(file, offset=4, length=10) == b""
    files.close()
