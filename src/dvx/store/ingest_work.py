"""What worker threads do with file contents: read, cut, hash, look up, encode.

Owns the per-task results. Must not write anything; the Ingester writes packs in stream order.
"""

import os
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from dvx.chunking.cutter import Cutter
from dvx.chunking.encoder import Encoder, Stored, encode_small
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.disk.atomic import disk_errors
from dvx.disk.reading import FileStat, Source, check_unchanged, open_source, read_stat
from dvx.store.index import Location

FindChunks = Callable[[Sequence[bytes]], dict[bytes, Location]]


class ChunkWork(NamedTuple):
    """One chunk after hashing: where it is already, or its encoded form.

    `encoded` is None exactly when `known` is set; `plain` stays valid until the task is written.
    """

    id: bytes
    plain: memoryview
    known: Location | None
    encoded: Stored | None


class SegmentToWork(NamedTuple):
    """Consecutive whole chunks of a large file: their bytes, where each ends, and where `view` is in the file.

    `scratch` is as long as `view`; encoded chunks may lie there.
    """

    view: memoryview
    ends: Sequence[int]
    offset: int
    scratch: memoryview


class FileWork(NamedTuple):
    """A whole small file: its id, stat and chunks."""

    source: Source
    id: bytes
    stat: FileStat
    chunks: list[ChunkWork]
    encoder: Encoder | None


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
        if before.size != source.size:
            # Not read: a small file may have become a large one since it was listed.
            check_unchanged(source, before, before, -1)
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


def encode(encoder: Encoder | None, piece: memoryview, offset: int) -> Stored:
    """Encode a chunk, or keep it raw where compression is off."""
    return encoder.encode(piece, offset) if encoder else (0, piece)


def work_on_segment(
    segment: SegmentToWork, encoder: Encoder | None, find_chunks: FindChunks
) -> list[ChunkWork]:
    """Hash, look up and encode the chunks of one segment of a large file."""
    view = segment.view
    starts = [0, *segment.ends[:-1]]
    pieces = [view[start:end] for start, end in zip(starts, segment.ends, strict=True)]
    ids = [hash_bytes(piece) for piece in pieces]
    known = find_chunks(ids)
    if encoder is None:
        return [
            ChunkWork(each, piece, known.get(each), None if each in known else (0, piece))
            for each, piece in zip(ids, pieces, strict=True)
        ]
    encoded: list[Stored | None] = []
    for is_known, group in groupby(range(len(ids)), key=lambda number: ids[number] in known):
        numbers = list(group)
        if is_known:
            encoded += [None] * len(numbers)
            continue
        first, start = numbers[0], starts[numbers[0]]
        end = segment.ends[numbers[-1]]
        ends = [each - start for each in segment.ends[first : first + len(numbers)]]
        scratch = segment.scratch[start:end]
        encoded += encoder.encode_all(view[start:end], ends, segment.offset + start, scratch)
    return [
        ChunkWork(each, piece, known.get(each), stored)
        for each, piece, stored in zip(ids, pieces, encoded, strict=True)
    ]
