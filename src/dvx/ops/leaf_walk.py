"""One tracked directory seen twice, leaf by leaf of its manifest; unchanged leaves are not read.

Owns which leaves have to be looked at, and the pairing of their entries with the workspace. Gives what Tree.pairs
gives, except pairs that are known to be equal. Must not hash data or write.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from dvx.core.errors import FormatError, PathRefused, UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.disk.walk import WalkEntry, WalkRow, walk_blocks
from dvx.formats.manifest import ChildPage, Entry, LeafPage
from dvx.formats.manifest_lines import LeafText
from dvx.formats.manifest_reader import BATCH_PAGES, PageRef, PageTree
from dvx.ops.leaf_parts import (
    CutLeaf,
    LeafPart,
    LeafToCompare,
    SameLeaf,
    as_found,
    spans_of,
    with_paths,
)
from dvx.ops.page_marks import PageMarks
from dvx.ops.trees import Pair, Tree, pair_up
from dvx.store.page_reader import PageReader

# Files beyond the entries of a leaf that are held at once; there may be a million new ones between two old ones.
_EXTRA_ROWS: Final = 8192
# Files of leaves that are looked at before the first of their pages is read: those of 64 leaves are about 32 000.
_ROWS_AHEAD: Final = 65536


def is_walked_by_leaf(tree: Tree) -> bool:
    """Whether a tree is a whole directory on both sides."""
    pointer = tree.pointer
    is_directory = pointer is not None and pointer.kind == "directory" and not tree.inside
    return is_directory and os.path.isdir(tree.absolute) and not os.path.islink(tree.absolute)


def walk_leaves(
    tree: Tree, pages: PageReader, marks: PageMarks, *, leave_out_same: bool = False
) -> Iterator[LeafPart]:
    """Yield the whole tree in path order. Raises as Tree.entries and Tree.walk do.

    With `leave_out_same` there are no SameLines, and what has to be compared of a leaf is one part.
    """
    assert tree.pointer is not None
    root = tree.pointer.id
    reader = _LeafReader(root, PageTree(pages.for_root(root)))
    blocks = walk_blocks(
        tree.absolute,
        ignore=tree.ignoring(pages),
        leftovers=tree.leftovers,
        refused=tree.refused,
        shown=tree.path + "/",
    )
    found = _Found(blocks)
    walk = _LeafWalk(tree, found, reader, marks, leave_out_same=leave_out_same)
    try:
        for refs in _batches(reader.refs()):
            reader.fetch([ref for ref in refs if not marks.has(ref.id)])
            yield from walk.compare(refs)
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
) -> Iterator[LeafPart]:
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
            entries = with_paths(leaf.entries, ref.offset, prefix)
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

    def compare(self, refs: Sequence[PageRef]) -> Iterator[LeafPart]:
        """Compare the next leaves. Their paths are those after the last one of the leaf before."""
        ahead: list[_Looked] = []
        held = 0
        for ref in refs:
            looked = self._look(ref)
            ahead.append(looked)
            held += len(looked.rows)
            # The rest of its files has to be taken before the next leaf is looked at.
            if not looked.is_whole or held >= _ROWS_AHEAD:
                yield from self._compare_looked(ahead)
                ahead, held = [], 0
        yield from self._compare_looked(ahead)

    def _look(self, ref: PageRef) -> "_Looked":
        """See what of a leaf is as it was. A root that is a leaf is read for it: nothing else says how long it is."""
        page = self._reader.read(ref) if ref.told is None else None
        told = ref.told or _told(ref, page)
        rows = self._found.up_to(told.last_path, most=told.entries + _EXTRA_ROWS)
        groups = self._marks.unchanged_groups(told, rows, self._link_hash)
        is_whole = self._found.is_behind(told.last_path)
        ref = ref if ref.told else replace(ref, told=told)
        return _Looked(ref, told, page, rows, groups if is_whole else [], is_whole)

    def _compare_looked(self, ahead: Sequence["_Looked"]) -> Iterator[LeafPart]:
        self._reader.fetch([looked.ref for looked in ahead if looked.needs_page])
        for looked in ahead:
            if looked.is_same:
                self._reader.pass_over(looked.ref, [row[0] for row in looked.rows])
                files = sum([row[1] != "directory" for row in looked.rows])
                is_ended = self._marks.is_ended(looked.told)
                yield SameLeaf(looked.told, looked.ref.offset, files, is_ended)
            elif looked.groups:
                yield from self._parts(looked)
            else:
                yield self._whole(looked)

    def _parts(self, looked: "_Looked") -> Iterator[LeafPart]:
        ref, text = looked.ref, self._reader.text(looked.ref)
        leaf = CutLeaf(looked.told, text, looked.rows, looked.groups, offset=ref.offset)
        if looked.page is None:
            self._reader.pass_over(ref, leaf.paths())
        if self._leave_out_same:
            yield leaf.changed_part(self._prefix)
        else:
            yield from leaf.parts(self._prefix, is_ended=self._marks.is_ended(looked.told))

    def _whole(self, looked: "_Looked") -> LeafToCompare:
        page = looked.page or self._reader.read(looked.ref)
        rows, told = looked.rows, looked.told
        entries = with_paths(page.entries, looked.ref.offset, self._prefix)
        found = as_found(rows if looked.is_whole else self._and_rest(rows, told.last_path), self._prefix)
        spans = spans_of(rows, self._prefix)
        return LeafToCompare(
            told, pair_up(entries, found), page.entries, rows if looked.is_whole else None, spans
        )

    def new_files(self, rows: Sequence[WalkRow]) -> Iterator[Pair]:
        """Pairs of files for which there is no entry: `rows` and all that follow."""
        return pair_up(iter(()), as_found(self._and_rest(rows, None), self._prefix))

    def _and_rest(self, rows: Sequence[WalkRow], last: str | None) -> Iterator[WalkRow]:
        while rows:
            yield from rows
            rows = self._found.up_to(last)

    def _link_hash(self, path: str) -> bytes:
        try:
            return hash_bytes(os.fsencode(os.readlink(os.path.join(self._tree.absolute, path))))
        except OSError:
            return b""  # it is something else by now: compared like any other


class _Looked(NamedTuple):
    """A leaf of which the files were looked at: `rows`, all of them if it `is_whole`, `groups` of them unchanged.

    `page` is there if it was read to know what is `told` of it.
    """

    ref: PageRef
    told: ChildPage
    page: LeafPage | None
    rows: list[WalkRow]
    groups: list[slice]
    is_whole: bool

    @property
    def is_same(self) -> bool:
        """Whether nothing changed, so that nobody has to read the page."""
        is_all = self.groups == [slice(0, len(self.rows))] and len(self.rows) == self.told.entries
        return is_all and self.page is None

    @property
    def needs_page(self) -> bool:
        """Whether the bytes of the page have to be there."""
        return not self.is_same and (self.page is None or bool(self.groups))


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
        """Get the bytes of leaves that will be asked for: 64 of them at once take half the time of one by one."""
        self._ahead.update(self._tree.fetch([ref for ref in refs if ref.id not in self._ahead]))

    def read(self, ref: PageRef) -> LeafPage:
        """Read and check the next leaf."""
        page = self._tree.checked(ref, self._bytes_of(ref))
        assert isinstance(page, LeafPage)
        return page

    def _bytes_of(self, ref: PageRef) -> bytes:
        data = self._ahead.pop(ref.id, None)
        return data if data is not None else self._tree.fetch([ref])[ref.id]

    def text(self, ref: PageRef) -> LeafText:
        """The text of the next leaf, one that was checked before; `pass_over` has to follow."""
        return self._tree.text_of(ref, self._bytes_of(ref))

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


def _told(ref: PageRef, leaf: LeafPage | None) -> ChildPage:
    """What a page above a root that is a leaf would say of it."""
    assert leaf is not None
    last = leaf.entries[-1].path if leaf.entries else ""
    return ChildPage(len(leaf.entries), sum(entry.size for entry in leaf.entries), ref.id, last)


def _batches(refs: Iterator[PageRef]) -> Iterator[list[PageRef]]:
    batch: list[PageRef] = []
    for ref in refs:
        batch.append(ref)
        if len(batch) == BATCH_PAGES:
            yield batch
            batch = []
    if batch:
        yield batch
