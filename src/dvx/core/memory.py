"""How the process keeps memory that it freed. Must not decide how much is used."""

import sys
from typing import Final

# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
# Buffers are windows of 8 MiB and smaller; what is freed at the top of the heap stays up to this.
_LARGEST_KEPT_BYTES: Final = 32 * 1024 * 1024
_KEPT_BYTES: Final = 128 * 1024 * 1024


def keep_freed_memory() -> None:
    """Let malloc reuse buffers instead of giving them back to the system and asking again for each.

    The system clears every page that it hands out, and virtual machines may take 10 microseconds for one.
    Does something with glibc only.
    """
    if sys.platform != "linux":
        return
    import ctypes  # 5 ms that quick commands do not need

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
