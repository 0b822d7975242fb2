"""Giving a name to a new file, or taking one away, without losing what somebody else wrote a moment ago.

Owns the look at what has the name right before, and, where the system can exchange two names in one step, at what came
back. Elsewhere a write between the look and the rename is lost, as with any other program. Must not decide what may be
replaced.
"""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dvx.disk.folders import Folder, status
from dvx.disk.reading import FileStat

# Says of a name that nothing may have it. No file has such a size.
ABSENT: Final = FileStat(-1, 0, 0, 0)

_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2
# What a kernel or a file system answers that has no such rename.
_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM})

_Rename2 = Callable[[Folder, str, Folder, str, int], None]


class CarefulRenames:
    """Renames for one writer. Thread safe."""

    def __init__(self) -> None:
        self._rename2 = _find_rename2()

    def place(
        self, source: Folder, name: str, target: Folder, final: str, *, before: FileStat | None
    ) -> bool:
        """Give the file `name` in `source` the name `final`, if what has that name is still as it was `before`.

        None means that whatever is there may go. False means that something else is there: then both are as they
        were. Raises OSError.
        """
        if before is None:
            _replace(source, name, target, final)
            return True
        if before != ABSENT:
            found = status(target, final)
            if found is not None:
                return _stat_of(found) == before and self._exchange(source, name, target, final, before)
        return self._place_new(source, name, target, final)

    def take_away(self, folder: Folder, name: str, temporary: str, *, before: FileStat | None) -> bool:
        """Remove the file `name`, if it is still as it was `before`; `temporary` is a free name beside it.

        Otherwise False, and it stays. Raises OSError, FileNotFoundError where nothing has the name.
        """
        if before is None:
            os.unlink(folder.prefix + name, dir_fd=folder.descriptor)
            return True
        if _stat_of(_look(folder, name)) != before:
            return False
        _replace(folder, name, folder, temporary)
        if not _is_same_content(_look(folder, temporary), before):
            self._put_back(folder, temporary, folder, name)
            return False
        os.unlink(folder.prefix + temporary, dir_fd=folder.descriptor)
        return True

    def _exchange(self, source: Folder, name: str, target: Folder, final: str, before: FileStat) -> bool:
        if self._rename2 is None or not self._try(source, name, target, final, _RENAME_EXCHANGE):
            _replace(source, name, target, final)
            return True
        # The rename itself gave the old file a new ctime.
        if _is_same_content(_look(source, name), before):
            os.unlink(source.prefix + name, dir_fd=source.descriptor)
            return True
        assert self._rename2 is not None
        self._rename2(source, name, target, final, _RENAME_EXCHANGE)
        return False

    def _place_new(self, source: Folder, name: str, target: Folder, final: str) -> bool:
        try:
            if self._rename2 is not None and self._try(source, name, target, final, _RENAME_NOREPLACE):
                return True
        except FileExistsError:
            return False
        if status(target, final) is not None:
            return False
        _replace(source, name, target, final)
        return True

    def _put_back(self, source: Folder, name: str, target: Folder, final: str) -> None:
        """Give somebody's file its name again; where something else has it by now, both stay."""
        with suppress(FileExistsError):
            if self._rename2 is not None:
                self._rename2(source, name, target, final, _RENAME_NOREPLACE)
            elif status(target, final) is None:
                _replace(source, name, target, final)

    def _try(self, source: Folder, name: str, target: Folder, final: str, flag: int) -> bool:
        """Whether this rename is to be had here; if not, nobody asks again."""
        assert self._rename2 is not None
        try:
            self._rename2(source, name, target, final, flag)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            self._rename2 = None
            return False
        return True


def _stat_of(found: os.stat_result) -> FileStat:
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _is_same_content(found: os.stat_result, before: FileStat) -> bool:
    return (found.st_size, found.st_mtime_ns, found.st_ino) == (before.size, before.mtime_ns, before.inode)


def _look(folder: Folder, name: str) -> os.stat_result:
    return os.stat(folder.prefix + name, dir_fd=folder.descriptor, follow_symlinks=False)


def _replace(source: Folder, name: str, target: Folder, final: str) -> None:
    os.replace(
        source.prefix + name,
        target.prefix + final,
        src_dir_fd=source.descriptor,
        dst_dir_fd=target.descriptor,
    )


def _find_rename2() -> _Rename2 | None:
    """renameat2 of the C library, on Linux where it has it."""
    if sys.platform != "linux":
        return None
    import ctypes  # 3 ms that only who writes files needs

    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int

    def rename2(source: Folder, name: str, target: Folder, final: str, flag: int) -> None:
        places = os.fsencode(source.prefix + name), os.fsencode(target.prefix + final)
        if function(source.descriptor, places[0], target.descriptor, places[1], flag) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name, None, final)

    return rename2
