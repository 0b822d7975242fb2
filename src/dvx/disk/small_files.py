"""Small files that anybody may have put there: settings, rules, lists of values.

Owns reading one without waiting for a pipe, without taking a folder or a device for a file, and with a bound on its
size. Must not know what the bytes mean.
"""

import os
import stat
from typing import Final

from dvx.core.errors import PathRefused
from dvx.disk.atomic import disk_errors, printable

# Not blocking: a named pipe would wait for a writer for ever; a terminal must not become that of this process.
_OPEN_FLAGS: Final = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_BINARY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY")
)


def read_small_file(path: str, *, limit_bytes: int) -> bytes | None:
    """Return the bytes of a file, one more than `limit_bytes` at most; None where there is none.

    Raises PathRefused (kind `not-a-regular-file`) for anything else than a file, before it is read, and LocalDiskError.
    """
    with disk_errors(path, "read"):
        try:
            # Looked at before it is opened: opening some devices does something.
            _check_is_file(path, os.stat(path).st_mode)
            descriptor = os.open(path, _OPEN_FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            _check_is_file(path, os.fstat(descriptor).st_mode)
            return _read_up_to(descriptor, limit_bytes + 1)
        finally:
            os.close(descriptor)


def _check_is_file(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise PathRefused(
            f"`{printable(path)}` is {_kind(mode)} where a file is expected",
            hints=[f"look at it: `ls -ld {printable(path)}`, and put a file in its place"],
            kind="not-a-regular-file",
        )


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _read_up_to(descriptor: int, most_bytes: int) -> bytes:
    first = os.read(descriptor, most_bytes)
    parts = [first]
    left = most_bytes - len(first)
    while parts[-1] and left:
        parts.append(os.read(descriptor, left))
        left -= len(parts[-1])
    return first if len(parts) == 2 and not parts[1] else b"".join(parts)
