"""Chunks that lie in an earlier version of a file in the workspace, which is quicker to read than packs.

Owns the arithmetic from a chunk's place in a pack to its place in that file. Must not be trusted: the file is a
person's, so whoever reads from it checks what was written as a whole.
"""

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from dvx.disk.page_cache import forget_pages
from dvx.formats.pack import PackEntry
from dvx.formats.placement import Run
from dvx.store.runs import FindIndex, RunCutter, run_entries

# Below this the packs are as quick: finding the old version's record costs a few milliseconds.
OLD_FILE_FROM_BYTES: Final = 4 * 1024 * 1024
# A call costs a few microseconds.
_FORGET_FROM_BYTES: Final = 1024 * 1024


class Stretch(NamedTuple):
    """Some consecutive chunks of a new file: how many, their plain bytes, and their place in the old file.

    `offset` is None for chunks that the old file does not have.
    """

    chunks: int
    size: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of the old file: the frames [start, end) of a pack are its bytes from `plain_start` on."""

    start: int
    end: int
    plain_start: int


class OldFile:
    """An open earlier version of one file. Thread safe; a context manager is not needed, but `close` is."""

    def __init__(self, descriptor: int, runs: Iterable[Run], find_index: FindIndex) -> None:
        """`runs` spell the whole file behind `descriptor`, which is closed by `close`."""
        self._descriptor = descriptor
        self._find_index = find_index
        self._pieces: dict[bytes, list[_Piece]] = {}
        self._plain_ends: dict[bytes, list[int]] = {}
        position = 0
        for run in runs:
            piece = _Piece(run.offset, run.offset + run.stored, position)
            self._pieces.setdefault(run.pack, []).append(piece)
            position += run.plain
        for pieces in self._pieces.values():
            pieces.sort(key=lambda piece: piece.start)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def read(self, stretch: Stretch) -> bytes | None:
        """The bytes of a stretch, or None if they cannot be read: the packs have them in any case."""
        assert stretch.offset is not None
        try:
            data = os.pread(self._descriptor, stretch.size, stretch.offset)
        except OSError:
            return None
        if len(data) != stretch.size:
            return None
        if stretch.size >= _FORGET_FROM_BYTES:
            # The new file takes the place of this one; without this both would be in memory.
            forget_pages(self._descriptor, offset=stretch.offset, size=stretch.size)
        return data

    def stretches(self, chunks: Sequence[tuple[bytes, PackEntry]]) -> list[Stretch]:
        """Divide consecutive chunks of the new file into stretches that lie together in the old one, or nowhere."""
        found: list[Stretch] = []
        for pack, entry in chunks:
            offset = self._find(pack, entry)
            if found and _continues(found[-1], offset):
                last = found[-1]
                found[-1] = Stretch(last.chunks + 1, last.size + entry.plain, last.offset)
            else:
                found.append(Stretch(1, entry.plain, offset))
        return found

    def _find(self, pack: bytes, entry: PackEntry) -> int | None:
        pieces = self._pieces.get(pack)
        if pieces is None:
            return None
        number = bisect_right(pieces, entry.offset, key=lambda piece: piece.start) - 1
        if number < 0 or entry.offset >= pieces[number].end:
            return None
        index = self._find_index(pack)
        ends = self._plain_ends.get(pack)
        if ends is None:
            ends = [0, *accumulate(each.plain for each in index.entries)]
            self._plain_ends[pack] = ends
        first, wanted = index.entry_at(pieces[number].start), index.entry_at(entry.offset)
        return pieces[number].plain_start + ends[wanted] - ends[first]


def _continues(last: Stretch, offset: int | None) -> bool:
    if last.offset is None or offset is None:
        return last.offset is None and offset is None
    return last.offset + last.size == offset


def runs_of_file(runs: Sequence[Run], find_index: FindIndex, start: int, size: int) -> list[Run]:
    """The runs that spell a file at `start` of its root's stream. Raises FormatError for a record that does not fit."""
    found = list(RunCutter(runs, find_index).cut(start, start + size))
    for run in found:
        run_entries(run, find_index(run.pack))
    return found
