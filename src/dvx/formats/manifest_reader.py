"""Reading a tree of manifest pages: walk it, look up a path, compare two trees.

Owns the checks between pages: a page must be what its id and its parent say. Must not know where pages are
stored; the caller supplies a function that reads a batch of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dvx.core.errors import IntegrityError
from dvx.core.ids import format_id, hash_bytes
from dvx.formats.manifest import (
    ChildPage,
    Entry,
    InnerPage,
    LeafPage,
    PathOrder,
    parse_page,
    refuse_manifest,
)
from dvx.formats.manifest_lines import LeafText

# Takes page ids, yields the pages' bytes in the same order.
ReadPages = Callable[[Sequence[bytes]], Iterable[bytes]]

# 64 leaves of about 50 KB are 3 MB, enough for one ranged request; at worst (256 KiB each) 16 MiB.
BATCH_PAGES: Final = 64


@dataclass(frozen=True, slots=True)
class PageRef:
    """A page to read and what is known of it before: nothing but the id for a root.

    All paths in it are greater than `after`; `offset` is where it starts in the directory's byte stream.
    """

    id: bytes
    after: str = ""
    offset: int = 0
    told: ChildPage | None = None
    level: int | None = None


class PageTree:
    """Reads pages of one tree in path order and checks them. Any method raises FormatError for a bad page,
    IntegrityError for bytes that do not match their id, and whatever the reading function raises."""

    __slots__ = ("_order", "_read_pages")

    def __init__(self, read_pages: ReadPages) -> None:
        self._read_pages = read_pages
        self._order = PathOrder()

    def pages(self, refs: Sequence[PageRef]) -> Iterator[tuple[PageRef, LeafPage | InnerPage]]:
        """Read `refs` batch by batch."""
        for start in range(0, len(refs), BATCH_PAGES):
            batch = refs[start : start + BATCH_PAGES]
            # A batch is complete before a page of it is used: the reader is never entered twice.
            found = list(islice(self._read_pages([ref.id for ref in batch]), len(batch)))
            if len(found) != len(batch):
                refuse_manifest(f"{len(batch) - len(found)} pages are missing from the answer")
            for ref, data in zip(batch, found, strict=True):
                yield ref, self.checked(ref, data)

    def leaves(
        self, refs: Sequence[PageRef], is_wanted: Callable[[PageRef], bool]
    ) -> Iterator[tuple[PageRef, LeafPage]]:
        """Yield the leaves below `refs`, leaving out subtrees that are not wanted."""
        for ref, page in self.pages(refs):
            if isinstance(page, LeafPage):
                yield ref, page
            else:
                wanted = [child for child in _child_refs(ref, page) if is_wanted(child)]
                yield from self.leaves(wanted, is_wanted)

    def children(self, refs: Sequence[PageRef]) -> list[PageRef]:
        """Return the children of inner pages."""
        return [
            child
            for ref, page in self.pages(refs)
            if isinstance(page, InnerPage)
            for child in _child_refs(ref, page)
        ]

    def leaf_refs(self, refs: Sequence[PageRef]) -> Iterator[PageRef]:
        """Yield the leaves below `refs` without reading them; a leaf among `refs` itself is one of them."""
        if refs and refs[0].level == 0:
            yield from refs
            return
        # An order of its own: a leaf that is found here is read again in its turn.
        for ref, page in PageTree(self._read_pages).pages(refs):
            if isinstance(page, LeafPage):
                yield ref
            else:
                yield from self.leaf_refs(list(_child_refs(ref, page)))

    def fetch(self, refs: Sequence[PageRef]) -> dict[bytes, bytes]:
        """The bytes of pages by id, not checked yet."""
        ids = [ref.id for ref in refs]
        found = list(islice(self._read_pages(ids), len(ids))) if ids else []
        if len(found) != len(ids):
            refuse_manifest(f"{len(ids) - len(found)} pages are missing from the answer")
        return dict(zip(ids, found, strict=True))

    def pass_over(self, paths: Sequence[str]) -> None:
        """Take the paths of a leaf that is not read because it was checked before."""
        self._order.accept_checked(paths)

    def text_of(self, ref: PageRef, data: bytes) -> LeafText:
        """The text of a leaf that was checked before under the same parent; its lines are not checked again.

        Does not take part in the check of path order: `pass_over` follows. Raises IntegrityError for other bytes.
        """
        if hash_bytes(data) != ref.id:
            raise _wrong_page(ref)
        assert ref.told is not None
        return LeafText(data, entries=ref.told.entries)

    def checked(self, ref: PageRef, data: bytes) -> LeafPage | InnerPage:
        """Parse a page and compare it with its id and with what its parent says. Leaves come in path order."""
        if hash_bytes(data) != ref.id:
            raise _wrong_page(ref)
        page = parse_page(data, order=self._order)
        if ref.told is not None:
            _check_told(ref, page, ref.told)
        return page


def walk_entries(root_id: bytes, read_page: ReadPages) -> Iterator[Entry]:
    """Yield all entries of a directory in path order.

    Reads at most 64 pages at a time. Raises FormatError when pages contradict each other, IntegrityError when
    a page does not match its id.
    """
    for _, leaf in PageTree(read_page).leaves([PageRef(root_id)], _all):
        yield from leaf.entries


def walk_entries_with_offsets(root_id: bytes, read_page: ReadPages) -> Iterator[tuple[int, Entry]]:
    """Yield (stream offset, entry) for all entries, as find_entries does."""
    return find_entries(root_id, read_page, "")


def find_entries(root_id: bytes, read_page: ReadPages, prefix: str) -> Iterator[tuple[int, Entry]]:
    """Yield (stream offset, entry) for the entry `prefix`, or for all entries below that directory.

    The offset is that of the entry's first byte in the directory's byte stream, the contents of all entries
    in path order. An empty prefix names the whole directory. Reads only pages that can hold a match. Raises
    as walk_entries.
    """
    below = f"{prefix}/" if prefix else ""

    def may_hold(ref: PageRef) -> bool:
        last = ref.told.last_path if ref.told else ""
        # "0" follows "/": the paths below a directory are those from `prefix/` to before `prefix0`.
        return not prefix or ref.after < prefix <= last or (last >= below and ref.after < f"{prefix}0")

    for ref, leaf in PageTree(read_page).leaves([PageRef(root_id)], may_hold):
        offset = ref.offset
        for entry in leaf.entries:
            if entry.path.startswith(below) or entry.path == prefix:
                yield offset, entry
            offset += entry.size


def diff_manifests(
    old_root: bytes | None, new_root: bytes | None, read_page: ReadPages
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield (old, new) for every path whose entry differs, in path order; None where there is no entry.

    A root of None stands for no directory. Reads only pages that are not in both trees; holds a reference
    to each such page of one level. Raises as walk_entries.
    """
    if old_root != new_root:
        old, new = _differing_sides(old_root, new_root, read_page)
        yield from _differing(old.entries(), new.entries())


