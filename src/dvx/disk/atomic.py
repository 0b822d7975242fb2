"""Whole files that appear at once or not at all, and the words for what a disk refuses.

Owns temporary names, the order write -> length check -> fsync -> rename -> fsync of the folder, and the
translation of OSError into LocalDiskError. Must not know what the bytes mean.
"""

import errno
import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import Final

from dvx.core.errors import LocalDiskError

TEMPORARY_PREFIX: Final = ".dvx-tmp-"

_NO_SPACE: Final = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_NO_PERMISSION: Final = frozenset({errno.EACCES, errno.EPERM})
# What file systems answer that cannot flush a folder (some network and FUSE mounts).
_CANNOT_FLUSH: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF})
# Windows: creating a symbolic link needs a privilege that ordinary accounts lack.
_WINDOWS_PRIVILEGE_NOT_HELD: Final = 1314


class disk_errors:  # noqa: N801 - used like a function: `with disk_errors(path, "write"):`
    """Context manager that turns an OSError into the LocalDiskError for `action` on `path`.

    `action` is a verb that fits "cannot ACTION `path`", such as "write", "read", "list". A class, because a
    generator-based context manager costs 1 microsecond more per file.
    """

    __slots__ = ("action", "path")

    def __init__(self, path: str, action: str) -> None:
        self.path = path
        self.action = action

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise local_disk_error(error, self.path, self.action) from error


def local_disk_error(error: OSError, path: str, action: str) -> LocalDiskError:
    """Explain an OSError: a full disk, a read-only file system and missing permission in their own words."""
    from dvx.core.shell_words import quote  # only a refusal suggests a command

    shown = printable(path)
    if error.errno in _NO_SPACE:
        # Of the path itself where it is a folder: it may be what another disk is mounted at.
        full = quote(printable(existing_folder(path)))
        return LocalDiskError(
            f"no space left on the disk to {action} `{shown}`",
            hints=[
                f"free space there (`df -h {full}` and `df -i {full}` show its use), then run the command again"
            ],
            kind="disk-full",
        )
    if error.errno == errno.EROFS:
        return LocalDiskError(
            f"cannot {action} `{shown}`: the file system is read-only",
            hints=["mount it for writing, then run the command again"],
            kind="read-only-disk",
        )
    if getattr(error, "winerror", None) == _WINDOWS_PRIVILEGE_NOT_HELD:
        return LocalDiskError(
            f"cannot {action} `{shown}`: Windows does not let this account create symbolic links",
            hints=["turn on Developer Mode in the Windows settings, then run the command again"],
            kind="no-permission",
        )
    if error.errno in _NO_PERMISSION:
        return LocalDiskError(
            f"no permission to {action} `{shown}`",
            hints=[
                f"look at its owner and mode: `ls -ld {quote(os.path.dirname(shown) or '.')} {quote(shown)}`"
            ],
            kind="no-permission",
        )
    return LocalDiskError(f"cannot {action} `{shown}`: {error.strerror or error}")


def existing_folder(path: str) -> str:
    """The folder that `path` is, or the nearest one above it that is there."""
    folder = os.path.abspath(path)
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def printable(path: str) -> str:
    """Show a path of the disk as text that can be printed: bytes that are not UTF-8 become `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def temporary_name(folder: str) -> str:
    """Return a path in `folder` that nothing else uses: `.dvx-tmp-` and 16 random hex digits."""
    return os.path.join(folder, TEMPORARY_PREFIX + os.urandom(8).hex())


def write_atomic(path: str, data: bytes, *, durable: bool = True, mode: int | None = None) -> None:
    """Make `path` hold exactly `data`; readers see the old content or the new, never a part.

    `mode` sets the permission bits; None means 0o666 less the umask. With `durable`, the bytes and the name
    survive a power cut once this returns. Raises LocalDiskError and then leaves the old content and no
    temporary file (only a failure to flush the folder, the last step, comes after the new content is there).
    """
    folder = os.path.dirname(path) or os.curdir
    with disk_errors(path, "write"):
        temporary = temporary_name(folder)
        try:
            _write_new(temporary, data, durable=durable, mode=mode)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    if durable:
        fsync_folder(folder)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte of `data`; os.write may stop early (at 2 GiB on Linux, anywhere on a full disk)."""
    written = os.write(descriptor, data)
    if written < len(data):
        rest = memoryview(data)[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def fsync_file(descriptor: int) -> None:
    """Flush a file to the medium. Never call it again on the same file after it failed: the kernel may have
    dropped the pages and would report success. Raises OSError."""
    if sys.platform == "darwin":
        import fcntl  # not on Windows

        # fsync on macOS stops at the drive's own cache; F_FULLFSYNC goes through it, where supported.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def fsync_folder(path: str) -> None:
    """Flush the names in a folder, where the platform can; Windows and some mounts cannot, and need not.

    Raises LocalDiskError for any other failure.
    """
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folder
        return
    with disk_errors(path, "flush"):
        descriptor = os.open(path or os.curdir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _CANNOT_FLUSH:
                raise
        finally:
            os.close(descriptor)


def _write_new(path: str, data: bytes, *, durable: bool, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        write_all(descriptor, data)
        size = os.fstat(descriptor).st_size
        if size != len(data):
            raise OSError(errno.EIO, f"wrote {len(data)} bytes, the file has {size}")
        if mode is not None:
            os.chmod(path, mode)
        if durable:
            fsync_file(descriptor)
    finally:
        os.close(descriptor)
