"""The store marker: the object that says "this place is a dvx store" and names it.

Owns the content of `dvx-store.json`. Must not decide where the marker lies (layout does).
"""

from dataclasses import dataclass
from typing import Final

from dvx.core.errors import FormatError
from dvx.formats.canonical_json import format_json, parse_hex, parse_json

STORE_VERSION: Final = 1
STORE_ID_BYTES: Final = 16
# The marker of version 1 is 71 bytes.
MAX_MARKER_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class StoreMarker:
    """Identity of a store: 16 random bytes chosen when it was created, and the version of its layout."""

    store_id: bytes
    version: int = STORE_VERSION


def format_marker(marker: StoreMarker) -> bytes:
    """Return the marker as one line of JSON that ends in LF. Raises FormatError."""
    if len(marker.store_id) != STORE_ID_BYTES or marker.version != STORE_VERSION:
        raise FormatError("a store id has 16 bytes, and the marker has version 1", kind="bad-store")
    fields = {"dvx": "store", "id": marker.store_id.hex(), "version": marker.version}
    return format_json(fields) + b"\n"


def parse_marker(data: bytes) -> StoreMarker:
    """Read a marker. Raises FormatError (kind `bad-store`) and UnsupportedVersion."""
    if len(data) > MAX_MARKER_BYTES:
        raise FormatError(f"a store marker is larger than {MAX_MARKER_BYTES} bytes", kind="bad-store")
    store_id = parse_hex(parse_json(data, dvx="store", version=STORE_VERSION).get("id"), size_bytes=16)
    if store_id is None:
        raise FormatError("a store marker has no valid id", kind="bad-store")
    return StoreMarker(store_id)
