"""One command at a time: a lock file that waits, then says who is in the way.

Owns the wait and its error. The lock is advisory, belongs to the process and ends with it, so a crash leaves
nothing to clean up. Must not decide what needs a lock.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dvx.core.errors import Busy
from dvx.disk.atomic import disk_errors


@contextmanager
def hold_lock(
    path: str, *, timeout_s: float, describe: str, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block; folders above it are created.

    `describe` names what is locked, such as "the workspace". `on_wait` is called once, when the lock is not
    free at once. Raises Busy after `timeout_s` seconds, LocalDiskError when the file cannot be made. The file
    stays behind, empty.
    """
    from filelock import FileLock, Timeout  # 40 ms of imports that reading commands never need

    lock = FileLock(path)
    with disk_errors(path, "lock"):
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if on_wait is not None:
                on_wait()
            try:
                lock.acquire(timeout=timeout_s)
            except Timeout as error:
                raise _busy(describe, timeout_s) from error
    try:
        yield
    finally:
        lock.release()


def _busy(describe: str, timeout_s: float) -> Busy:
    return Busy(
        f"another dvx command is still using {describe} after {timeout_s:g} s of waiting",
        affected="nothing was changed",
        hints=[
            "wait until the other command has ended, then run this one again",
            "wait longer: `DVX_LOCK_TIMEOUT_S=600` in front of the command",
        ],
    )
