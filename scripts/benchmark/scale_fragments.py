"""How scattered a root lies in a store: runs, and the requests that a reader of all of it makes.

Owns the arithmetic over placement records; reads them from a store in a folder. Must not measure time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dvx.formats.placement import Placement, Run, parse_placement
from dvx.formats.pointer import parse_pointer
from dvx.store.chunk_reader import RANGE_GAP_BYTES
from dvx.store.runs import WINDOW_BYTES

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Layout:
    """Of one root: plain bytes, runs, packs, and ranges (runs of a window that are read with one request)."""

    size_bytes: int
    runs: int
    ranges: int
    packs: int

    @property
    def runs_per_gib(self) -> float:
        """Runs for each GiB of plain bytes."""
        return self.runs * _GIB / self.size_bytes

    @property
    def ranges_per_gib(self) -> float:
        """Ranges for each GiB of plain bytes."""
        return self.ranges * _GIB / self.size_bytes


def read_layout(store: Path, pointer: Path) -> Layout:
    """The layout of what a pointer names in the store in a folder: of its first record by name."""
    root = parse_pointer(pointer.read_bytes(), name=pointer.name).id.hex()
    record = min((store / "roots" / root[:2] / root).iterdir())
    placement = parse_placement(record.read_bytes())
    return measure_layout(placement)


def measure_layout(placement: Placement) -> Layout:
    """Count runs and ranges of a placement."""
    ranges = sum(count_ranges(window) for window in split_windows(placement.runs))
    return Layout(placement.size, len(placement.runs), ranges, len(placement.packs))


def split_windows(runs: Iterable[Run]) -> Iterable[list[tuple[bytes, int, int]]]:
    """Cut runs into windows of 8 MiB of plain bytes, as readers do: lists of (pack, start, end) in stored bytes.

    A run that lies across the end of a window is cut in proportion, since a record does not say where its chunks are.
    """
    window: list[tuple[bytes, int, int]] = []
    room = WINDOW_BYTES
    for run in runs:
        done = 0
        while done < run.plain:
            taken = min(room, run.plain - done)
            start = run.offset + run.stored * done // run.plain
            done += taken
            room -= taken
            window.append((run.pack, start, run.offset + run.stored * done // run.plain))
            if room == 0:
                yield window
                window, room = [], WINDOW_BYTES
    if window:
        yield window


def count_ranges(pieces: list[tuple[bytes, int, int]]) -> int:
    """The requests for these stretches: those of one pack are merged over gaps of up to 512 KiB."""
    ranges = 0
    pack, reach = b"", 0
    for name, start, end in sorted(pieces):
        if name != pack or start - reach > RANGE_GAP_BYTES:
            ranges += 1
            pack, reach = name, end
        reach = max(reach, end)
    return ranges
