"""Copying a file the cheapest way that the file system offers.

Owns reflinks (two files share their extents until one is written) and in-kernel copies. Abilities are tried,
never assumed; nothing here is specific to a platform at import time. Must not use hard links: an edit through
one would change the other file.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final

from dvx.disk.atomic import disk_errors, write_all

# linux/fs.h: _IOW(0x94, 9, int). MIPS, PowerPC and SPARC number it differently and answer ENOTTY, which
# counts as "not supported".
_FICLONE: Final = 0x40049409
# sys/clonefile.h: do not follow a symlink at the source.
_CLONE_NOFOLLOW: Final = 0x0001
_NOT_SUPPORTED: Final = frozenset(
    {
        errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM,
        errno.ETXTBSY, errno.EBADF,
    }
)  # fmt: skip
# 8 MiB per call lets an interrupt through, and progress be seen, on a slow share too.
_KERNEL_COPY_BYTES: Final = 8 * 1024 * 1024
_COPY_BYTES: Final = 1024 * 1024
_BINARY: Final = getattr(os, "O_BINARY", 0)


def copy_file(src: str, dst: str, *, on_bytes: Callable[[int], object] | None = None) -> int:
    """Make the new file `dst` with the bytes of `src` and return their count; holes and mode are not kept.

    Shares the extents where the file system can; where bytes are copied, `on_bytes` is told of them. `dst` must not
    exist and does not exist after a failure. Raises LocalDiskError.
    """
    with disk_errors(src, "read"):
        source = os.open(src, os.O_RDONLY | _BINARY)
    try:
        with disk_errors(dst, "write"):
            if sys.platform == "darwin" and _clone_darwin(src, dst):
                return os.fstat(source).st_size
            return _into_new_file(source, dst, on_bytes)
    finally:
        os.close(source)


def copy_content(source: int, target: int, *, on_bytes: Callable[[int], object] | None = None) -> int:
    """Copy a whole open file into an empty one, by descriptors, and return the count of bytes; see copy_file.

    A reflink where the file system can, else a copy in the kernel, else through memory. Raises OSError.
    """
    if _clone_linux(source, target):
        return os.fstat(target).st_size
    os.lseek(source, 0, os.SEEK_SET)
    tell = on_bytes or _tell_nobody
    copied = _copy_in_kernel(source, target, tell)
    # Also after a kernel copy: it reports the end early on some virtual file systems.
    return copied + _copy_through_memory(source, target, tell)


def _tell_nobody(_: int) -> None:
    pass


def _into_new_file(source: int, dst: str, on_bytes: Callable[[int], object] | None) -> int:
    target = os.open(dst, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        copied = copy_content(source, target, on_bytes=on_bytes)
    except BaseException:
        os.close(target)
        os.unlink(dst)
        raise
    os.close(target)
    return copied


def _copy_in_kernel(source: int, target: int, tell: Callable[[int], object]) -> int:
    """Copy as far as copy_file_range goes and return the count; both file positions move along."""
    copied = 0
    if sys.platform == "linux":
        try:
            while count := os.copy_file_range(source, target, _KERNEL_COPY_BYTES):
                copied += count
                tell(count)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
    return copied


def _copy_through_memory(source: int, target: int, tell: Callable[[int], object]) -> int:
    copied = 0
    while block := os.read(source, _COPY_BYTES):
        write_all(target, block)
        copied += len(block)
        tell(len(block))
    return copied


def _clone_linux(source: int, target: int) -> bool:
    """Let the empty file `target` share all extents of `source`; False where that is not possible."""
    if sys.platform != "linux":
        return False
    import fcntl  # not on Windows

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        return False
    return True


def _clone_darwin(src: str, dst: str) -> bool:
    import ctypes  # 10 ms, and only macOS needs it

    clonefile = getattr(ctypes.CDLL(None, use_errno=True), "clonefile", None)
    if clonefile is None:
        return False
    clonefile.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint32)
    if clonefile(os.fsencode(src), os.fsencode(dst), _CLONE_NOFOLLOW) == 0:
        return True
    number = ctypes.get_errno()
    if number not in _NOT_SUPPORTED:
        raise OSError(number, os.strerror(number), dst)
    return False
