"""One tracked directory seen twice, leaf by leaf of its manifest; unchanged leaves are not read.

Owns which leaves have to be looked at, and the pairing of their entries with the workspace. Gives what Tree.pairs
gives, except pairs that are known to be equal. Must not hash data or write.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Final

from dvx.core.errors import FormatError, PathRefused, UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.disk.walk import WalkEntry, WalkRow, walk_blocks
from dvx.formats.manifest import ChildPage, Entry, LeafPage
from dvx.formats.manifest_reader import BATCH_PAGES, PageRef, PageTree
from dvx.ops.page_marks import PageMarks
from dvx.ops.trees import Pair, Tree, pair_up
from dvx.store.page_reader import PageReader

# Files beyond the entries of a leaf that are held at once; there may be a million new ones between two old ones.
_EXTRA_ROWS: Final = 8192


@dataclass(frozen=True, slots=True)
class SameLeaf:
    """A leaf of which every entry is in the workspace as it says. `offset` is its place in the stream of the root.

    `files` are its entries that are no empty directories; None if nobody looked at the workspace.
    """

    leaf: ChildPage
    offset: int
    files: int | None


@dataclass(slots=True)
class LeafToCompare:
    """Entries and files of the range of one leaf. The range behind the last leaf has no `leaf`.

    `pairs` is an iterator, to be used up before the next leaf is asked for. `same` are paths, relative to the
    repository, that are known to be equal. `rows` are all files of the range, None if they were not held together.
    """

    leaf: ChildPage | None
    pairs: Iterator[Pair]
    entries: Sequence[Entry] = ()
    same: frozenset[str] = frozenset()
    rows: list[WalkRow] | None = field(default=None, repr=False)


def is_walked_by_leaf(tree: Tree) -> bool:
    """Whether a tree is a whole directory on both sides."""
    pointer = tree.pointer
    is_directory = pointer is not None and pointer.kind == "directory" and not tree.inside
    return is_directory and os.path.isdir(tree.absolute) and not os.path.islink(tree.absolute)


def walk_leaves(
    tree: Tree, pages: PageReader, marks: PageMarks, *, leave_out_same: bool = False
) -> Iterator[SameLeaf | LeafToCompare]:
    """Yield the whole tree in path order. Raises as Tree.entries and Tree.walk do.

    With `leave_out_same`, entries that are known to be equal are left out wherever that is cheaper.
    """
    assert tree.pointer is not None
    root = tree.pointer.id
    reader = _LeafReader(root, PageTree(pages.for_root(root)))
    found = _Found(walk_blocks(tree.absolute, ignore=tree.ignore, leftovers=tree.leftovers))
    walk = _LeafWalk(tree, found, reader, marks, leave_out_same=leave_out_same)
    try:
        for refs in _batches(reader.refs()):
            reader.fetch([ref for ref in refs if not marks.has(ref.id)])
            for ref in refs:
                yield walk.step(ref)
    except UnsupportedVersion:
        raise
    except (FormatError, PathRefused) as error:
        if found.is_failed:
            raise  # what the walk refuses is about this workspace, what the pages do about a store
        raise tree.bad_listing(error) from error
    yield LeafToCompare(None, walk.new_files(found.up_to(None)))


def walk_named(
    tree: Tree,
    pages: PageReader,
    is_touched: Callable[[str, str], bool],
    found: Iterator[tuple[str, WalkEntry]],
) -> Iterator[SameLeaf | LeafToCompare]:
    """Yield the leaves of a tree, compared with some files only: those `found`, in path order.

    `is_touched(after, last)` says whether a path that matters sorts after `after` and not after `last`; other leaves
    are not read. Raises as Tree.entries.
    """
    assert tree.pointer is not None
    root = tree.pointer.id
    reader = _LeafReader(root, PageTree(pages.for_root(root)))
    rest = _Ahead(found)
    prefix = tree.path + "/"
    try:
        for ref in reader.refs():
            if ref.told is not None and not is_touched(ref.after, ref.told.last_path):
                yield SameLeaf(ref.told, ref.offset, None)
                continue
            leaf = reader.read(ref)
            told = ref.told or _told(ref, leaf)
            entries = _with_paths(leaf.entries, ref.offset, prefix)
            pairs = pair_up(entries, rest.up_to(prefix + told.last_path))
            yield LeafToCompare(told, pairs, leaf.entries)
    except UnsupportedVersion:
        raise
    except (FormatError, PathRefused) as error:
        raise tree.bad_listing(error) from error
    yield LeafToCompare(None, pair_up(iter(()), rest.up_to(None)))


def read_leaf(tree: Tree, pages: PageReader, leaf: ChildPage) -> tuple[Entry, ...]:
    """The entries of a leaf that was yielded before, checked. Raises as Tree.entries."""
    assert tree.pointer is not None
    ref = PageRef(leaf.id, told=leaf, level=0)
    try:
        ((_, page),) = PageTree(pages.for_root(tree.pointer.id)).pages([ref])
    except UnsupportedVersion:
        raise
    except (FormatError, PathRefused) as error:
        raise tree.bad_listing(error) from error
    assert isinstance(page, LeafPage)
    return page.entries


class _LeafWalk:
    """Compares the leaves of one tree, one after the other."""

    def __init__(
        self, tree: Tree, found: "_Found", reader: "_LeafReader", marks: PageMarks, *, leave_out_same: bool
    ) -> None:
        self._leave_out_same = leave_out_same
        self._tree = tree
        self._prefix = tree.path + "/"
        self._found = found
        self._reader = reader
        self._marks = marks

    def step(self, ref: PageRef) -> SameLeaf | LeafToCompare:
        """Compare the next leaf. Its paths are those after the last one of the leaf before."""
        told, page = ref.told, None
        if told is None:
            page = self._reader.read(ref)
            told = _told(ref, page)
        rows = self._found.up_to(told.last_path, most=told.entries + _EXTRA_ROWS)
        groups = self._marks.unchanged_groups(told, rows, self._link_hash)
        if page is None and groups == [slice(0, len(rows))] and len(rows) == told.entries:
            self._reader.pass_over(ref, [row[0] for row in rows])
            return SameLeaf(told, ref.offset, sum([row[1] != "directory" for row in rows]))
        if page is None and groups and self._leave_out_same and len(rows) == told.entries:
            return self._rest_of(ref, rows, groups)
        page = page or self._reader.read(ref)
        same = frozenset([self._prefix + row[0] for group in groups for row in rows[group]])
        entries = _with_paths(page.entries, ref.offset, self._prefix)
        is_whole = self._found.is_behind(told.last_path)
        found = self._as_entries(rows) if is_whole else self._as_entries(self._and_rest(rows, told.last_path))
        return LeafToCompare(told, pair_up(entries, found), page.entries, same, rows if is_whole else None)

    def _rest_of(self, ref: PageRef, rows: Sequence[WalkRow], groups: Sequence[slice]) -> LeafToCompare:
        """A marked leaf without its unchanged groups, of which the files say all there is to know."""
        spans = _between(groups, len(rows))
        parts = self._reader.read_parts(ref, spans)
        offset, position = ref.offset, 0
        paths: list[str] = []
        found: list[WalkRow] = []
        entries: list[tuple[int, str, Entry]] = []
        for (start, end), part in zip(spans, parts, strict=True):
            paths += [row[0] for row in rows[position:start]] + [entry.path for entry in part]
            offset += sum([row[2] for row in rows[position:start]])
            entries += _with_paths(part, offset, self._prefix)
            offset += sum([entry.size for entry in part])
            found += rows[start:end]
            position = end
        self._reader.pass_over(ref, paths + [row[0] for row in rows[position:]])
        # A new mark needs the entries of symlinks, some of which may not have been read.
        is_markable = all(row[1] != "symlink" for row in rows)
        pairs = pair_up(iter(entries), self._as_entries(found))
        return LeafToCompare(ref.told, pairs, rows=list(rows) if is_markable else None)

    def new_files(self, rows: Sequence[WalkRow]) -> Iterator[Pair]:
        """Pairs of files for which there is no entry: `rows` and all that follow."""
        return pair_up(iter(()), self._as_entries(self._and_rest(rows, None)))

    def _and_rest(self, rows: Sequence[WalkRow], last: str | None) -> Iterator[WalkRow]:
        while rows:
            yield from rows
            rows = self._found.up_to(last)

    def _as_entries(self, rows: Sequence[WalkRow] | Iterator[WalkRow]) -> Iterator[tuple[str, WalkEntry]]:
        new, entry, prefix = tuple.__new__, WalkEntry, self._prefix
        for row in rows:
            yield prefix + row[0], new(entry, row)

    def _link_hash(self, path: str) -> bytes:
        try:
            return hash_bytes(os.fsencode(os.readlink(os.path.join(self._tree.absolute, path))))
        except OSError:
            return b""  # it is something else by now: compared like any other


class _LeafReader:
    """Reads leaves in path order; a batch may be fetched ahead."""

    def __init__(self, root: bytes, tree: PageTree) -> None:
        self._root = root
        self._tree = tree
        self._ahead: dict[bytes, bytes] = {}

    def refs(self) -> Iterator[PageRef]:
        """All leaves; reads the pages above them."""
        return self._tree.leaf_refs([PageRef(self._root)])

    def fetch(self, refs: Sequence[PageRef]) -> None:
        """Get the bytes of leaves that `read` will be asked for."""
        self._ahead = self._tree.fetch(refs)

    def read(self, ref: PageRef) -> LeafPage:
        """Read and check the next leaf."""
        data = self._ahead.pop(ref.id, None)
        page = self._tree.checked(ref, data if data is not None else self._tree.fetch([ref])[ref.id])
        assert isinstance(page, LeafPage)
        return page

    def read_parts(self, ref: PageRef, spans: Sequence[tuple[int, int]]) -> list[tuple[Entry, ...]]:
        """Some places of the next leaf, one that was checked before; `pass_over` has to follow."""
        return self._tree.part_of_leaf(ref, self._tree.fetch([ref])[ref.id], spans)

    def pass_over(self, ref: PageRef, paths: Sequence[str]) -> None:
        """Leave out the next leaf, of which the paths are known."""
        self._ahead.pop(ref.id, None)
        self._tree.pass_over(paths)


class _Found:
    """The files of a walk, taken range by range. `is_failed` says that the walk raised."""

    def __init__(self, blocks: Iterator[list[WalkRow]]) -> None:
        self._blocks = blocks
        self._block: list[WalkRow] = []
        self._position = 0
        self.is_failed = False

    def up_to(self, last: str | None, *, most: int = _EXTRA_ROWS) -> list[WalkRow]:
        """Take the files up to the path `last` (None: all); a few more than `most` at once if there are more."""
        taken: list[WalkRow] = []
        while len(taken) < most and self._fill():
            block, start = self._block, self._position
            end = len(block)
            if last is not None and block[-1][0] > last:
                end = bisect_right(block, last, lo=start, key=itemgetter(0))
            taken += block[start:end]
            self._position = end
            if end < len(block):
                break
        return taken

    def is_behind(self, last: str) -> bool:
        """Whether all files up to `last` were taken."""
        return not self._fill() or self._block[self._position][0] > last

    def _fill(self) -> bool:
        """Have a file at hand; False at the end."""
        if self._position < len(self._block):
            return True
        self.is_failed = True
        self._block, self._position = next(self._blocks, []), 0
        self.is_failed = False
        return bool(self._block)


class _Ahead:
    """Takes items of a sorted iterator up to a path."""

    def __init__(self, items: Iterator[tuple[str, WalkEntry]]) -> None:
        self._items = items

    def up_to(self, last: str | None) -> Iterator[tuple[str, WalkEntry]]:
        for item in self._items:
            if last is not None and item[0] > last:
                self._items = chain([item], self._items)
                return
            yield item


def _between(groups: Sequence[slice], length: int) -> list[tuple[int, int]]:
    """The places [start, end) that are in none of the groups, which are in order."""
    spans: list[tuple[int, int]] = []
    position = 0
    for group in [*groups, slice(length, length)]:
        if position < group.start:
            spans.append((position, group.start))
        position = group.stop
    return spans


def _told(ref: PageRef, leaf: LeafPage) -> ChildPage:
    """What a page above a root that is a leaf would say of it."""
    last = leaf.entries[-1].path if leaf.entries else ""
    return ChildPage(len(leaf.entries), sum(entry.size for entry in leaf.entries), ref.id, last)


def _with_paths(entries: Sequence[Entry], offset: int, prefix: str) -> Iterator[tuple[int, str, Entry]]:
    for entry in entries:
        yield offset, prefix + entry.path, entry
        offset += entry.size


def _batches(refs: Iterator[PageRef]) -> Iterator[list[PageRef]]:
    batch: list[PageRef] = []
    for ref in refs:
        batch.append(ref)
        if len(batch) == BATCH_PAGES:
            yield batch
            batch = []
    if batch:
        yield batch
