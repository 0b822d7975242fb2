"""Giving memory of the page cache back early. Must not be needed for anything but speed."""

import os
from contextlib import suppress


def forget_pages(descriptor: int, *, offset: int = 0, size: int = 0) -> None:
    """Drop the clean pages of `size` bytes (0: up to the end) of an open file from memory, where the system can.

    For bytes that were just read or flushed and are not read again soon. What is written next then uses the same
    pages; on virtual machines pages that were never used cost several times as much.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)


def forget_file(path: str) -> None:
    """Drop the clean pages of a file."""
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        forget_pages(file.fileno())
