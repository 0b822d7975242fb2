"""Arithmetic on runs: building them, and cutting pieces out of a root's byte stream.

A run is a stretch of consecutive frames of one pack that spells consecutive bytes of a root. Owns no bytes and
does no reading; where chunk boundaries are needed, the caller brings the index of the pack.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from dvx.core.errors import FormatError
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackIndex
from dvx.formats.placement import Run

# Readers take a root's stream in windows of 8 MiB: with a dozen in flight memory stays near 200 MiB.
WINDOW_BYTES: Final = 8 * 1024 * 1024
# At most this many windows are in flight, whatever the number of threads: with their stored bytes about 180 MiB.
MAX_WINDOWS: Final = 14
# Where each window is a request, six of them make a pack, and with the one that reaches into the next pack and the one
# for the index that is 8 requests for 64 MiB. With ten in flight a pull of a table of 1 GiB took 407 MiB, with eight
# 375.
FAR_WINDOW_BYTES: Final = 11 * 1024 * 1024
MAX_FAR_WINDOWS: Final = 8
FindIndex = Callable[[bytes], PackIndex]


class RunBuilder:
    """Collects the chunks of a root in stream order and merges neighbours into runs."""

    def __init__(self) -> None:
        """Start with no runs."""
        self._runs: list[Run] = []
        self._pack: bytes | None = None
        self._start = self._end = self._chunks = self._plain = 0

    def add_chunk(self, pack: bytes, entry: PackEntry) -> None:
        """Append one chunk."""
        self._extend(pack, entry.offset, FRAME_HEADER_BYTES + entry.stored, 1, entry.plain)

    def add_run(self, run: Run) -> None:
        """Append a whole run."""
        self._extend(run.pack, run.offset, run.stored, run.chunks, run.plain)

    def _extend(self, pack: bytes, offset: int, stored: int, chunks: int, plain: int) -> None:
        if pack != self._pack or offset != self._end:
            self._flush()
            self._pack, self._start = pack, offset
        self._end = offset + stored
        self._chunks += chunks
        self._plain += plain

    def _flush(self) -> None:
        if self._pack is not None:
            stored = self._end - self._start
            self._runs.append(Run(self._pack, self._start, stored, self._chunks, self._plain))
        self._pack, self._chunks, self._plain = None, 0, 0

    def finish(self) -> tuple[Run, ...]:
        """Return all runs in stream order."""
        self._flush()
        return tuple(self._runs)


class RunCutter:
    """Cuts stretches out of the byte stream that a placement spells.

    Cheap for stretches asked for in stream order: the chunk table of the last run is kept.
    """

    def __init__(self, runs: Sequence[Run], find_index: FindIndex) -> None:
        """`find_index` returns the index of a pack by its name; it is called only for runs cut in the middle."""
        self._runs = runs
        self._find_index = find_index
        self._ends = list(accumulate(run.plain for run in runs))
        self._table_number = -1
        self._table: tuple[Sequence[PackEntry], list[int]] = ((), [])
        # The place in the stream just behind what was cut last, and the number of the chunk there in the table.
        self._behind = -1
        self._next = 0

    def cut(self, start: int, end: int) -> Iterator[Run]:
        """Yield the runs that spell plain bytes [start, end); both must be chunk boundaries (FormatError)."""
        for number, run_start, piece_start, piece_end in self._pieces(start, end):
            run = self._runs[number]
            if piece_end - piece_start == run.plain:
                yield run
            else:
                entries = self._cut_entries(number, piece_start - run_start, piece_end - run_start)
                stored = frame_end(entries[-1]) - entries[0].offset
                yield Run(run.pack, entries[0].offset, stored, len(entries), piece_end - piece_start)

    def chunks(self, start: int, end: int) -> Iterator[tuple[bytes, Sequence[PackEntry]]]:
        """Yield (pack name, consecutive index entries) that spell plain bytes [start, end)."""
        for number, run_start, piece_start, piece_end in self._pieces(start, end):
            yield (
                self._runs[number].pack,
                self._cut_entries(number, piece_start - run_start, piece_end - run_start),
            )
            self._behind = piece_end

    def next_chunk(self, start: int, size: int) -> tuple[bytes, PackEntry] | None:
        """The one chunk that spells [start, start + size), if it lies right behind what was cut last.

        None tells nothing: ask `chunks`. It spares small files, of one chunk each, two searches.
        """
        entries = self._table[0]
        if start != self._behind or self._next >= len(entries):
            return None
        entry = entries[self._next]
        if entry.plain != size or not size:
            return None
        self._next += 1
        self._behind += size
        return self._runs[self._table_number].pack, entry

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        if start >= end:
            return
        number = bisect_right(self._ends, start)
        while start < end:
            if number >= len(self._runs):
                raise _bad_record("a placement record is shorter than the data it stands for")
            run_end = self._ends[number]
            piece_end = min(end, run_end)
            yield number, run_end - self._runs[number].plain, start, piece_end
            start = piece_end
            number += 1

    def _cut_entries(self, number: int, start: int, end: int) -> Sequence[PackEntry]:
        if number != self._table_number:
            run = self._runs[number]
            entries = run_entries(run, self._find_index(run.pack))
            self._table = (entries, list(accumulate(entry.plain for entry in entries)))
            self._table_number = number
        entries, ends = self._table
        first = bisect_right(ends, start)
        last = bisect_left(ends, end)
        if (ends[first - 1] if first else 0) != start or last >= len(ends) or ends[last] != end:
            raise _bad_record("a file does not start and end at chunk boundaries")
        self._behind, self._next = -1, last + 1
        return entries[first : last + 1]


def packs_within(runs: Sequence[Run], spans: Sequence[tuple[int, int]]) -> set[bytes]:
    """The packs that hold some of the plain bytes [start, end) of the spans, which are in stream order."""
    packs: set[bytes] = set()
    todo = iter(spans)
    span = next(todo, None)
    position = 0
    for run in runs:
        while span is not None and span[1] <= position:
            span = next(todo, None)
        if span is None:
            break
        if span[0] < position + run.plain:
            packs.add(run.pack)
        position += run.plain
    return packs


def frame_end(entry: PackEntry) -> int:
    """The offset in the pack just behind the frame of a chunk."""
    return entry.offset + FRAME_HEADER_BYTES + entry.stored


def run_entries(run: Run, index: PackIndex) -> Sequence[PackEntry]:
    """The index entries of the chunks in a run. Raises FormatError if run and index disagree."""
    first = index.entry_at(run.offset)
    entries = index.entries[first : first + run.chunks]
    is_same = len(entries) == run.chunks and frame_end(entries[-1]) == run.offset + run.stored
    if not is_same or sum(entry.plain for entry in entries) != run.plain:
        raise _bad_record(f"a placement record and the index of pack {run.pack.hex()} disagree")
    return entries


def _bad_record(what: str) -> FormatError:
    return FormatError(
        what,
        affected="no file was written from it",
        hints=["delete that pack there, then push from a clone that has the data: `dvx push`"],
        kind="bad-placement",
    )
