"""Temporary folders and files, and the words for a disk that has no room for them.

Owns the translation of OSError for what is in them, which names TMPDIR. Must not know what is kept there.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from dvx.core.errors import LocalDiskError
from dvx.disk.atomic import local_disk_error, printable

_HINT = "or use another place for temporary files: `TMPDIR=FOLDER dvx ...`"


@contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """A folder that is gone at the end of the context.

    Raises LocalDiskError where it cannot be made, and for every OSError of the block that is about something in it.
    """
    with _temporary_errors(None):
        made = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    with made as folder, _temporary_errors(folder):
        yield folder


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """A file without a name that is gone at the end of the context. Raises LocalDiskError as it is made.

    Writing to it is for `temporary_errors`: the block may fail for other reasons.
    """
    with _temporary_errors(None):
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, outside of the translation
    with file:
        yield file


@contextmanager
def temporary_errors() -> Iterator[None]:
    """Translate every OSError of the block, which does nothing but use a temporary file."""
    with _temporary_errors(None):
        yield


@contextmanager
def _temporary_errors(folder: str | None) -> Iterator[None]:
    try:
        yield
    except LocalDiskError as error:
        if folder is not None and printable(folder) in error.what and _HINT not in error.hints:
            error.hints = (*error.hints, _HINT)
        raise
    except OSError as error:
        if folder is not None and not _is_below(error.filename, folder):
            raise
        raise _translated(error, folder) from error


def _translated(error: OSError, folder: str | None) -> LocalDiskError:
    # The folder itself is gone by the time that somebody reads this.
    place = (
        os.path.dirname(folder) if folder else os.environ.get("TMPDIR") or "the folder for temporary files"
    )
    translated = local_disk_error(error, place, "write to")
    translated.hints = (*translated.hints, _HINT)
    return translated


def _is_below(path: object, folder: str) -> bool:
    """An error without a path may be about anything that is open, and in this block most is in the folder."""
    return path is None or (isinstance(path, str | bytes) and os.fsdecode(path).startswith(folder))