def differing_entries(
    old_root: bytes | None, new_root: bytes | None, read_page: ReadPages
) -> tuple[Iterator[tuple[int, Entry]], Iterator[tuple[int, Entry]]]:
    """Streams of (stream offset, entry) in path order, one of each tree, from pages that are not in both trees.

    An entry that is equal in both may be in both streams, never in one alone. Raises as walk_entries.
    """
    if old_root == new_root:
        return iter(()), iter(())
    old, new = _differing_sides(old_root, new_root, read_page)
    return old.placed_entries(), new.placed_entries()


def _differing_sides(
    old_root: bytes | None, new_root: bytes | None, read_page: ReadPages
) -> tuple["_Side", "_Side"]:
    roots = [root for root in (old_root, new_root) if root is not None]
    known = dict(zip(roots, islice(read_page(roots), len(roots)), strict=False))
    old = _Side(old_root, _remembering(read_page, known))
    new = _Side(new_root, _remembering(read_page, known))
    while (level := max(old.level, new.level)) > 0:
        _drop_common(old, new)
        old.descend_from(level)
        new.descend_from(level)
    _drop_common(old, new)
    return old, new


class _Side:
    """One of two compared trees: the pages of one level that may differ."""

    __slots__ = ("_tree", "level", "refs")

    def __init__(self, root: bytes | None, read_pages: ReadPages) -> None:
        self._tree = PageTree(read_pages)
        self.refs = [] if root is None else [PageRef(root)]
        self.level = 0
        # The root is parsed once more below, so this look at its level must not disturb the path order.
        for _, page in PageTree(read_pages).pages(self.refs):
            self.level = page.level if isinstance(page, InnerPage) else 0

    def descend_from(self, level: int) -> None:
        """Replace the pages by their children if they are of `level`."""
        if self.level == level:
            self.refs = self._tree.children(self.refs)
            self.level -= 1

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of the remaining leaves."""
        for _, leaf in self._tree.leaves(self.refs, _all):
            yield from leaf.entries

    def placed_entries(self) -> Iterator[tuple[int, Entry]]:
        """Yield (stream offset, entry) of the remaining leaves."""
        for ref, leaf in self._tree.leaves(self.refs, _all):
            offset = ref.offset
            for entry in leaf.entries:
                yield offset, entry
                offset += entry.size


def _remembering(read_pages: ReadPages, known: dict[bytes, bytes]) -> ReadPages:
    """Read pages that are not among the `known` ones."""

    def read(ids: Sequence[bytes]) -> Iterator[bytes]:
        others = iter(read_pages([page_id for page_id in ids if page_id not in known]))
        for page_id in ids:
            data = known[page_id] if page_id in known else next(others, None)
            if data is None:
                return
            yield data

    return read


def _drop_common(old: _Side, new: _Side) -> None:
    """Forget pages that both sides have: equal ids are equal entries."""
    if old.level != new.level:
        return
    common = {ref.id for ref in old.refs} & {ref.id for ref in new.refs}
    old.refs = [ref for ref in old.refs if ref.id not in common]
    new.refs = [ref for ref in new.refs if ref.id not in common]


def _differing(
    old_entries: Iterator[Entry], new_entries: Iterator[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    old, new = next(old_entries, None), next(new_entries, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.path < new.path):
            yield old, None
            old = next(old_entries, None)
        elif old is None or new.path < old.path:
            yield None, new
            new = next(new_entries, None)
        else:
            if old != new:
                yield old, new
            old, new = next(old_entries, None), next(new_entries, None)


def _wrong_page(ref: PageRef) -> IntegrityError:
    return IntegrityError(
        f"a manifest page does not match its id `{format_id(ref.id)}`", kind="page-mismatch"
    )


def _all(_: PageRef) -> bool:
    return True


def _child_refs(ref: PageRef, page: InnerPage) -> Iterator[PageRef]:
    after, offset = ref.after, ref.offset
    for child in page.children:
        yield PageRef(child.id, after, offset, child, page.level - 1)
        after = child.last_path
        offset += child.size


def _check_told(ref: PageRef, page: LeafPage | InnerPage, told: ChildPage) -> None:
    """Compare a page with what its parent says of it."""
    if isinstance(page, LeafPage):
        level, paths, counts = 0, [entry.path for entry in page.entries], len(page.entries)
        size = sum([entry.size for entry in page.entries])
    else:
        level, paths = page.level, [child.last_path for child in page.children]
        counts = sum([child.entries for child in page.children])
        size = sum([child.size for child in page.children])
    if level != ref.level or (counts, size) != (told.entries, told.size):
        refuse_manifest("a page has another level, count or size than its parent says")
    if paths[-1] != told.last_path or paths[0] <= ref.after:
        refuse_manifest("a page holds other paths than its parent says")
