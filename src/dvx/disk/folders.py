"""Reaching folders below a root without ever following a symbolic link.

Owns the cache of open folders: where the platform has directory descriptors, each component is opened with
O_NOFOLLOW relative to the one above, so nobody can swap a link in between the check and the use; elsewhere
(Windows) each component is checked with lstat. Must not touch files.
"""

import errno
import os
import stat
import sys
from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import Final, Protocol

from dvx.core.errors import LocalDiskError, PathRefused

# 64 descriptors of the usual limit of 256 (macOS) or 1024 (Linux) cover the folders that a checkout in path
# order is inside of, and the jumps between a few.
_OPEN_FOLDERS: Final = 64
_NOT_A_FOLDER: Final = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EMLINK})
HAS_DESCRIPTORS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class Folder(Protocol):
    """A place to hand to os functions: `os.unlink(folder.prefix + name, dir_fd=folder.descriptor)`.

    Keep a reference while using it: the descriptor is closed when the last reference goes.
    """

    descriptor: int | None
    prefix: str


class _DescriptorFolder:
    __slots__ = ("descriptor", "prefix")

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int | None = descriptor
        self.prefix = ""

    def __del__(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


class _PathFolder:
    __slots__ = ("descriptor", "prefix")

    def __init__(self, path: str) -> None:
        self.descriptor: int | None = None
        self.prefix = os.path.join(path, "")


class FolderCache:
    """The most recently used folders below `root`, opened safely. Thread safe.

    `root` itself may be reached through symbolic links; nothing below it is.
    """

    def __init__(self, root: str, *, capacity: int = _OPEN_FOLDERS) -> None:
        self._root = root
        self._capacity = capacity
        self._lock = Lock()
        self._open: OrderedDict[str, Folder] = OrderedDict()

    def get(self, relative: str, *, create: bool) -> Folder:
        """Return the folder at `relative` ("" is the root), making missing ones with `create`.

        The caller has checked that `relative` has no `..` and is not absolute. Raises OSError
        (FileNotFoundError without `create`), PathRefused (kind `symlinked-parent`) when a component is a
        symbolic link, and LocalDiskError when it is a file.
        """
        with self._lock:
            folder = self._open.get(relative)
            if folder is not None:
                self._open.move_to_end(relative)
                return folder
            return self._reach(relative, create=create)

    def forget(self) -> None:
        """Close every folder, for when folders were removed or exchanged under the cache."""
        with self._lock:
            self._open.clear()

    def _reach(self, relative: str, *, create: bool) -> Folder:
        """Go down from the deepest folder that is open already."""
        known = relative
        while known and known not in self._open:
            known = known.rpartition("/")[0]
        folder = self._open.get(known) or self._keep("", self._open_root())
        names = relative[len(known) :].strip("/")
        for name in names.split("/") if names else ():
            known = f"{known}/{name}" if known else name
            folder = self._keep(known, self._open_child(folder, name, known, create=create))
        return folder

    def _keep(self, relative: str, folder: Folder) -> Folder:
        if folder.descriptor is None:
            return folder  # a path may mean something else by the time of the next use: check it again
        self._open[relative] = folder
        if len(self._open) > self._capacity:
            self._open.popitem(last=False)
        return folder

    def _open_root(self) -> Folder:
        if not HAS_DESCRIPTORS or sys.platform == "win32":
            return _PathFolder(self._root)
        return _DescriptorFolder(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY))

    def _open_child(self, parent: Folder, name: str, relative: str, *, create: bool) -> Folder:
        try:
            return open_real_folder(parent, name)
        except FileNotFoundError:
            if not create:
                raise
        except OSError as error:
            if error.errno in _NOT_A_FOLDER:
                raise _blocked(parent, name, relative) from error
            raise
        with suppress(FileExistsError):  # somebody else made it a moment ago: opening it tells what it is
            os.mkdir(parent.prefix + name, dir_fd=parent.descriptor)
        return open_real_folder(parent, name)


def status(folder: Folder, name: str) -> os.stat_result | None:
    """Look at an entry itself, not through it; None when there is none. Raises OSError."""
    try:
        return os.stat(folder.prefix + name, dir_fd=folder.descriptor, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def open_real_folder(parent: Folder, name: str) -> Folder:
    """Open the folder `name` in `parent`, not through a link. Raises OSError."""
    if parent.descriptor is not None and sys.platform != "win32":
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        return _DescriptorFolder(os.open(name, flags, dir_fd=parent.descriptor))
    path = parent.prefix + name
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or getattr(found, "st_reparse_tag", False):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return _PathFolder(path)


def _blocked(parent: Folder, name: str, relative: str) -> PathRefused | LocalDiskError:
    found = status(parent, name)
    if found is not None and stat.S_ISREG(found.st_mode):
        return LocalDiskError(
            f"`{relative}` is a file where a folder is needed",
            hints=[f"move it away: `mv {relative} {relative}.old`"],
            kind="not-a-folder",
        )
    return PathRefused(
        f"`{relative}` is a symbolic link; dvx does not write through links",
        affected="nothing was written there",
        hints=[f"remove the link: `rm {relative}`"],
        kind="symlinked-parent",
    )
