"""Open files of a folder backend, kept for reading ranges without opening each time.

Owns file descriptors and when they close. Must not be used for files whose content changes under a name.
"""

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# macOS allows 256 descriptors in a process by default; the rest is left to sockets and databases.
DEFAULT_LIMIT: Final = 64
READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
# Windows has no pread, and a file held open there cannot be deleted by another process.
_CAN_SHARE: Final = hasattr(os, "pread")


@dataclass(slots=True)
class OpenFile:
    """One descriptor with the size of the file when it was opened."""

    fd: int
    size: int
    users: int = 0
    is_forgotten: bool = False


class OpenFiles:
    """The most recently read files, at most `limit` of them idle; safe to use from many threads.

    A descriptor is closed only when nobody reads through it: its number could otherwise be given to another
    file in the middle of a read.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit if _CAN_SHARE else 0
        self._lock = threading.Lock()
        self._files: OrderedDict[str, OpenFile] = OrderedDict()

    @contextmanager
    def use(self, path: str) -> Iterator[OpenFile]:
        """Give the open file for `path` for the time of the block.

        Raises FileNotFoundError, also for something that is not a regular file, and OSError.
        """
        file = self._acquire(path)
        try:
            yield file
        finally:
            self._release(file)

    def forget(self, path: str) -> None:
        """Do not use the descriptor of `path` again: the name was deleted or written anew."""
        with self._lock:
            file = self._files.pop(path, None)
            if file is not None:
                _forget(file)

    def close(self) -> None:
        """Close every idle descriptor, and the others as soon as they are released."""
        with self._lock:
            while self._files:
                _forget(self._files.popitem()[1])

    def _acquire(self, path: str) -> OpenFile:
        with self._lock:
            file = self._files.get(path)
            if file is not None:
                file.users += 1
                self._files.move_to_end(path)
                return file
        opened = open_regular(path)
        opened.users = 1
        with self._lock:
            self._keep(path, opened)
        return opened

    def _keep(self, path: str, opened: OpenFile) -> None:
        if self._limit == 0 or path in self._files:
            # Another thread opened it meanwhile (or nothing is kept): this descriptor is used once.
            opened.is_forgotten = True
            return
        self._files[path] = opened
        while len(self._files) > self._limit:
            _forget(self._files.popitem(last=False)[1])

    def _release(self, file: OpenFile) -> None:
        with self._lock:
            file.users -= 1
            if file.is_forgotten and file.users == 0:
                os.close(file.fd)


def open_regular(path: str) -> OpenFile:
    """Open a regular file for reading. Raises FileNotFoundError for anything else, and OSError."""
    try:
        fd = os.open(path, READ_FLAGS)
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(path)
    except BaseException:
        os.close(fd)
        raise
    return OpenFile(fd, status.st_size)


def read_at(file: OpenFile, *, offset: int, length: int) -> bytes:
    """Read up to `length` bytes from `offset`; fewer only at the end of the file."""
    parts = []
    while length > 0:
        part = _read_once(file.fd, offset, length)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_once(fd: int, offset: int, length: int) -> bytes:
    if _CAN_SHARE:
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def _forget(file: OpenFile) -> None:
    file.is_forgotten = True
    if file.users == 0:
        os.close(file.fd)
