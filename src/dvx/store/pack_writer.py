"""Writing packs: frames are streamed into a temporary file, sealed with index and trailer, never patched.

Owns the temporary file until the pack is sealed or abandoned. Must not decide which chunks belong into a pack.
"""

import os
from dataclasses import dataclass
from typing import BinaryIO, Final

from dvx.core.ids import Hasher
from dvx.disk.atomic import disk_errors
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
_WRITE_BUFFER_BYTES: Final = 1024 * 1024


def random_name() -> bytes:
    """A new name for an object; names are random, written once and never used again."""
    return os.urandom(NAME_BYTES)


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A complete pack in a temporary file, not yet in a store.

    `digest` is the BLAKE3 of the whole file.
    """

    name: bytes
    path: str
    index: PackIndex
    digest: bytes


def file_digest(path: str) -> bytes:
    """BLAKE3 of a whole file, read in 1 MiB steps."""
    hasher = Hasher()
    with disk_errors(path, "read"), open(path, "rb") as source:
        while block := source.read(_WRITE_BUFFER_BYTES):
            hasher.update(block)
    return hasher.digest()


class PackWriter:
    """One pack being written. Use from one thread."""

    def __init__(self, folder: str, header: PackHeader) -> None:
        """Start a pack in a temporary file in `folder`, which must be on the file system of the store."""
        self.name = random_name()
        self.path = os.path.join(folder, f"{self.name.hex()}.tmp")
        self._header = format_header(header)
        self._entries: list[PackEntry] = []
        self._offsets: dict[bytes, PackEntry] = {}
        with disk_errors(self.path, "write a pack to"):
            self._file: BinaryIO = open(self.path, "xb", buffering=_WRITE_BUFFER_BYTES)  # noqa: SIM115
            self._file.write(self._header)
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

    def append(self, chunk_id: bytes, codec: int, stored: bytes | memoryview, plain_bytes: int) -> PackEntry:
        """Append one frame and return its index entry. The caller makes sure that the chunk is not in yet."""
        entry = PackEntry(chunk_id, self.size, len(stored), plain_bytes, codec)
        with disk_errors(self.path, "write a pack to"):
            self._file.write(pack_frame_header(codec, len(stored), plain_bytes))
            self._file.write(stored)
        self.size += FRAME_HEADER_BYTES + len(stored)
        self._entries.append(entry)
        self._offsets[chunk_id] = entry
        return entry

    def finish(self) -> None:
        """Write index and trailer and close the file; no frame can be appended any more."""
        index_bytes = format_index(self._entries)
        trailer = format_trailer(self._header, index_bytes, self.size)
        with disk_errors(self.path, "write a pack to"):
            self._file.write(index_bytes)
            self._file.write(trailer)
            self._file.close()

    def seal(self) -> SealedPack:
        """Read the finished file back once, check its structure, and hand it over."""
        index = read_pack_index(self.path)
        return SealedPack(name=self.name, path=self.path, index=index, digest=file_digest(self.path))

    def abandon(self) -> None:
        """Close and remove the temporary file; harmless after `finish` and after the file has moved."""
        self._close_quietly()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _close_quietly(self) -> None:
        try:
            self._file.close()
        except OSError:
            # The buffer could not be flushed (full disk); the file is thrown away anyway.
            return


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
