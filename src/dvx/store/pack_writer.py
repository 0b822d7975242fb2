"""Writing packs: frames are streamed into a temporary file, sealed with index and trailer, never patched.

Owns the temporary file until the pack is sealed or abandoned. Must not decide which chunks belong into a pack.
"""

import os
from collections import deque
from collections.abc import Iterable, Sequence, Set
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import BinaryIO, Final

from dvx.chunking.parts import Buffer, Parts
from dvx.core.ids import Hasher
from dvx.disk.atomic import disk_errors, write_all
from dvx.formats.pack import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    PackEntry,
    PackHeader,
    PackIndex,
    format_header,
    format_index,
    format_trailer,
    pack_frame_header,
    parse_index,
    parse_trailer,
)
from dvx.formats.pack import TRAILER_BYTES as TRAILER_BYTES

# 64 MiB: a 1 PiB remote is 16.8 million objects, and one upload of it is 0.2 s at 350 MB/s, so a lost one is cheap.
TARGET_PACK_BYTES: Final = 64 * 1024 * 1024
NAME_BYTES: Final = 16
# Gathered, so that the operating system is called once for dozens of chunks, and nothing is copied before that.
_WRITE_BYTES: Final = 4 * 1024 * 1024
_READ_BYTES: Final = 1024 * 1024
# So many writes of that size wait for the disk before whoever appends does.
_WRITES_AHEAD: Final = 4


# The id of a chunk, its codec, its stored bytes and its plain length.
Frame = tuple[bytes, int, bytes | memoryview | Parts, int]


def random_name() -> bytes:
    """A new name for an object; names are random, written once and never used again."""
    return os.urandom(NAME_BYTES)


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A complete pack in a temporary file, not yet in a store.

    `digest` is the BLAKE3 of the bytes that were handed to the disk as the whole file.
    """

    name: bytes
    path: str
    index: PackIndex
    digest: bytes


def file_digest(path: str) -> bytes:
    """BLAKE3 of a whole file, read in 1 MiB steps."""
    hasher = Hasher()
    with disk_errors(path, "read"), open(path, "rb", buffering=0) as source:
        block = memoryview(bytearray(_READ_BYTES))
        while count := source.readinto(block):
            hasher.update(block[:count])
    return hasher.digest()


class PackWriter:
    """One pack being written. Use from one thread at a time."""

    def __init__(self, folder: str, header: PackHeader, *, executor: Executor | None = None) -> None:
        """Start a pack in a temporary file in `folder`, which must be on the file system of the store.

        With `executor`, which must do one thing after the other, writes happen there, and what they failed with is
        raised later: by another `flush` or by `seal`.
        """
        self.name = random_name()
        self.path = os.path.join(folder, f"{self.name.hex()}.tmp")
        self._header = format_header(header)
        self._entries: list[PackEntry] = []
        self._offsets: dict[bytes, PackEntry] = {}
        with disk_errors(self.path, "write a pack to"):
            self._file: BinaryIO = open(self.path, "xb", buffering=0)  # noqa: SIM115
        self._executor = executor
        self._writes: deque[Future[None]] = deque()
        self._unwritten: list[Buffer] = [self._header]
        self._hasher = Hasher()
        self._written = 0
        self.size = HEADER_BYTES

    @property
    def is_empty(self) -> bool:
        """Whether no chunk was appended yet."""
        return not self._entries

    @property
    def is_full(self) -> bool:
        """Whether the pack has reached its target size."""
        return self.size >= TARGET_PACK_BYTES

    def find(self, chunk_id: bytes) -> PackEntry | None:
        """The entry of a chunk that this pack already has."""
        return self._offsets.get(chunk_id)

    def append(
        self, chunk_id: bytes, codec: int, stored: bytes | memoryview | Parts, plain_bytes: int
    ) -> PackEntry:
        """Append one frame and return its index entry. The caller makes sure that the chunk is not in yet.

        The bytes are written later: whoever reuses the memory of `stored` calls `flush` before that, and waits.
        """
        return self.append_all([(chunk_id, codec, stored, plain_bytes)])[0]

    def append_all(self, frames: Iterable[Frame]) -> list[PackEntry]:
        """Do what `append` does with each frame, until the pack is full; returns the entries, at least one."""
        entries: list[PackEntry] = []
        offset, buffers, offsets = self.size, self._unwritten, self._offsets
        for chunk_id, codec, stored, plain_bytes in frames:
            length = len(stored)
            buffers.append(pack_frame_header(codec, length, plain_bytes))
            if isinstance(stored, Parts):
                buffers += stored.buffers
            else:
                buffers.append(stored)
            entry = offsets[chunk_id] = PackEntry(chunk_id, offset, length, plain_bytes, codec)
            entries.append(entry)
            offset += FRAME_HEADER_BYTES + length
            if offset >= TARGET_PACK_BYTES:
                break
        self.size = offset
        self._entries += entries
        if offset - self._written >= _WRITE_BYTES:
            self.flush()
        return entries

    def has_none_of(self, chunk_ids: Set[bytes]) -> bool:
        """Whether this pack has none of these chunks."""
        return self._offsets.keys().isdisjoint(chunk_ids)

    def flush(self) -> Future[None] | None:
        """Have written what was appended; None if it is, otherwise what says when the memory is free again."""
        buffers, self._unwritten = self._unwritten, []
        self._written = self.size
        if self._executor is None:
            self._write(buffers)
            return None
        if buffers:
            if len(self._writes) >= _WRITES_AHEAD:
                self._writes.popleft().result()
            self._writes.append(self._executor.submit(self._write, buffers))
        return self._writes[-1] if self._writes else None

    def _write(self, buffers: Sequence[Buffer]) -> None:
        # Hashed in one piece, which is faster by more than the copy takes, and before the disk has a say.
        data = b"".join(buffers)
        self._hasher.update(data)
        with disk_errors(self.path, "write a pack to"):
            write_all(self._file.fileno(), data)

    def seal(self) -> SealedPack:
        """Write index and trailer, close the file, read the index back and check it, and hand the pack over."""
        index_bytes = format_index(self._entries)
        self._unwritten += [index_bytes, format_trailer(self._header, index_bytes, self.size)]
        self.flush()
        while self._writes:
            self._writes.popleft().result()
        with disk_errors(self.path, "write a pack to"):
            self._file.close()
        index = read_pack_index(self.path)
        return SealedPack(name=self.name, path=self.path, index=index, digest=self._hasher.digest())

    def abandon(self) -> None:
        """Close and remove the temporary file; harmless after `seal` and after the file has moved."""
        wait(self._writes)
        self._unwritten = []
        self._file.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


def read_pack_index(path: str) -> PackIndex:
    """Read and check header, index and trailer of a pack file. Raises FormatError."""
    with disk_errors(path, "read"), open(path, "rb") as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(0, size - TRAILER_BYTES))
        trailer = parse_trailer(source.read(TRAILER_BYTES), pack_size=size)
        source.seek(trailer.index_offset)
        index_bytes = source.read(trailer.index_length)
        source.seek(0)
        return parse_index(source.read(HEADER_BYTES), index_bytes, trailer)
