"""What worker threads do with file contents: read, cut, hash, look up, encode.

Owns the per-task results. Must not write anything; the Ingester writes packs in stream order.
"""

import os
import stat as stat_module
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dvx.chunking.codecs import Encoder, encode_small
from dvx.chunking.cutter import Cutter
from dvx.core.errors import ChangedWhileReading, PathRefused
from dvx.core.ids import EMPTY_ID, Hasher, hash_bytes
from dvx.disk.atomic import disk_errors
from dvx.store.index import Location

FindChunks = Callable[[Sequence[bytes]], dict[bytes, Location]]
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(
    os, "O_CLOEXEC", 0
)  # fmt: skip


class FileStat(NamedTuple):
    """What identifies an unchanged file: size in bytes, times in ns, inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file (or symlink target) whose content is to be stored.

    `path` is where to read, `name` how to speak of it; `inline` is set for contents that are not in a file.
    """

    path: str
    name: str
    size: int
    inline: bytes | None = None


class ChunkWork(NamedTuple):
    """One chunk after hashing: where it is already, or its encoded form.

    `encoded` is None exactly when `known` is set; `plain` stays valid until the task is written.
    """

    id: bytes
    plain: memoryview
    known: Location | None
    encoded: tuple[int, bytes | memoryview] | None


class FileWork(NamedTuple):
    """A whole small file: its id, stat and chunks."""

    source: Source
    id: bytes
    stat: FileStat
    chunks: list[ChunkWork]
    encoder: Encoder | None


def open_source(source: Source) -> int:
    """Open a file for reading without following a symlink and return the descriptor."""
    with disk_errors(source.name, "read"):
        return os.open(source.path, _OPEN_FLAGS)


def read_stat(fd: int, source: Source) -> FileStat:
    """Stat an open file; refuses what is not a regular file."""
    found = os.fstat(fd)
    if not stat_module.S_ISREG(found.st_mode):
        raise PathRefused(f"`{source.name}` is not a regular file", kind="not-a-regular-file")
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def check_unchanged(source: Source, before: FileStat, after: FileStat, read_bytes: int) -> None:
    """Raise ChangedWhileReading unless the file stayed as it was from first to last byte."""
    if before != after or read_bytes != before.size:
        raise ChangedWhileReading(
            f"`{source.name}` changed while it was being read",
            affected="no pointer was written; data stored so far is reused by the next run",
            hints=[f"wait until nothing writes to it, then run `dvx add {source.name}` again"],
        )


def work_on_batch(sources: Sequence[Source], find_chunks: FindChunks, *, compress: bool) -> list[FileWork]:
    """Read and hash small files, look all their chunks up with one query, encode the new ones."""
    cutter = Cutter()
    drafts = [_read_small(source, cutter) for source in sources]
    known = find_chunks([chunk_id for draft in drafts for chunk_id, _ in draft[3]])
    return [_encode_draft(draft, known, compress=compress) for draft in drafts]


_Draft = tuple[Source, bytes, FileStat, list[tuple[bytes, memoryview]]]


def _read_small(source: Source, cutter: Cutter) -> _Draft:
    if source.inline is not None:
        data, found = source.inline, FileStat(len(source.inline), 0, 0, 0)
    else:
        data, found = _read_whole(source)
    view = memoryview(data)
    chunks: list[tuple[bytes, memoryview]] = []
    start = 0
    for end in cutter.cut(view, final=True):
        piece = view[start:end]
        chunks.append((hash_bytes(piece), piece))
        start = end
    if len(chunks) > 1:
        return source, hash_bytes(view), found, chunks
    return source, chunks[0][0] if chunks else EMPTY_ID, found, chunks


def _read_whole(source: Source) -> tuple[bytes, FileStat]:
    fd = open_source(source)
    try:
        before = read_stat(fd, source)
        with disk_errors(source.name, "read"):
            # One byte more than expected shows a file that grew.
            data = os.read(fd, before.size + 1)
            while 0 < len(data) < before.size:
                more = os.read(fd, before.size + 1 - len(data))
                if not more:
                    break
                data += more
        check_unchanged(source, before, read_stat(fd, source), len(data))
    finally:
        os.close(fd)
    return data, before


def _encode_draft(draft: _Draft, known: dict[bytes, Location], *, compress: bool) -> FileWork:
    source, file_id, found, pieces = draft
    encoder = Encoder(source.name, found.size) if compress else None
    if len(pieces) == 1 and compress:
        chunk_id, piece = pieces[0]
        location = known.get(chunk_id)
        encoded = None if location else encode_small(source.name, piece)
        return FileWork(source, file_id, found, [ChunkWork(chunk_id, piece, location, encoded)], encoder)
    return FileWork(source, file_id, found, _encode_pieces(pieces, known, encoder), encoder)


def _encode_pieces(
    pieces: Sequence[tuple[bytes, memoryview]],
    known: dict[bytes, Location],
    encoder: Encoder | None,
    offset: int = 0,
) -> list[ChunkWork]:
    chunks: list[ChunkWork] = []
    for chunk_id, piece in pieces:
        location = known.get(chunk_id)
        chunks.append(
            ChunkWork(chunk_id, piece, location, None if location else encode(encoder, piece, offset))
        )
        offset += len(piece)
    return chunks


def encode(encoder: Encoder | None, piece: memoryview, offset: int) -> tuple[int, bytes | memoryview]:
    """Encode a chunk, or keep it raw where compression is off."""
    return encoder.encode(piece, offset) if encoder else (0, piece)


def work_on_segment(
    view: memoryview, ends: Sequence[int], offset: int, encoder: Encoder | None, find_chunks: FindChunks
) -> list[ChunkWork]:
    """Hash, look up and encode the chunks of one segment of a large file; `offset` is its place in the file."""
    pieces: list[tuple[bytes, memoryview]] = []
    start = 0
    for end in ends:
        piece = view[start:end]
        pieces.append((hash_bytes(piece), piece))
        start = end
    return _encode_pieces(pieces, find_chunks([chunk_id for chunk_id, _ in pieces]), encoder, offset)


def hash_file(source: Source, expected: FileStat, hasher: Hasher) -> None:
    """Feed a whole file to `hasher` in 8 MiB steps; used where only the id is wanted."""
    fd = open_source(source)
    try:
        before = read_stat(fd, source)
        done = 0
        with disk_errors(source.name, "read"), open(fd, "rb", buffering=0, closefd=False) as raw:
            buffer = memoryview(bytearray(min(8 << 20, max(1, before.size))))
            while count := raw.readinto(buffer):
                hasher.update(buffer[:count])
                done += count
        check_unchanged(source, before, read_stat(fd, source), done)
        check_unchanged(source, expected, before, done)
    finally:
        os.close(fd)
