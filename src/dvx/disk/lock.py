"""One command at a time: a lock file that waits, then says who is in the way.

Owns the wait and its error. The lock is advisory, belongs to the process and ends with it, so a crash leaves
nothing to clean up. Must not decide what needs a lock.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dvx.core.errors import Busy
from dvx.disk.atomic import disk_errors

if TYPE_CHECKING:
    from filelock import FileLock

_POLL_S: Final = 0.05


@contextmanager
def hold_lock(
    path: str, *, timeout_s: float, describe: str, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block; folders above it are created.

    `describe` names what is locked, such as "the workspace". `on_wait` is called once, when the lock is not
    free at once. Raises Busy after `timeout_s` seconds, LocalDiskError when the file cannot be made. The file
    stays behind, empty.
    """
    with disk_errors(path, "lock"):
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        held = _try_lock(path)
        if held is None and on_wait is not None:
            on_wait()
        deadline_s = time.monotonic() + timeout_s
        while held is None:
            if time.monotonic() >= deadline_s:
                raise _busy(describe, timeout_s)
            time.sleep(min(_POLL_S, max(0.0, deadline_s - time.monotonic())))
            held = _try_lock(path)
    with held:
        yield


def _try_lock(path: str) -> AbstractContextManager[object] | None:
    """Take the lock for the length of a block; None if somebody else has it."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return _try_portable_lock(path)
    # Read and write, so that a named pipe in its place does not wait for a reader.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:
        file.close()
        return _try_portable_lock(path)  # file systems without flock
    except BaseException:
        file.close()
        raise
    return file


def _try_portable_lock(path: str) -> AbstractContextManager[object] | None:
    """The same where there is no flock. On POSIX it is the same lock as long as there is one."""
    from filelock import FileLock, Timeout  # 20 ms of imports that systems with flock never need

    lock = FileLock(path)
    with suppress(Timeout):
        lock.acquire(timeout=0)
        return _Releasing(lock)
    return None


class _Releasing(AbstractContextManager[None]):
    """Gives a lock that is held back at the end of the block."""

    def __init__(self, lock: "FileLock") -> None:
        self._lock = lock

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _busy(describe: str, timeout_s: float) -> Busy:
    return Busy(
        f"another dvx command is still using {describe} after {timeout_s:g} s of waiting",
        affected="nothing was changed",
        hints=[
            "wait until the other command has ended, then run this one again",
            "wait longer: `DVX_LOCK_TIMEOUT_S=600` in front of the command",
        ],
    )
