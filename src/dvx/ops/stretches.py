"""What an add takes from the version before: entries, lines and leaves that follow each other in its stream.

Owns what is one stretch. Must not know how it is stored, or written into a manifest.
"""

from dataclasses import dataclass, field

from dvx.disk.walk import WalkRow
from dvx.formats.manifest import Entry
from dvx.ops.leaf_parts import SameLeaf, SameLines


@dataclass(slots=True)
class KeptEntries:
    """Unchanged entries, with their `states` on the disk (None where nobody looked)."""

    entries: list[Entry] = field(default_factory=list)
    states: list[WalkRow | None] = field(default_factory=list)


@dataclass(slots=True)
class Stretch:
    """What did not change and follows each other in the stream of the version before: bytes [start, end) of it.

    `held` counts the entries that are held in memory, with their lines or one by one.
    """

    pieces: list[KeptEntries | SameLines | SameLeaf] = field(default_factory=list)
    held: int = 0
    start: int = 0
    end: int = 0

    def takes(self, offset: int, size: int) -> bool:
        """Whether these bytes come next: a file that is gone leaves a gap; empty files are nowhere."""
        return not size or self.start == self.end or offset == self.end

    def extend(self, offset: int, size: int) -> None:
        """Take the bytes in."""
        if size:
            if self.start == self.end:
                self.start = offset
            self.end = offset + size

    def add(self, piece: SameLines | SameLeaf) -> None:
        """Take the next lines or the next leaf."""
        self.pieces.append(piece)
        if isinstance(piece, SameLeaf):
            self.extend(piece.offset, piece.leaf.size)
        else:
            self.held += len(piece.rows)
            self.extend(piece.offset, piece.lines.size)

    def add_entry(self, offset: int, entry: Entry, state: WalkRow | None) -> None:
        """Take the next entry."""
        if not self.pieces or not isinstance(self.pieces[-1], KeptEntries):
            self.pieces.append(KeptEntries())
        last = self.pieces[-1]
        assert isinstance(last, KeptEntries)
        last.entries.append(entry)
        last.states.append(state)
        self.held += 1
        self.extend(offset, entry.size)
