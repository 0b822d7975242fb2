"""The tree of manifest pages: where pages end, how a tree is built, and how it is read.

Owns the boundary rule. It depends on paths only, so the same set of entries gives the same pages whatever
came before, and one changed entry rewrites one page per level: a prolly tree, as in Noms and Dolt. Reading
lies in manifest_reader and is offered here too. Must not know where pages are stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from dvx.core.ids import Hasher, hash_bytes
from dvx.formats.manifest import (
    MAX_LEVEL,
    ChildPage,
    Entry,
    PathOrder,
    check_entry,
    format_child,
    format_entry,
    join_page,
)
from dvx.formats.manifest_lines import CheckedLines
from dvx.formats.manifest_reader import (
    ReadPages,
    diff_manifests,
    find_entries,
    walk_entries,
    walk_entries_with_offsets,
)

__all__ = [
    "BuiltPage",
    "ManifestBuilder",
    "ReadPages",
    "build_manifest",
    "diff_manifests",
    "find_entries",
    "walk_entries",
    "walk_entries_with_offsets",
]

# 512 entries of about 100 bytes make a leaf of about 50 KB: one changed entry costs one such page.
LEAF_MODULUS: Final = 512
INNER_MODULUS: Final = 128
# e^-4 = 1.8 % of leaves reach 4 times the mean; 8 times is reached by 0.03 % of inner pages.
MAX_LEAF_ENTRIES: Final = 2048
MAX_INNER_CHILDREN: Final = 1024
# A line has at most 4184 bytes, so a page that ends here stays below the 256 KiB of a chunk.
FULL_PAGE_BYTES: Final = 160 * 1024


@dataclass(frozen=True, slots=True)
class BuiltPage:
    """A finished page: its 32-byte id, its text, its level (0 is a leaf), and what a page above it says of it.

    `is_ended` says that its last line ends a page; else it ends with its level.
    """

    id: bytes
    data: bytes
    level: int
    told: ChildPage
    is_ended: bool = False


@dataclass(slots=True)
class _OpenPage:
    """The page of one level that still takes lines. `is_full` says that the next line opens a new page.

    `texts` are its `lines`, one or several together.
    """

    texts: list[bytes] = field(default_factory=list)
    lines: int = 0
    text_bytes: int = 0
    entries: int = 0
    size: int = 0
    last_path: str = ""
    is_full: bool = False


class ManifestBuilder:
    """Builds the tree of a directory from entries in path order, handing out pages as they are finished.

    Memory: one open page per level. A page is finished when a line arrives that does not belong to it, so
    that a level with a single page is known to be the root before a page over it is made.
    """

    __slots__ = ("_carried", "_levels", "_order", "_root_id", "entries", "files", "size")

    def __init__(self) -> None:
        self.entries = 0
        self.files = 0
        self.size = 0
        self._order = PathOrder()
        self._levels = [_OpenPage()]
        self._root_id: bytes | None = None
        self._carried: bytes | None = None

    @property
    def root_id(self) -> bytes:
        """The 32-byte id of the root page, which is the directory's id; known after finish."""
        if self._root_id is None:
            raise RuntimeError("the root is known only after finish()")
        return self._root_id

    def add(self, entry: Entry) -> list[BuiltPage]:
        """Take the next entry; return the pages that it finished, each before the pages that refer to it.

        Raises FormatError for an entry out of order or invalid, PathRefused for an unsafe path.
        """
        return self.add_all([entry])

    def add_all(self, entries: Sequence[Entry]) -> list[BuiltPage]:
        """Take the next entries, as add would one by one, in two thirds of the time."""
        if self._root_id is not None:
            raise RuntimeError("add() after finish()")
        for entry in entries:
            check_entry(entry)
        if len(entries) == 1:
            self._order.accept(entries[0].path)
        else:
            self._order.accept_all([entry.path for entry in entries])
        self.files += sum([entry.kind != "directory" for entry in entries])
        lines = [format_entry(entry) for entry in entries]
        return self._take(lines, [entry.path for entry in entries], [entry.size for entry in entries])

    def add_lines(self, lines: CheckedLines) -> list[BuiltPage]:
        """Take the entries of lines that were checked before, as add_all would take the entries themselves.

        In a tenth of the time: what is left to do is to see where pages end, and how the paths lie to those before.
        """
        if self._root_id is not None:
            raise RuntimeError("add_lines() after finish()")
        self._order.accept_checked(lines.paths)
        count = len(lines.paths)
        self.files += count
        built = self._make_room(0)
        page = self._levels[0]
        is_within = (
            page.lines + count < MAX_LEAF_ENTRIES and page.text_bytes + len(lines.text) < FULL_PAGE_BYTES
        )
        if not is_within or (lines.may_end and _has_end(lines.paths[:-1])):
            each = lines.text.split(b"\n")[:-1]
            sizes = [int(line.split(b" ", 2)[1]) for line in each]
            return built + self._take([line + b"\n" for line in each], lines.paths, sizes)
        self.entries += count
        self.size += lines.size
        last = lines.paths[-1]
        self._append(0, text=lines.text, lines=count, entries=count, size=lines.size, last_path=last)
        return built

    def _take(self, lines: Sequence[bytes], paths: Sequence[str], sizes: Sequence[int]) -> list[BuiltPage]:
        built: list[BuiltPage] = []
        for line, path, size in zip(lines, paths, sizes, strict=True):
            if self._levels[0].is_full:
                built += self._close(0)
            self._append(0, text=line, lines=1, entries=1, size=size, last_path=path)
        self.entries += len(lines)
        self.size += sum(sizes)
        return built

    def carries(self, leaf: ChildPage, *, is_ended: bool = False) -> bool:
        """Whether a leaf of another tree would be built again as it is, from its entries, at this point.

        False also where that cannot be said without them: a leaf that ends for the length of its text, or
        with its tree. `is_ended` says that a builder ended it. The leaf has to be one that a builder made.
        """
        page = self._levels[0]
        is_at_start = page.is_full or not page.lines
        return is_at_start and (is_ended or _ends_here(leaf.entries, leaf.last_path, level=0))

    def add_leaf(self, leaf: ChildPage, paths: Sequence[str] | None = None) -> list[BuiltPage]:
        """Take all entries of a leaf that `carries` accepts, without building it; return the finished pages.

        The leaf itself is not among them, and its entries do not count in `files`. `paths` are its paths where
        they are known, to check what comes next against them.
        """
        if self._root_id is not None:
            raise RuntimeError("add_leaf() after finish()")
        self._order.accept_checked(paths or [leaf.last_path])
        built = self._make_room(0)
        self.entries += leaf.entries
        self.size += leaf.size
        self._carried = leaf.id
        return [*built, *self._refer(0, leaf)]

    def finish(self) -> list[BuiltPage]:
        """Close all levels; return the remaining pages, the root last."""
        built: list[BuiltPage] = []
        level = 0
        while level + 1 < len(self._levels):
            if self._levels[level].lines:
                built += self._close(level)
            level += 1
        if level == 1 and self._levels[1].lines == 1:
            self._root_id = self._carried  # a single leaf, which was carried over, is the root itself
            return built
        page = self._built(level)
        self._root_id = page.id
        return [*built, page]

    def _make_room(self, level: int) -> list[BuiltPage]:
        return self._close(level) if self._levels[level].is_full else []

    def _append(
        self, level: int, *, text: bytes, lines: int, entries: int, size: int, last_path: str
    ) -> None:
        page = self._levels[level]
        page.texts.append(text)
        page.lines += lines
        page.text_bytes += len(text)
        page.entries += entries
        page.size += size
        page.last_path = last_path
        page.is_full = _ends_page(page, level=level)

    def _close(self, level: int) -> list[BuiltPage]:
        """Finish the open page of `level` and refer to it one level up, which may finish pages there."""
        built = self._built(level)
        above = self._refer(level, built.told)
        self._levels[level] = _OpenPage()
        return [built, *above]

    def _refer(self, level: int, child: ChildPage) -> list[BuiltPage]:
        """Refer to a finished page of `level` one level up, which may finish pages there."""
        if level + 1 == len(self._levels):
            self._levels.append(_OpenPage())
        above = self._make_room(level + 1)
        self._append(
            level + 1,
            text=format_child(child),
            lines=1,
            entries=child.entries,
            size=child.size,
            last_path=child.last_path,
        )
        return above

    def _built(self, level: int) -> BuiltPage:
        page = self._levels[level]
        data = join_page(level, page.texts)
        page_id = hash_bytes(data)
        told = ChildPage(page.entries, page.size, page_id, page.last_path)
        return BuiltPage(page_id, data, level, told, page.is_full)


