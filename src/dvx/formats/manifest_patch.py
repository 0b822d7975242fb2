"""A directory's manifest with some paths changed: unchanged leaves are taken over without being read.

Owns which leaves can be taken over. Where the pages go, and where the bytes of a file come from, is up to the
caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from dvx.core.errors import FormatError
from dvx.formats.manifest import ChildPage, Entry, format_child
from dvx.formats.manifest_merge import Patch
from dvx.formats.manifest_reader import LeafRef, ReadPages, read_leaves, walk_leaves
from dvx.formats.manifest_tree import BuiltPage, ManifestBuilder, _OpenPage
from dvx.formats.three_way import Side

_ENTRIES_AT_ONCE: Final = 2048


class Piece(NamedTuple):
    """Plain bytes [start, end) of the stream of one side's directory."""

    side: Side
    start: int
    end: int


class PatchTarget(Protocol):
    """Takes the patched listing in path order."""

    @property
    def is_at_page_start(self) -> bool:
        """Whether the next entry begins a leaf."""

    def add_all(self, entries: Sequence[Entry]) -> None:
        """Take the next entries."""

    def adopt(self, child: ChildPage) -> None:
        """Take a leaf of the old tree as it is; allowed at a page start, and only if more entries follow."""


class AdoptingBuilder(ManifestBuilder):
    """A ManifestBuilder that can take over leaves of an older tree by what the page over them says.

    Leaves end where their paths say, whatever came before, so a leaf that begins where one begins here, and is
    not the last one of its tree, is the leaf that would be built from its entries.
    """

    __slots__ = ()

    @property
    def is_at_page_start(self) -> bool:
        """Whether the next entry begins a leaf."""
        page = self._levels[0]
        return page.is_full or not page.lines

    def adopt(self, child: ChildPage) -> list[BuiltPage]:
        """Refer to a leaf; return the pages that this finished. The caller adds an entry behind it later."""
        if not self.is_at_page_start:
            raise RuntimeError("adopt() in the middle of a leaf")
        built = self._make_room(0)
        if len(self._levels) == 1:
            self._levels.append(_OpenPage())
        built += self._make_room(1)
        line = format_child(child)
        self._append(1, line=line, entries=child.entries, size=child.size, last_path=child.last_path)
        self.entries += child.entries
        self.size += child.size
        return built


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
        self._read_page = read_page
        self._target = target
        # A leaf to adopt once it is certain that something follows it.
        self._held: LeafRef | None = None

    def run(self, root: bytes) -> Iterator[Piece]:
        leaves = walk_leaves(root, self._read_page)
        leaf = next(leaves, None)
        while leaf is not None:
            following = next(leaves, None)
            if following is not None and self._is_adoptable(leaf):
                self._release()
                self._held = leaf
                assert leaf.told is not None
                yield Piece(Side.OURS, leaf.offset, leaf.offset + leaf.told.size)
            else:
                yield from self._rebuild(leaf, is_last=following is None)
            leaf = following
        if self._held is not None:  # everything behind it was removed: it may be the root or end otherwise
            held, self._held = self._held, None
            self._target.add_all(self._entries(held))

    def _is_adoptable(self, leaf: LeafRef) -> bool:
        if leaf.told is None or not (self._held is not None or self._target.is_at_page_start):
            return False
        return self._next is None or self._next.path > leaf.told.last_path

    def _release(self) -> None:
        if self._held is not None:
            assert self._held.told is not None
            self._target.adopt(self._held.told)
            self._held = None

    def _entries(self, leaf: LeafRef) -> tuple[Entry, ...]:
        return next(read_leaves([leaf], self._read_page)).entries

    def _rebuild(self, leaf: LeafRef, *, is_last: bool) -> Iterator[Piece]:
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
            self._release()
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
