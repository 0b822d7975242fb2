"""The marker that makes a place a store: read, or written once.

Owns the object `dvx-store.json` and the words for a damaged one. Must not remember which store is where.
"""

from contextlib import suppress
from typing import Final

from dvx.backends.backend import Backend, ObjectExists
from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.formats.layout import MARKER_KEY
from dvx.formats.marker import StoreMarker, format_marker, parse_marker

_MAX_MARKER_BYTES: Final = 64 * 1024


def read_marker(backend: Backend) -> bytes:
    """The id of the store at a place.

    Raises ObjectNotFound where there is none, FormatError (kind `bad-store`) for a damaged marker and
    UnsupportedVersion for one of a newer dvx.
    """
    try:
        return _read(backend)
    except FormatError:
        pass  # bits may flip on the way, in the number of the version, too
    try:
        return _read(backend)
    except UnsupportedVersion:
        raise
    except FormatError as error:
        raise _damaged(backend) from error


def _read(backend: Backend) -> bytes:
    return parse_marker(backend.get(MARKER_KEY, max_bytes=_MAX_MARKER_BYTES)).store_id


def create_marker(backend: Backend) -> bytes:
    """Make a place a store, unless somebody else does at the same time; returns the id of the store."""
    from dvx.store.pack_writer import random_name

    with suppress(ObjectExists):
        backend.put(MARKER_KEY, format_marker(StoreMarker(store_id=random_name())), if_absent=True)
    # Read back rather than trusted: where two create at once without conditional writes, the last one counts.
    return read_marker(backend)


def _damaged(backend: Backend) -> FormatError:
    return FormatError(
        f"`{MARKER_KEY}` in `{backend.location}` is damaged",
        affected="nothing was read or written there",
        hints=[
            "see whether the remote gives back what it was given: `dvx remote check`",
            f"if it does, delete `{MARKER_KEY}` there, set the remote again: `dvx remote add --force NAME URL`, then "
            "`dvx push`",
        ],
        kind="bad-store",
    )
