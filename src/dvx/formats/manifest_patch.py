"""A directory's manifest with some paths changed: unchanged leaves are taken over without being read.

Owns which leaves can be taken over. Where the pages go, and where the bytes of a file come from, is up to the
caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from dvx.core.errors import FormatError
from dvx.formats.manifest import ChildPage, Entry, LeafPage, refuse_manifest
from dvx.formats.manifest_merge import Patch
from dvx.formats.manifest_reader import PageRef, PageTree, ReadPages
from dvx.formats.three_way import Side

_ENTRIES_AT_ONCE: Final = 2048


class Piece(NamedTuple):
    """Plain bytes [start, end) of the stream of one side's directory."""

    side: Side
    start: int
    end: int


class PatchTarget(Protocol):
    """Takes the patched listing in path order, as dvx.store.manifests.ManifestWriter does."""

    def carries(self, leaf: ChildPage) -> bool:
        """Whether a leaf of the old tree can be taken as it is at this point."""

    def add_leaf(self, leaf: ChildPage, *, files: int) -> object:
        """Take all entries of a leaf that `carries` accepts; `files` of them are not counted elsewhere."""

    def add_all(self, entries: Sequence[Entry]) -> object:
        """Take the next entries."""


def patch_manifest(
    root: bytes, patches: Iterable[Patch], read_page: ReadPages, target: PatchTarget
) -> Iterator[Piece]:
    """Give `target` the listing of `root` with `patches` (in path order) applied; yield where its bytes lie.

    The pieces are in stream order, neighbours are joined. Of the leaves only those are read that a patch falls
    into, that follow such a one before the cuts are in step again, and the last. Raises as walk_entries.
    """
    yield from _joined(_Patching(patches, read_page, target).run(root))


class _Patching:
    """One pass over the leaves of the old tree."""

    def __init__(self, patches: Iterable[Patch], read_page: ReadPages, target: PatchTarget) -> None:
        self._patches = iter(patches)
        self._next = next(self._patches, None)
        self._tree = PageTree(read_page)
        self._target = target

    def run(self, root: bytes) -> Iterator[Piece]:
        leaves = self._tree.leaf_refs([PageRef(root)])
        leaf = next(leaves, None)
        while leaf is not None:
            following = next(leaves, None)
            told = leaf.told
            if told is not None and self._is_unpatched(told, is_last=following is None):
                self._target.add_leaf(told, files=0)
                self._tree.pass_over([told.last_path])
                yield Piece(Side.OURS, leaf.offset, leaf.offset + told.size)
            else:
                yield from self._rebuild(leaf, is_last=following is None)
            leaf = following

    def _is_unpatched(self, leaf: ChildPage, *, is_last: bool) -> bool:
        is_before = self._next is None or (self._next.path > leaf.last_path and not is_last)
        return is_before and self._target.carries(leaf)

    def _entries(self, leaf: PageRef) -> tuple[Entry, ...]:
        ((_, page),) = self._tree.pages([leaf])
        if not isinstance(page, LeafPage):
            refuse_manifest("a page has another level than its parent says")
        return page.entries

    def _rebuild(self, leaf: PageRef, *, is_last: bool) -> Iterator[Piece]:
        """Read a leaf and hand on its entries with the patches that fall into it."""
        offset = leaf.offset
        entries: list[Entry] = []
        for entry in self._entries(leaf):
            yield from self._new_before(entry.path, entries)
            if self._next is not None and self._next.path == entry.path:
                yield from self._replaced(self._next, entry, entries)
            else:
                entries.append(entry)
                yield Piece(Side.OURS, offset, offset + entry.size)
            offset += entry.size
        if is_last:
            yield from self._new_before(None, entries)
        self._hand_on(entries)

    def _new_before(self, path: str | None, entries: list[Entry]) -> Iterator[Piece]:
        """Apply the patches of paths that sort before `path` and are new."""
        while self._next is not None and (path is None or self._next.path < path):
            patch = self._next
            if patch.old is not None:
                raise FormatError(
                    f"a manifest lacks {patch.path[:200]!a}, which it has elsewhere", kind="bad-manifest"
                )
            yield from self._replaced(patch, None, entries)

    def _replaced(self, patch: Patch, old: Entry | None, entries: list[Entry]) -> Iterator[Piece]:
        if old != patch.old:
            raise FormatError(f"a manifest has two entries for {patch.path[:200]!a}", kind="bad-manifest")
        if patch.entry is not None:
            entries.append(patch.entry)
            yield Piece(patch.side, patch.offset, patch.offset + patch.entry.size)
        if len(entries) >= _ENTRIES_AT_ONCE:
            self._hand_on(entries)
            entries.clear()
        self._next = next(self._patches, None)

    def _hand_on(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._target.add_all(entries)


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    last: Piece | None = None
    for piece in pieces:
        if piece.start == piece.end:
            continue
        if last is not None and last.side is piece.side and last.end == piece.start:
            last = Piece(last.side, last.start, piece.end)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
