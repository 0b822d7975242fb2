"""Where the chunks of a root end up, and whether reusing stored chunks is worth what it costs its readers.

Owns the fragmentation rule. Must not know about files or packs being written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dvx.formats.pack import PackEntry
from dvx.formats.placement import Run
from dvx.store.chunk_reader import RANGE_GAP_BYTES
from dvx.store.index import Location
from dvx.store.runs import WINDOW_BYTES, RunBuilder, frame_end

# A reader needs 24 ranges for a window of 8 MiB at most, three for each MiB: with 16 requests in flight of 20 ms each
# that is 260 MB/s. A file of which an eighth of the chunks changes in each version then costs 1.2 times these chunks
# for a new version; with one range for each MiB it is 2.4 times.
_WINDOW_RANGES: Final = 24
_ALWAYS_WORTH_BYTES: Final = 1024 * 1024
# Small roots are read quickly whatever their ranges.
_FREE_RANGES: Final = 64


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Stored chunks that a reader takes with one range; `members` are positions in the stream."""

    start: int
    pack: bytes
    members: tuple[int, ...]
    plain_bytes: int


@dataclass(slots=True)
class RangeBudget:
    """Decides whether reusing stored chunks is worth the extra ranges that readers would have to ask for.

    Counts the ranges that a reader of this root needs, not the runs: readers take the stream in windows of
    WINDOW_BYTES and merge what is near within a pack, so a file with many small edits, which alternates between
    its old pack and one new pack, is still read in large pieces. The largest clusters are taken first, so that
    what is stored again is what helps readers most.
    """

    plain_bytes: int = 0
    ranges: int = 0
    refused_bytes: int = 0
    _window_plain: int = 0
    _window_ranges: int = 0
    _blocks: set[tuple[bytes, int]] = field(default_factory=set)

    def note(self, pack: bytes, start: int, end: int, plain_bytes: int) -> None:
        """Account for bytes [start, end) of a pack becoming part of the root."""
        self._leave_full_window()
        first, last = start // RANGE_GAP_BYTES, end // RANGE_GAP_BYTES
        # Most small chunks end in the block of the one before.
        if first != last or (pack, first) not in self._blocks:
            if self._opens_range(pack, start):
                self.ranges += 1
                self._window_ranges += 1
            self._blocks.update((pack, block) for block in range(first, last + 1))
        self.plain_bytes += plain_bytes
        self._window_plain += plain_bytes

    def choose(self, located: Sequence[Location | None], plain_bytes: int) -> set[int]:
        """The positions of the stored chunks that are worth reusing.

        `located` says where the next chunks of the root are stored, None for new ones; `plain_bytes` is the
        length of all of them. Counts what it refuses.
        """
        self._leave_full_window()
        chosen: set[int] = set()
        opened = 0
        # In step with the window, so that its first files do not use up what its last ones need.
        reached = min(self._window_plain + plain_bytes, WINDOW_BYTES)
        room = -(-_WINDOW_RANGES * reached // WINDOW_BYTES) - self._window_ranges
        for cluster in sorted(_clusters(located), key=lambda each: -each.plain_bytes):
            if self._opens_range(cluster.pack, cluster.start):
                is_free = self.ranges + opened < _FREE_RANGES
                if not is_free and opened >= room and cluster.plain_bytes < _ALWAYS_WORTH_BYTES:
                    self.refused_bytes += cluster.plain_bytes
                    continue
                opened += 1
            chosen.update(cluster.members)
        return chosen

    def _leave_full_window(self) -> None:
        if self._window_plain >= WINDOW_BYTES:
            self._window_plain = self._window_ranges = 0
            self._blocks.clear()

    def _opens_range(self, pack: bytes, start: int) -> bool:
        block, blocks = start // RANGE_GAP_BYTES, self._blocks
        return not ((pack, block) in blocks or (pack, block - 1) in blocks or (pack, block + 1) in blocks)


def _clusters(located: Sequence[Location | None]) -> Iterator[_Cluster]:
    by_pack: dict[bytes, list[tuple[PackEntry, int]]] = {}
    for position, location in enumerate(located):
        if location is not None:
            by_pack.setdefault(location.pack, []).append((location.entry, position))
    for pack, members in by_pack.items():
        members.sort(key=lambda member: member[0].offset)
        start = 0
        for number, (before, after) in enumerate(pairwise(members), start=1):
            if after[0].offset - frame_end(before[0]) > RANGE_GAP_BYTES:
                yield _cluster(pack, members[start:number])
                start = number
        yield _cluster(pack, members[start:])


def _cluster(pack: bytes, members: Sequence[tuple[PackEntry, int]]) -> _Cluster:
    positions = tuple(position for _, position in members)
    return _Cluster(members[0][0].offset, pack, positions, sum(entry.plain for entry, _ in members))


@dataclass(slots=True)
class RootLayout:
    """Where the chunks of one root end up, in stream order."""

    runs: RunBuilder = field(default_factory=RunBuilder)
    budget: RangeBudget = field(default_factory=RangeBudget)

    def add_run(self, run: Run) -> None:
        """Append a run that is in the store already."""
        self.budget.note(run.pack, run.offset, run.offset + run.stored, run.plain)
        self.runs.add_run(run)

    def add_chunks(self, pack: bytes, entries: Sequence[PackEntry]) -> None:
        """Append chunks that lie one behind the other in a pack."""
        start, end = entries[0].offset, frame_end(entries[-1])
        self.add_run(Run(pack, start, end - start, len(entries), sum([entry.plain for entry in entries])))
