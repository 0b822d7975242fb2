"""The registry of chunk codecs: the numbers that packs record for each chunk.

Owns the numbers only; their byte layouts are in docs/reference/format/chunking.md. Numbers and layouts are
frozen: a new layout is a new number.
"""

from enum import IntEnum


class Codec(IntEnum):
    """How the stored bytes of a chunk spell its plain bytes. Append-only."""

    RAW = 0
    ZSTD = 1
    PLANES2 = 2
    PLANES4 = 3
