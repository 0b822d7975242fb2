"""The store marker: the object that says "this place is a dvx store" and names it.

Owns the content of `dvx-store.json`. Must not decide where the marker lies (layout does).
"""

from dataclasses import dataclass
from typing import Final

from dvx.core.errors import FormatError

STORE_VERSION: Final = 1
STORE_ID_BYTES: Final = 16
# The marker of version 1 is 71 bytes.
MAX_MARKER_BYTES: Final = 16 * 1024
_PLAIN_START: Final = b'{"dvx":"store","id":"'
_HEX_DIGITS: Final = frozenset(b"0123456789abcdef")
_PLAIN_END: Final = b'","version":1}\n'


@dataclass(frozen=True, slots=True)
class StoreMarker:
    """Identity of a store: 16 random bytes chosen when it was created, and the version of its layout."""

    store_id: bytes
    version: int = STORE_VERSION


def format_marker(marker: StoreMarker) -> bytes:
    """Return the marker as one line of JSON that ends in LF. Raises FormatError."""
    from dvx.formats.canonical_json import format_json

    if len(marker.store_id) != STORE_ID_BYTES or marker.version != STORE_VERSION:
        raise FormatError("a store id has 16 bytes, and the marker has version 1", kind="bad-store")
    fields = {"dvx": "store", "id": marker.store_id.hex(), "version": marker.version}
    return format_json(fields) + b"\n"


def parse_marker(data: bytes) -> StoreMarker:
    """Read a marker. Raises FormatError (kind `bad-store`) and UnsupportedVersion."""
    plain = _plain_id(data)
    if plain is not None:
        return StoreMarker(plain)
    # 2 ms that a marker as it is written here does without.
    from dvx.formats.canonical_json import parse_hex, parse_json

    if len(data) > MAX_MARKER_BYTES:
        raise FormatError(f"a store marker is larger than {MAX_MARKER_BYTES} bytes", kind="bad-store")
    store_id = parse_hex(parse_json(data, dvx="store", version=STORE_VERSION).get("id"), size_bytes=16)
    if store_id is None:
        raise FormatError("a store marker has no valid id", kind="bad-store")
    return StoreMarker(store_id)


def _plain_id(data: bytes) -> bytes | None:
    """The id in a marker that is spelled as `format_marker` does; None for any other."""
    digits = data.removeprefix(_PLAIN_START).removesuffix(_PLAIN_END)
    is_plain = len(digits) == 2 * STORE_ID_BYTES and data == _PLAIN_START + digits + _PLAIN_END
    return bytes.fromhex(digits.decode("ascii")) if is_plain and _HEX_DIGITS.issuperset(digits) else None
