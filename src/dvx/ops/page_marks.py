"""Marks: what the files of one manifest page look like on the disk while they are as the page says.

A page of which every file was found unchanged gets a mark: hashes of paths and status, as the walk reports them. As
long as these stay the same, neither the page nor the rows of the stat cache have to be looked at. A mark stands on rows
that the stat cache believes, so its rule for racy files holds here too. Owns how marks are computed and kept; must not
decide what has changed.
"""

import marshal
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from dvx.core.ids import hash_bytes
from dvx.disk.walk import WalkRow
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_tree import BuiltPage
from dvx.repo.stat_cache import StatCache

# A change makes its group be looked at file by file. 32 bytes of hash for 32 files: 31 kB for a page of 512 files would
# be one row of the stat cache for each.
GROUP_ENTRIES: Final = 32
_HASH_BYTES: Final = 16
_COARSEST_TIME_NS: Final = 2_020_000_000
_PLAIN_KINDS: Final = frozenset({"file", "executable"})

FindLink = Callable[[str], bytes]


class PageMarks:
    """The marks of one tracked directory. Use from one thread; call `save` at the end."""

    def __init__(self, cache: StatCache, path: str) -> None:
        """`path` is the tracked directory, relative to the root of the work tree."""
        self._cache = cache
        self._path = path
        self._known = cache.marks(path)
        self._fresh: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()

    def has(self, page_id: bytes) -> bool:
        """Whether a page was found unchanged once."""
        return page_id in self._known

    def unchanged_groups(self, leaf: ChildPage, rows: Sequence[WalkRow], find_link: FindLink) -> list[slice]:
        """The parts of `rows`, found in the range of a leaf, that are as its entries say; all of them or none of it
        where the leaf has no mark or is another one to its parent. Neighbours are one part.

        `find_link` returns the hash of what a symlink points to. The parts are the same places in `rows` and in the
        entries of the leaf.
        """
        mark = self._known.get(leaf.id)
        self._used.add(leaf.id)
        if mark is None or not (mark.startswith(_head(leaf)) or self.is_ended(leaf)):
            return []
        now = _groups(_settled(rows, find_link))
        before = mark[_HASH_BYTES:]
        if now == before and len(rows) == leaf.entries:
            return [slice(0, len(rows))]
        size = _HASH_BYTES
        same = [
            number
            for number in range(min(len(now), len(before)) // size)
            if now[number * size : (number + 1) * size] == before[number * size : (number + 1) * size]
        ]
        return _joined(same, len(rows))

    def is_ended(self, leaf: ChildPage) -> bool:
        """Whether a leaf was built here, and its last line ended it, as none of the others does."""
        return self._known.get(leaf.id, b"").startswith(_head_of_ended(leaf))

    def note(
        self, leaf: ChildPage, rows: Sequence[WalkRow], links: Mapping[str, bytes], *, is_ended: bool = False
    ) -> None:
        """Note that `rows` are the files of a leaf, all as it says; `links` are the ids of its symlinks, by path.

        The page must have passed all checks on this machine, parsed below its parent or built here: who finds its
        mark leaves them out. `is_ended` says that a builder ended it.
        """
        if any(row[0].endswith(".dvx") for row in rows):
            return  # an add has to look at these each time, and refuse them
        self._used.add(leaf.id)
        head = _head_of_ended(leaf) if is_ended or self.is_ended(leaf) else _head(leaf)
        self._fresh[leaf.id] = head + _groups(_settled(rows, links.__getitem__))

    def save(self, *, keep_unused: bool = False) -> None:
        """Write what was noted, and drop marks of pages that were not asked for if these are most of them."""
        unused = self._known.keys() - self._used
        drop = unused if len(unused) > len(self._used) and not keep_unused else set()
        if self._fresh or drop:
            self._cache.change_marks(self._path, self._fresh, drop=drop)
            self._known.update(self._fresh)
            self._fresh = {}


class MarkLearner:
    """Marks leaves while they are built from entries whose files were just looked at."""

    def __init__(self, marks: PageMarks) -> None:
        self._marks = marks
        self._rows: list[WalkRow | None] = []
        self._links: dict[str, bytes] = {}
        # A file that changes after this moment may do so without a new time; two seconds are what the coarsest
        # file systems keep, and a page with such a file is marked by a later command.
        self._settled_before_ns = time.time_ns() - _COARSEST_TIME_NS

    def take(self, entries: Sequence[Entry], rows: Sequence[WalkRow | None]) -> None:
        """Take the next entries, with their files as the walk reports them (None: not known)."""
        self._rows += rows
        self._links.update([(entry.path, entry.id) for entry in entries if entry.kind == "symlink"])

    def take_files(self, rows: Sequence[WalkRow]) -> None:
        """Take the next entries, all of them files that are as `rows` say."""
        self._rows += rows

    def learn(self, built: Sequence[BuiltPage]) -> None:
        """Mark the leaves among the pages that were finished by what was taken."""
        for page in built:
            if page.level == 0:
                rows = self._rows[: page.told.entries]
                del self._rows[: page.told.entries]
                self._mark(page, rows)

    def _mark(self, page: BuiltPage, rows: Sequence[WalkRow | None]) -> None:
        limit = self._settled_before_ns
        settled = [row for row in rows if row is not None and row[3] < limit and row[4] < limit]
        if len(settled) == len(rows):
            self._marks.note(page.told, settled, self._links, is_ended=page.is_ended)


def _joined(groups: Sequence[int], rows: int) -> list[slice]:
    """The places of some groups, in order, among so many rows."""
    parts: list[slice] = []
    for number in groups:
        start, end = number * GROUP_ENTRIES, min((number + 1) * GROUP_ENTRIES, rows)
        if parts and parts[-1].stop == start:
            start = parts.pop().start
        parts.append(slice(start, end))
    return parts


def _head(leaf: ChildPage) -> bytes:
    """What the page above says of a leaf: the checks of one against the other were made for this."""
    return hash_bytes(f"{leaf.entries} {leaf.size} {leaf.last_path}".encode())[:_HASH_BYTES]


def _head_of_ended(leaf: ChildPage) -> bytes:
    """The same of a leaf that a builder ended here; others may come from a writer that ends pages in other places."""
    return hash_bytes(b"ended " + _head(leaf))[:_HASH_BYTES]


def _settled(rows: Sequence[WalkRow], find_link: FindLink) -> Sequence[tuple[object, ...]]:
    """The columns that matter: of a symlink where it points, of an empty directory that it is there."""
    if {row[1] for row in rows} <= _PLAIN_KINDS:
        return rows
    return [
        row if row[1] in _PLAIN_KINDS else (row[0], row[1], find_link(row[0]) if row[1] == "symlink" else b"")
        for row in rows
    ]


def _groups(rows: Sequence[tuple[object, ...]]) -> bytes:
    # Version 2 of marshal writes equal values as equal bytes; later ones depend on who else holds them.
    parts = []
    rest = iter(rows)
    while group := list(islice(rest, GROUP_ENTRIES)):
        parts.append(hash_bytes(marshal.dumps(group, 2))[:_HASH_BYTES])
    return b"".join(parts)
