"""Content ids: BLAKE3-256 digests and their text form `blake3:<64 lowercase hex digits>`.

In memory an id is always the 32 raw bytes. Hashing of files and chunks goes through here, so that the hash
function has one home. Owns too how many digits of an id people are shown, of data and of Git.
"""

from typing import Final

from blake3 import blake3

from dvx.core.errors import FormatError, UnsupportedVersion

ID_BYTES: Final = 32
_PREFIX: Final = "blake3:"
EMPTY_ID: Final = blake3(b"").digest()

# What a person is shown of an id. Git's own short ids have 7 digits in a small repository and 10 in a large one.
_SHORT_ID_DIGITS: Final = 12
_SHORT_GIT_DIGITS: Final = 10

Hasher = blake3


def hash_bytes(data: bytes | bytearray | memoryview) -> bytes:
    """Return the 32-byte content id of `data`."""
    return blake3(data).digest()


def format_id(digest: bytes) -> str:
    """Spell a content id as `blake3:<hex>`."""
    return _PREFIX + digest.hex()


def short_id(digest: bytes) -> str:
    """The first digits of a content id, for people."""
    return digest.hex()[:_SHORT_ID_DIGITS]


def short_git_id(name: str) -> str:
    """The first digits of the id of a commit or another object of Git, for people; Git understands them."""
    return name[:_SHORT_GIT_DIGITS]


def parse_id(text: str) -> bytes:
    """Read `blake3:<64 lowercase hex digits>` and return the 32 raw bytes.

    Raises UnsupportedVersion for another hash function and FormatError for anything else.
    """
    name, separator, digits = text.partition(":")
    if separator and name != "blake3" and name.isalnum():
        raise UnsupportedVersion(
            f"the id uses the hash function `{name[:20]}`, which this version of dvx does not know",
            kind="unknown-hash",
        )
    if not separator or len(digits) != 2 * ID_BYTES or not set(digits) <= set("0123456789abcdef"):
        raise FormatError(f"not a content id: {text[:80]!r}", kind="bad-id")
    return bytes.fromhex(digits)
