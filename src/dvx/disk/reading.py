"""Reading files of a person: opened without following links, and never trusted to stay as they are.

Owns the check that a file did not change while it was read. Must not know what the bytes are for.
"""

import os
import stat as stat_module
from typing import Final, NamedTuple

from dvx.core.errors import ChangedWhileReading, PathRefused
from dvx.core.ids import Hasher
from dvx.disk.atomic import disk_errors

# Not blocking: a named pipe that took the place of a file must not make the open wait for a writer.
_OPEN_FLAGS: Final = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_BINARY", "O_CLOEXEC", "O_NONBLOCK")
)


class FileStat(NamedTuple):
    """What identifies an unchanged file: size in bytes, times in ns, inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Source(NamedTuple):
    """A file (or symlink target) whose content is to be stored.

    `path` is where to read, `name` how to speak of it; `inline` is set for contents that are not in a file.
    """

    path: str
    name: str
    size: int
    inline: bytes | None = None


def open_source(source: Source) -> int:
    """Open a file for reading without following a symlink and return the descriptor."""
    with disk_errors(source.name, "read"):
        return os.open(source.path, _OPEN_FLAGS)


def read_stat(fd: int, source: Source) -> FileStat:
    """Stat an open file; refuses what is not a regular file."""
    found = os.fstat(fd)
    if not stat_module.S_ISREG(found.st_mode):
        raise PathRefused(f"`{source.name}` is not a regular file", kind="not-a-regular-file")
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def check_unchanged(source: Source, before: FileStat, after: FileStat, read_bytes: int) -> None:
    """Raise ChangedWhileReading unless the file stayed as it was from first to last byte."""
    if before != after or read_bytes != before.size:
        raise ChangedWhileReading(
            f"`{source.name}` changed while it was being read",
            affected="no pointer was written; data stored so far is reused by the next run",
            hints=[f"wait until nothing writes to it, then run `dvx add {source.name}` again"],
        )


def hash_file(source: Source, expected: FileStat, hasher: Hasher) -> None:
    """Feed a whole file to `hasher` in 8 MiB steps; used where only the id is wanted."""
    fd = open_source(source)
    try:
        before = read_stat(fd, source)
        done = 0
        with disk_errors(source.name, "read"), open(fd, "rb", buffering=0, closefd=False) as raw:
            buffer = memoryview(bytearray(min(8 << 20, max(1, before.size))))
            while count := raw.readinto(buffer):
                hasher.update(buffer[:count])
                done += count
        check_unchanged(source, before, read_stat(fd, source), done)
        check_unchanged(source, expected, before, done)
    finally:
        os.close(fd)