def build_manifest(entries: Iterable[Entry]) -> Iterator[BuiltPage]:
    """Yield the pages of the tree over `entries` (in path order), children first, the root last."""
    builder = ManifestBuilder()
    for entry in entries:
        yield from builder.add(entry)
    yield from builder.finish()


def _ends_page(page: _OpenPage, *, level: int) -> bool:
    """Say whether the line just added to `page` is its last one.

    The top level has no bound of its own: reaching it needs more entries than bytes 0..27 of a hash tell
    apart, and join_page refuses what would not fit.
    """
    if level < MAX_LEVEL and page.text_bytes >= FULL_PAGE_BYTES:
        return True
    return _ends_here(page.lines, page.last_path, level=level)


def _ends_here(lines: int, last_path: str, *, level: int) -> bool:
    """Say whether a page of so many lines ends with this path, whatever the length of its text."""
    if level == MAX_LEVEL:
        return False
    limit, modulus = (MAX_LEAF_ENTRIES, LEAF_MODULUS) if level == 0 else (MAX_INNER_CHILDREN, INNER_MODULUS)
    if lines >= limit:
        return True
    digest = hash_bytes(last_path.encode())
    return int.from_bytes(digest[4 * level : 4 * level + 4], "little") % modulus == 0


def _has_end(paths: Sequence[str]) -> bool:
    """Say whether a leaf ends with one of these paths for its hash; lines of a page of another writer may do so."""
    modulus, from_bytes = LEAF_MODULUS, int.from_bytes
    ends = "\n".join(paths).encode().split(b"\n") if paths else []
    return any(from_bytes(Hasher(end).digest(length=4), "little") % modulus == 0 for end in ends)
