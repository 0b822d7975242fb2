"""How the process keeps memory that it freed, and looks for what it can free. Must not decide how much is used."""

import gc
import sys
from typing import Final

_OBJECTS_BETWEEN_LOOKS: Final = 500_000
# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
# Buffers are windows of 8 MiB and smaller; what is freed at the top of the heap stays up to this.
_LARGEST_KEPT_BYTES: Final = 32 * 1024 * 1024
_KEPT_BYTES: Final = 128 * 1024 * 1024


def look_for_cycles_rarely() -> None:
    """Have Python look for garbage in reference cycles once in 500 000 new objects instead of 700.

    Entries, rows and indexes of many files are live and hold no cycles, and each look visits them again: 17 % of the
    CPU time of a pull of 400 000 files, with the same memory at its end.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 10, 10)


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
