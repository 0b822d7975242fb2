"""The marker that makes a place a store: read, or written once.

Owns the object `dvx-store.json`, the words for a damaged or missing one, and writing it again. Must not remember
which store is where.
"""

from contextlib import suppress
from typing import Final

from dvx.backends.backend import Backend, ObjectExists, ObjectNotFound
from dvx.core.errors import DataMissing, DvxError, FormatError, UnsupportedVersion
from dvx.formats.layout import MARKER_KEY, PACKS_PREFIX
from dvx.formats.marker import StoreMarker, format_marker, parse_marker

_MAX_MARKER_BYTES: Final = 64 * 1024


def read_marker(backend: Backend, *, name: str = "") -> bytes:
    """The id of the store at a place, the remote `name`.

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
        raise _damaged(backend, name) from error


def _read(backend: Backend) -> bytes:
    return parse_marker(backend.get(MARKER_KEY, max_bytes=_MAX_MARKER_BYTES)).store_id


def create_marker(backend: Backend) -> bytes:
    """Make a place a store, unless somebody else does at the same time; returns the id of the store."""
    from dvx.store.pack_writer import random_name

    with suppress(ObjectExists):
        backend.put(MARKER_KEY, format_marker(StoreMarker(store_id=random_name())), if_absent=True)
    # Read back rather than trusted: where two create at once without conditional writes, the last one counts.
    return read_marker(backend)


def renew_marker(backend: Backend, *, known_id: bytes | None = None) -> bytes | None:
    """Write the marker again where it is missing or damaged; returns the id, or None where nothing was wrong.

    A store that has packs gets back its `known_id`, so that what is remembered of it stays true; any other place is a
    new store. Raises UnsupportedVersion for the marker of a newer dvx, which stays.
    """
    try:
        read_marker(backend)
        return None
    except UnsupportedVersion:
        raise
    except (ObjectNotFound, FormatError):
        pass
    from dvx.store.pack_writer import random_name

    is_same = known_id is not None and has_packs(backend)
    store_id = known_id if is_same and known_id is not None else random_name()
    backend.put(MARKER_KEY, format_marker(StoreMarker(store_id=store_id)))
    return read_marker(backend)


def marker_problem(backend: Backend) -> str | None:
    """What is wrong with the marker of a place in words; None for a store, and for a place that is empty."""
    try:
        read_marker(backend)
    except ObjectNotFound:
        return f"its marker `{MARKER_KEY}` is missing, and packs are there" if has_packs(backend) else None
    except DvxError as error:
        return error.what
    return None


def has_packs(backend: Backend) -> bool:
    """Whether any pack is at a place, with a marker or without."""
    return next(iter(backend.list(PACKS_PREFIX)), None) is not None


def no_store(backend: Backend, *, name: str, was_known: bool) -> DataMissing:
    """The error for a place without a marker; `was_known` says that it was a store when it was last used from here."""
    if has_packs(backend):
        return DataMissing(
            f"`{backend.location}` has packs, but its marker `{MARKER_KEY}` is missing",
            affected="nothing was read or written there",
            hints=[_repair_hint(name)],
            kind="store-vanished",
        )
    if not was_known:
        return DataMissing(
            f"`{backend.location}` is not a dvx store yet",
            affected="no data was read or written",
            hints=[
                "push to it first, from a clone that has the data: `dvx push`",
                "or check the address: `dvx remote list`",
            ],
            kind="empty-remote",
        )
    # Most likely a folder that is not mounted.
    return DataMissing(
        f"`{backend.location}` was a dvx store when it was last used from here, and now is empty",
        affected="nothing was read or written there",
        hints=[
            "mount it, or correct its address: `dvx remote list`",
            f"if it really was emptied, make it a store again: `dvx remote check --repair {name}`, then `dvx push`",
        ],
        kind="store-vanished",
    )


def _damaged(backend: Backend, name: str) -> FormatError:
    return FormatError(
        f"`{MARKER_KEY}` in `{backend.location}` is damaged",
        affected="nothing was read or written there",
        hints=[
            f"see whether the remote gives back what it was given: `{f'dvx remote check {name}'.rstrip()}`",
            f"if it does, {_repair_hint(name)}",
        ],
        kind="bad-store",
    )


def _repair_hint(name: str) -> str:
    return f"write it again: `{f'dvx remote check --repair {name}'.rstrip()}`"
