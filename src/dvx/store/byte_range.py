"""Reading a stretch of a root's byte stream as bytes: only the chunks that it touches, each checked against its id.

Owns the reading ahead. Must not write, and must not know about files.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import Final, NamedTuple

from dvx.chunking.parts import Buffer
from dvx.formats.pack import PackEntry
from dvx.formats.placement import Run
from dvx.store.chunk_reader import plan_ranges, read_verified
from dvx.store.runs import WINDOW_BYTES, RunCutter
from dvx.store.store import Store

# 8 MiB each: four hide the round trips of a remote, and the first bytes are not late.
_AHEAD: Final = 4


class _Piece(NamedTuple):
    """A chunk, and which of its plain bytes [first, last) are wanted."""

    pack: bytes
    entry: PackEntry
    first: int
    last: int


def packs_of_range(runs: Sequence[Run], start: int, end: int) -> list[bytes]:
    """The packs that hold plain bytes [start, end) of the stream."""
    found = {runs[number].pack: None for number, _, _ in _touched(runs, start, end)}
    return list(found)


def read_bytes(
    store: Store, runs: Sequence[Run], *, file_start: int, file_end: int, start: int, end: int
) -> Iterator[Buffer]:
    """Yield the plain bytes [start, end) of a stream, in pieces.

    [file_start, file_end) is the file around them, whose ends are chunk boundaries. Raises DamagedPack before a byte
    of a damaged chunk is yielded, FormatError for a record that does not fit, and what the store raises.
    """
    if start >= end:
        return
    pieces = _pieces(store, runs, file_start, file_end, start, end)
    with ThreadPoolExecutor(max_workers=_AHEAD, thread_name_prefix="dvx-read") as pool:
        waiting: deque[Future[list[Buffer]]] = deque()
        try:
            for window in _windows(pieces):
                waiting.append(pool.submit(_read_window, store, window))
                if len(waiting) >= _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _touched(runs: Sequence[Run], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of the runs that have some of the bytes, in the stream."""
    for number, run_end in enumerate(accumulate(run.plain for run in runs)):
        run_start = run_end - runs[number].plain
        if start < end and run_start < end and run_end > start:
            yield number, run_start, run_end


def _pieces(
    store: Store, runs: Sequence[Run], file_start: int, file_end: int, start: int, end: int
) -> Iterator[_Piece]:
    cutter = RunCutter(runs, store.pack_index)
    for _, run_start, run_end in _touched(runs, start, end):
        position = max(run_start, file_start)
        for pack, entries in cutter.chunks(position, min(run_end, file_end)):
            for entry in entries:
                first, last = max(start - position, 0), min(end - position, entry.plain)
                if first < last:
                    yield _Piece(pack, entry, first, last)
                position += entry.plain


def _windows(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    window: list[_Piece] = []
    size_bytes = 0
    for piece in pieces:
        window.append(piece)
        size_bytes += piece.entry.plain
        if size_bytes >= WINDOW_BYTES:
            yield window
            window, size_bytes = [], 0
    if window:
        yield window


def _read_window(store: Store, window: Sequence[_Piece]) -> list[Buffer]:
    by_pack: dict[bytes, list[PackEntry]] = {}
    for piece in window:
        by_pack.setdefault(piece.pack, []).append(piece.entry)
    plain: dict[bytes, Buffer] = {}
    for pack, entries in by_pack.items():
        for group in plan_ranges(entries):
            plain.update((entry.id, data) for entry, _, data in read_verified(store, pack, group))
    return [memoryview(plain[piece.entry.id])[piece.first : piece.last] for piece in window]
