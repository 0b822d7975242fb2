"""What a walk over the leaves of a manifest hands out, and how a leaf that changed in places is cut into it.

Owns the parts of a leaf. Which leaves there are, and which of their files look as they did, is dvx.ops.leaf_walk and
dvx.ops.page_marks. Must not read pages or hash data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

from dvx.disk.walk import WalkEntry, WalkRow
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_lines import CheckedLines, LeafText
from dvx.ops.trees import Pair, pair_up

_FILE_KINDS: Final = frozenset({"file", "executable"})


@dataclass(frozen=True, slots=True)
class SameLeaf:
    """A leaf of which every entry is in the workspace as it says. `offset` is its place in the stream of the root.

    `files` are its entries that are no empty directories; None if nobody looked at the workspace. `is_ended` is what
    PageMarks says.
    """

    leaf: ChildPage
    offset: int
    files: int | None
    is_ended: bool = False


@dataclass(frozen=True, slots=True)
class SameLines:
    """A part of a leaf of which every entry is a file that is in the workspace as it says, in the state of its row.

    `offset` is its place in the stream of the root.
    """

    lines: CheckedLines
    offset: int
    rows: Sequence[WalkRow]


@dataclass(slots=True)
class LeafToCompare:
    """Entries and files of a leaf, or of a part of it. The range behind the last leaf has no `leaf`.

    `pairs` is an iterator, to be used up before the next part is asked for; `entries` are those that are in it. `rows`
    are all files of the leaf if nothing but these pairs has to be looked at to know how it is; else None. `spans` are
    the first and the last path of stretches of files in `pairs`, as far as these are known, in path order.
    """

    leaf: ChildPage | None
    pairs: Iterator[Pair]
    entries: Sequence[Entry] = ()
    rows: list[WalkRow] | None = field(default=None, repr=False)
    spans: Sequence[tuple[str, str]] = ()


LeafPart = SameLeaf | SameLines | LeafToCompare


class _Stretch(NamedTuple):
    """A part of a leaf from the entry number `start` on; `entries` is None where all are as their rows say."""

    start: int
    offset: int
    size: int
    rows: list[WalkRow]
    entries: tuple[Entry, ...] | None


class CutLeaf:
    """A marked leaf, cut where its files stop or begin to look as they did."""

    def __init__(
        self, leaf: ChildPage, text: LeafText, rows: list[WalkRow], groups: Sequence[slice], *, offset: int
    ) -> None:
        """`rows` are all files in the range of the leaf, `groups` the places in it that PageMarks found unchanged,
        `offset` the place of the leaf in the stream of the root. Raises as LeafText.entries."""
        self._leaf = leaf
        self._text = text
        self._rows = rows
        self._offset = offset
        self._stretches: list[_Stretch] = []
        position = 0
        are_files = {row[1] for row in rows} <= _FILE_KINDS
        for group in groups:
            if group.start == group.stop:
                continue  # a leaf without entries, as of an empty directory, is unchanged with no files
            # What stands for a symlink or a folder in a line is not what the walk reports: its entry is looked at.
            if are_files or {row[1] for row in rows[group]} <= _FILE_KINDS:
                self._add_changed(position, rows[position : group.start], group.start)
                same = rows[group]
                self._add(_Stretch(group.start, self._offset, sum([row[2] for row in same]), same, None))
                position = group.stop
        self._add_changed(position, rows[position:], leaf.entries)

    def _add_changed(self, start: int, rows: list[WalkRow], end: int) -> None:
        if rows or start < end:
            entries = self._text.entries(start, end)
            size = sum([entry.size for entry in entries])
            self._add(_Stretch(start, self._offset, size, rows, entries))

    def _add(self, stretch: _Stretch) -> None:
        self._stretches.append(stretch)
        self._offset += stretch.size

    def paths(self) -> list[str]:
        """The paths of all its entries."""
        paths: list[str] = []
        for stretch in self._stretches:
            if stretch.entries is None:
                paths += [row[0] for row in stretch.rows]
            else:
                paths += [entry.path for entry in stretch.entries]
        return paths

    def changed_part(self, prefix: str) -> LeafToCompare:
        """What has to be compared of it. `prefix` goes before the paths."""
        changed = [stretch for stretch in self._stretches if stretch.entries is not None]
        pairs = chain.from_iterable([_pairs(stretch, prefix) for stretch in changed])
        entries = [entry for stretch in changed for entry in stretch.entries or ()]
        spans = [span for stretch in changed for span in spans_of(stretch.rows, prefix)]
        return LeafToCompare(self._leaf, pairs, entries, self._rows, spans)

    def parts(self, prefix: str, *, is_ended: bool) -> Iterator[SameLines | LeafToCompare]:
        """All of it in path order; `is_ended` as PageMarks says."""
        for stretch in self._stretches:
            if stretch.entries is None:
                paths = [row[0] for row in stretch.rows]
                lines = self._text.lines(stretch.start, paths, size=stretch.size, may_end=not is_ended)
                yield SameLines(lines, stretch.offset, stretch.rows)
            else:
                spans = spans_of(stretch.rows, prefix)
                yield LeafToCompare(self._leaf, _pairs(stretch, prefix), stretch.entries, None, spans)


def spans_of(rows: Sequence[WalkRow], prefix: str) -> list[tuple[str, str]]:
    """The first and the last path of `rows`, as LeafToCompare has them."""
    return [(prefix + rows[0][0], prefix + rows[-1][0])] if rows else []


def with_paths(entries: Sequence[Entry], offset: int, prefix: str) -> Iterator[tuple[int, str, Entry]]:
    """Entries that follow each other in the stream from `offset` on, as Tree.entries gives them."""
    for entry in entries:
        yield offset, prefix + entry.path, entry
        offset += entry.size


def as_found(rows: Sequence[WalkRow] | Iterator[WalkRow], prefix: str) -> Iterator[tuple[str, WalkEntry]]:
    """Rows of a walk, as Tree.walk gives them."""
    new, entry = tuple.__new__, WalkEntry
    for row in rows:
        yield prefix + row[0], new(entry, row)


def _pairs(stretch: _Stretch, prefix: str) -> Iterator[Pair]:
    entries = with_paths(stretch.entries or (), stretch.offset, prefix)
    return pair_up(entries, as_found(stretch.rows, prefix))
