"""Stored bytes of a chunk in several buffers, and the type of a buffer. Must not import anything that costs time."""

from collections.abc import Sequence

Buffer = bytes | memoryview


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
