"""JSON objects from stores: strict reading of fields and one spelling for writing.

Owns the checks that keep hostile JSON from raising anything but FormatError. Must not know any format.
"""

import json
from collections.abc import Mapping

from dvx.core.errors import FormatError, UnsupportedVersion


def format_json(fields: Mapping[str, object]) -> bytes:
    """Spell an object with sorted keys and no spaces, in ASCII."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")


def parse_json(data: bytes, *, dvx: str, version: int) -> dict[str, object]:
    """Read an object that says `"dvx": dvx` and a version up to `version`; unknown keys are kept.

    Raises FormatError (kind `bad-<dvx>`) and UnsupportedVersion for a newer version.
    """
    try:
        fields = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"a {dvx} object is not valid JSON", kind=f"bad-{dvx}") from error
    if not isinstance(fields, dict) or fields.get("dvx") != dvx:
        raise FormatError(f"not a {dvx} object", kind=f"bad-{dvx}")
    found = fields.get("version")
    if type(found) is not int or found < 1:
        raise FormatError(f"a {dvx} object has no version", kind=f"bad-{dvx}")
    if found > version:
        raise UnsupportedVersion(
            f"a {dvx} object has version {str(found)[:20]}; this dvx knows version {version}",
        )
    return fields


def parse_hex(value: object, *, size_bytes: int) -> bytes | None:
    """Return the bytes that exactly 2 * size_bytes lowercase hex digits spell, or None."""
    if not isinstance(value, str) or len(value) != 2 * size_bytes:
        return None
    return bytes.fromhex(value) if set(value) <= set("0123456789abcdef") else None
