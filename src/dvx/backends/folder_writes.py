"""How objects get into a folder: temporary file, fsync, rename, fsync of the folder.

Owns the `tmp` folder, the durability order and create-once. Must not interpret keys; it gets paths below its
root that the caller has checked. Leaves OSError as it comes: the folder backend translates.
"""

import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dvx.core.errors import LocalDiskError
from dvx.core.progress import ByteListener
from dvx.disk.atomic import fsync_file, fsync_folder, write_all
from dvx.disk.links import copy_content

# No single object takes two days to write, so an older temporary file belongs to a process that died.
STALE_AFTER_S: Final = 2 * 24 * 3600
_LOCK_WAIT_S: Final = 10.0
_CREATE_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_OPEN_FLAGS: Final = os.O_RDWR | getattr(os, "O_BINARY", 0)
# What file systems without hard links answer (exFAT, some SMB and FUSE mounts).
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NoParentError(Exception):
    """The folder that the root is to be made in is not there."""


class FolderWriter:
    """Publishes files below `root`, each complete and (when `durable`) on disk before it has its name."""

    def __init__(self, root: str, *, durable: bool, makes_parents: bool) -> None:
        """Without `makes_parents`, `root` is made only where the folder above it is there; else NoParentError."""
        self._root = root
        self._makes_parents = makes_parents
        self._temporary_folder = os.path.join(root, "tmp")
        self._durable = durable
        self._lock = threading.Lock()
        self._ready_folders: set[str] = set()
        self._file_mode: int | None = None

    def write(self, final: str, data: bytes, *, if_absent: bool = False) -> None:
        """Give `final` the content `data`. Raises FileExistsError when `if_absent` and it exists."""

        def fill(fd: int) -> int:
            write_all(fd, data)
            return len(data)

        self._write(final, fill, size=len(data), if_absent=if_absent)

    def copy(self, final: str, source: str, *, on_bytes: ByteListener | None = None) -> None:
        """Give `final` the content of the file `source`, which stays; `on_bytes` is told of bytes that are copied."""
        with open(source, "rb") as file:
            size = os.fstat(file.fileno()).st_size

            def fill(fd: int) -> int:
                return copy_content(file.fileno(), fd, on_bytes=on_bytes)

            self._write(final, fill, size=size, if_absent=False)

    def move(self, final: str, source: str) -> None:
        """Give `final` the content of the file `source`, which is gone afterwards."""
        self._prepare_temporary_folder()
        if self._file_mode is not None and os.name == "posix":
            os.chmod(source, self._file_mode)
        if self._durable:
            _fsync_path(source)
        try:
            self._publish(source, final, if_absent=False)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.copy(final, source)
            os.unlink(source)

    def _write(self, final: str, fill: Callable[[int], int], *, size: int, if_absent: bool) -> None:
        self._prepare_temporary_folder()
        temporary, fd = self._create_temporary()
        try:
            try:
                written = fill(fd)
                if written != size or os.fstat(fd).st_size != size:
                    raise OSError(errno.EIO, f"{written} of {size} bytes were written", final)
                if self._durable:
                    fsync_file(fd)
            finally:
                os.close(fd)
            self._publish(temporary, final, if_absent=if_absent)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _create_temporary(self) -> tuple[str, int]:
        path = os.path.join(self._temporary_folder, os.urandom(16).hex())
        try:
            return path, os.open(path, _CREATE_FLAGS, 0o666)
        except FileNotFoundError:
            # Somebody cleaned up the folder while this process was running.
            self._make_folder(self._temporary_folder)
            return path, os.open(path, _CREATE_FLAGS, 0o666)

    def _publish(self, temporary: str, final: str, *, if_absent: bool) -> None:
        place = _create_once if if_absent else _replace
        folder = os.path.dirname(final)
        self._ready_folder(folder)
        try:
            place(temporary, final, self._temporary_folder)
        except FileNotFoundError:
            with self._lock:
                self._ready_folders.clear()
            self._ready_folder(folder)
            place(temporary, final, self._temporary_folder)
        if self._durable:
            fsync_folder(folder)

    def _ready_folder(self, folder: str) -> None:
        """Create `folder` if needed and make its own name durable, once for each folder and process.

        The folders above are synced also when they existed: another process may just have made them.
        """
        with self._lock:
            if folder in self._ready_folders:
                return
            ready = set(self._ready_folders)
        self._make_folder(folder)
        made, above = {folder}, folder
        while self._durable and above not in ready and len(above) > len(self._root):
            above = os.path.dirname(above)
            fsync_folder(above)
            made.add(above)
        if self._durable and above not in ready:
            _fsync_folder_above(self._root)
        with self._lock:
            self._ready_folders |= made

    def _make_folder(self, path: str) -> None:
        if not self._makes_parents and not os.path.isdir(self._root):
            if not os.path.lexists(os.path.dirname(self._root)):
                raise NoParentError(self._root)
            with suppress(FileExistsError):
                os.mkdir(self._root)
        _make_folder(path)

    def _prepare_temporary_folder(self) -> None:
        """Create `tmp`, learn the mode and clock of the file system, remove stale temporary files; once."""
        with self._lock:
            if self._file_mode is not None:
                return
        self._make_folder(self._temporary_folder)
        path, fd = self._create_temporary()
        try:
            status = os.fstat(fd)
        finally:
            os.close(fd)
            os.unlink(path)
        self._remove_stale(before_s=status.st_mtime - STALE_AFTER_S)
        with self._lock:
            self._file_mode = status.st_mode & 0o777

    def _remove_stale(self, *, before_s: float) -> None:
        # Best effort: a file of another user that cannot be removed only costs space.
        with suppress(OSError), os.scandir(self._temporary_folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before_s:
                        os.unlink(entry.path)


def _replace(temporary: str, final: str, _temporary_folder: str) -> None:
    os.replace(temporary, final)


def _create_once(temporary: str, final: str, temporary_folder: str) -> None:
    """Give `temporary` the name `final` unless that exists (FileExistsError)."""
    if sys.platform == "win32":
        os.rename(temporary, final)  # refuses an existing name there, unlike on POSIX
        return
    try:
        os.link(temporary, final)
    except FileExistsError:
        # NFS repeats a request whose answer was lost; a second link count says that the first one worked.
        if os.stat(temporary).st_nlink != 2 or not os.path.samefile(temporary, final):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_under_lock(temporary, final, temporary_folder)
        return
    with suppress(FileNotFoundError):
        os.unlink(temporary)


def _rename_under_lock(temporary: str, final: str, temporary_folder: str) -> None:
    """Create once where hard links are missing: a lock file beside the check and the rename.

    The lock file is named for the key, so it also excludes writers on other machines. One that a dead process
    left is removed with the stale temporary files; until then the key cannot be created.
    """
    lock = os.path.join(temporary_folder, "lock-" + os.path.basename(final))
    deadline_s = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            os.close(os.open(lock, _CREATE_FLAGS, 0o666))
            break
        except FileExistsError:
            if os.path.lexists(final):
                raise
            if time.monotonic() > deadline_s:
                raise TimeoutError(errno.ETIMEDOUT, "another process is creating it", final) from None
            time.sleep(0.02)
    try:
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final)
        os.rename(temporary, final)
    finally:
        os.unlink(lock)


def _make_folder(path: str) -> None:
    """Make `path` and the folders above it. Raises NotADirectoryError where a file is in the way."""
    try:
        os.makedirs(path, exist_ok=True)
    except FileExistsError as error:
        # FileExistsError is kept for create-once.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from error


def _fsync_folder_above(root: str) -> None:
    try:
        fsync_folder(os.path.dirname(root))
    except LocalDiskError as error:
        # Folders above the root may be closed to reading; then the root was made by somebody else, long ago.
        if error.kind != "no-permission":
            raise


def _fsync_path(path: str) -> None:
    fd = os.open(path, _OPEN_FLAGS)
    try:
        fsync_file(fd)
    finally:
        os.close(fd)
