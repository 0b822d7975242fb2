"""Stored bytes of a chunk: how many there may be, the type of a buffer, several buffers as one, and the error for
bytes that cannot be decoded.

Must not import anything that costs time.
"""

from collections.abc import Sequence
from typing import Final

from dvx.core.errors import IntegrityError

Buffer = bytes | memoryview

# Frozen with the chunker, see dvx.chunking.cutter: the maximum ends 0.1 % of the chunks of random data.
MAX_CHUNK_BYTES: Final = 256 * 1024


def corrupt_chunk(reason: str) -> IntegrityError:
    """Make the error for stored bytes that are not what their codec says."""
    return IntegrityError(f"a stored chunk is damaged: {reason}", kind="corrupt-chunk")


class Parts:
    """Stored bytes of one chunk that lie in several buffers; `len` is their length together."""

    __slots__ = ("buffers", "size")

    def __init__(self, buffers: Sequence[Buffer], size: int) -> None:
        """`buffers` one behind the other are `size` bytes. They are not copied."""
        self.buffers = buffers
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __bytes__(self) -> bytes:
        return b"".join(self.buffers)
