"""One marked block of lines at the end of a Git configuration file.

Owns writing it and taking it out so that every other byte stays. Must not know what the lines mean. `git config`
would do the same key by key, at 2 ms each, and leaves a file that differs from the one before.
"""

import os
import time
from contextlib import suppress
from typing import Final

from dvx.core.errors import Busy
from dvx.disk.atomic import disk_errors, write_all

_BEGIN: Final = b"# dvx hooks: begin, `dvx hooks uninstall` takes these lines out\n"
# Where the file had no line end at its end: the one before this line goes with the block.
_BEGIN_JOINED: Final = (
    b"\n# dvx hooks: begin, `dvx hooks uninstall` takes these lines out, and the line end before\n"
)
_END: Final = b"# dvx hooks: end\n"
_LOCK_WAIT_S: Final = 5.0
_LOCK_POLL_S: Final = 0.05
# Git writes a configuration file in a few milliseconds.
_STALE_AFTER_S: Final = 2.0


def read_block(path: str) -> bytes | None:
    """Return the lines in the block; None where there is none. Raises LocalDiskError."""
    parts = _split(_read(path))
    return None if parts is None else parts[1]


def write_block(path: str, lines: bytes, *, foretold: list[str] | None = None) -> bool:
    """Make the block hold `lines`, which end with a line end; False if it did.

    Lines that a person added to the block stay as long as nothing else has to change. With `foretold` nothing is
    written, and that list is told what would be. Raises Busy, LocalDiskError.
    """
    data = _read(path)
    parts = _split(data)
    if parts is not None and set(lines.splitlines()) <= set(parts[1].splitlines()):
        return False
    if foretold is not None:
        foretold.append(f"write `{path}`")
        return True
    before, after = (data, b"") if parts is None else (parts[0], parts[2])
    begin = _BEGIN if not before or before.endswith(b"\n") else _BEGIN_JOINED
    _replace(path, before + begin + lines + _END + after)
    return True


def remove_block(path: str, *, foretold: list[str] | None = None) -> bool:
    """Take the block out; False if there was none. `foretold` as with write_block. Raises Busy, LocalDiskError."""
    parts = _split(_read(path))
    if parts is None:
        return False
    if foretold is not None:
        foretold.append(f"take the lines of dvx out of `{path}`")
        return True
    _replace(path, parts[0] + parts[2])
    return True


def _split(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    for begin in (_BEGIN_JOINED, _BEGIN):
        start = data.find(begin)
        end = data.find(_END, start)
        if start >= 0 and end >= 0:
            return data[:start], data[start + len(begin) : end], data[end + len(_END) :]
    return None


def _read(path: str) -> bytes:
    with disk_errors(path, "read"):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""


def _replace(path: str, data: bytes) -> None:
    """Write as Git does: into PATH.lock, which keeps everybody else out, then rename it."""
    place = os.path.realpath(path)
    lock = place + ".lock"
    with disk_errors(place, "write"):
        descriptor = _open_lock(lock)
        try:
            try:
                write_all(descriptor, data)
                with suppress(FileNotFoundError):
                    os.chmod(lock, os.stat(place).st_mode & 0o777)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(lock, place)
        except BaseException:
            with suppress(OSError):
                os.unlink(lock)
            raise


def drop_stale_lock(path: str) -> None:
    """Remove the lock of a configuration file that a killed dvx has left. A living Git lets go of it meanwhile."""
    lock = os.path.realpath(path) + ".lock"
    deadline_s = time.monotonic() + _STALE_AFTER_S
    while os.path.lexists(lock):
        if time.monotonic() > deadline_s:
            with suppress(FileNotFoundError), disk_errors(lock, "remove"):
                os.unlink(lock)
        time.sleep(_LOCK_POLL_S)


def _open_lock(lock: str) -> int:
    deadline_s = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        except FileExistsError as error:
            if time.monotonic() > deadline_s:
                raise Busy(
                    f"another Git command holds `{lock}`",
                    hints=["let it finish; if none runs, remove the file, then run the command again"],
                ) from error
            time.sleep(_LOCK_POLL_S)
