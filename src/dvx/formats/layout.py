"""Names of the objects of a store, the same for the local store and every remote.

Owns the mapping between names in memory and keys. Must not read or write objects.
"""

import re
from typing import Final

MARKER_KEY: Final = "dvx-store.json"
PACKS_PREFIX: Final = "packs/"
ROOTS_PREFIX: Final = "roots/"
PACK_NAME_BYTES: Final = 16
RECORD_NAME_BYTES: Final = 16

_PACK_KEY: Final = re.compile(r"packs/([0-9a-f]{2})/(\1[0-9a-f]{30})")
_RECORD_KEY: Final = re.compile(r"roots/([0-9a-f]{2})/(\1[0-9a-f]{62})/([0-9a-f]{32})")


def pack_key(name: bytes) -> str:
    """Return `packs/<hh>/<32 hex digits>`; <hh> are the first two digits of the name."""
    digits = name.hex()
    return f"{PACKS_PREFIX}{digits[:2]}/{digits}"


def parse_pack_key(key: str) -> bytes | None:
    """Return the 16-byte name of the pack that `key` holds, or None if it is not a pack key."""
    match = _PACK_KEY.fullmatch(key)
    return bytes.fromhex(match[2]) if match else None


def root_prefix(root: bytes) -> str:
    """Return `roots/<hh>/<64 hex digits>/`, under which the placement records of `root` lie."""
    digits = root.hex()
    return f"{ROOTS_PREFIX}{digits[:2]}/{digits}/"


def record_key(root: bytes, name: bytes) -> str:
    """Return the key of the placement record `name` (16 random bytes) of `root`."""
    return root_prefix(root) + name.hex()


def parse_record_key(key: str) -> tuple[bytes, bytes] | None:
    """Return (root, record name) of a placement record's key, or None if it is not one."""
    match = _RECORD_KEY.fullmatch(key)
    return (bytes.fromhex(match[2]), bytes.fromhex(match[3])) if match else None
