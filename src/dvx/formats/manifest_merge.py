"""Merging directories: which path to take from which of two listings that come from a common one.

Owns the three-way rule for paths and what counts as a conflict. Works on streams of changed entries, so its memory
is that of the conflicts, not of the listings. Must not read a store or write pages.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import ReadPages, differing_entries, find_entries
from dvx.formats.three_way import Side, winning_side

# The side to take a conflicting path from; None where nobody has decided.
Choose = Callable[[str], Side | None]
# The place of an entry in the byte stream of their directory.
Locate = Callable[[str], int]


class PathChange(NamedTuple):
    """A path that at least one side changed; None where a version does not have it.

    `ours_offset` and `theirs_offset` are the places of the entries in the byte streams of their directories, -1 for
    an entry that its side did not change.
    """

    path: str
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None
    ours_offset: int = -1
    theirs_offset: int = -1


class ConflictReason(StrEnum):
    """Why a path cannot be merged."""

    BOTH_MODIFIED = "changed on both sides"
    BOTH_ADDED = "added on both sides"
    DELETED_BY_US = "deleted by us, changed by them"
    DELETED_BY_THEM = "changed by us, deleted by them"
    FILE_AND_FOLDER = "a file on one side, a folder on the other"


class PathConflict(NamedTuple):
    """A path that needs a decision; deciding about a file that is a folder on the other side decides about both."""

    path: str
    reason: ConflictReason
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class Patch(NamedTuple):
    """How one path of the merged listing differs from ours: `entry` (None: it goes), whose bytes are at `offset`
    of the stream of `side`."""

    path: str
    old: Entry | None
    entry: Entry | None
    side: Side
    offset: int


@dataclass(slots=True)
class TreeDecisions:
    """What the first pass over the changes found.

    `whole` are paths that are a file on one side and a folder on the other: with everything below them they come
    from one side. `filled` are empty directories of one side into which the other put something. `conflicts` are
    those that nobody decided, in path order.
    """

    whole: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    conflicts: list[PathConflict] = field(default_factory=list)


def find_changes(
    base_root: bytes | None, ours_root: bytes, theirs_root: bytes, read_page: ReadPages
) -> Iterator[PathChange]:
    """Yield what either side changed, in path order. Reads only pages that differ from the base's.

    Raises as walk_entries.
    """
    ours = _changed(base_root, ours_root, read_page)
    theirs = _changed(base_root, theirs_root, read_page)
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        if other is None or (mine is not None and mine.path < other.path):
            assert mine is not None
            yield PathChange(mine.path, mine.base, mine.new, mine.base, mine.offset)
            mine = next(ours, None)
        elif mine is None or other.path < mine.path:
            yield PathChange(other.path, other.base, other.base, other.new, -1, other.offset)
            other = next(theirs, None)
        else:
            yield PathChange(mine.path, mine.base, mine.new, other.new, mine.offset, other.offset)
            mine, other = next(ours, None), next(theirs, None)


class _Changed(NamedTuple):
    path: str
    base: Entry | None
    new: Entry | None
    offset: int


def _changed(base_root: bytes | None, new_root: bytes, read_page: ReadPages) -> Iterator[_Changed]:
    bases, news = differing_entries(base_root, new_root, read_page)
    base, new = next(bases, None), next(news, None)
    while base is not None or new is not None:
        if new is None or (base is not None and base[1].path < new[1].path):
            assert base is not None
            yield _Changed(base[1].path, base[1], None, -1)
            base = next(bases, None)
        elif base is None or new[1].path < base[1].path:
            yield _Changed(new[1].path, None, new[1], new[0])
            new = next(news, None)
        else:
            if base[1] != new[1]:
                yield _Changed(base[1].path, base[1], new[1], new[0])
            base, new = next(bases, None), next(news, None)


def decide(changes: Iterable[PathChange], choose: Choose) -> TreeDecisions:
    """The first pass: find conflicts and paths that depend on what is below them."""
    found = TreeDecisions()
    conflicts: dict[str, PathConflict] = {}
    above: list[PathChange] = []  # earlier changes that the path starts with, as in PathOrder
    for change in changes:
        while above and not change.path.startswith(above[-1].path):
            above.pop()
        folders = [other for other in above if change.path[len(other.path)] == "/"]
        above.append(change)
        outer = next((other for other in folders if _excludes(other, change)), None)
        if outer is not None:
            found.whole.add(outer.path)
            conflicts[outer.path] = _conflict(outer, ConflictReason.FILE_AND_FOLDER)
        elif _result(change, choose) is None and choose(change.path) is None:
            conflicts[change.path] = _conflict(change, _reason(change))
        if _is_present(change, choose, is_whole=outer is not None):
            found.filled.update(other.path for other in folders if _has_empty_folder(other))
    undecided = (item for item in conflicts.values() if choose(item.path) is None)
    found.conflicts = sorted(undecided, key=lambda item: item.path)
    return found


def find_patches(
    changes: Iterable[PathChange], decisions: TreeDecisions, choose: Choose, locate: Locate
) -> Iterator[Patch]:
    """The second pass, over the same changes: what to change in our listing, in path order.

    Everything must be decided. `locate` is asked for entries that are taken back from their side, which did not
    change them.
    """
    for change in changes:
        whole = _whole_above(change.path, decisions)
        result = _side_result(change, choose(whole)) if whole is not None else _result(change, choose)
        assert result is not None, "a conflict was not decided"
        entry, side = result
        if entry is not None and entry.kind == "directory" and change.path in decisions.filled:
            entry = None
        if entry != change.ours:
            offset = change.theirs_offset if side is Side.THEIRS else change.ours_offset
            if offset < 0 and entry is not None:
                assert side is Side.THEIRS, "what our side did not change needs no patch"
                offset = locate(change.path)
            yield Patch(change.path, change.ours, entry, side, offset)


def locator(root: bytes, read_page: ReadPages) -> Locate:
    """Return the function that finds entries of the directory `root`. It raises as find_entries does."""

    def locate(path: str) -> int:
        return next(offset for offset, entry in find_entries(root, read_page, path) if entry.path == path)

    return locate


def _whole_above(path: str, decisions: TreeDecisions) -> str | None:
    """The outermost path at or above `path` that comes from one side as a whole."""
    if not decisions.whole:
        return None
    parts = path.split("/")
    candidates = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((name for name in candidates if name in decisions.whole), None)


_Result = tuple[Entry | None, Side]


def _result(change: PathChange, choose: Choose) -> _Result | None:
    """The merged entry of one path and the side that its bytes come from; None for an undecided conflict."""
    base, ours, theirs = change.base, change.ours, change.theirs
    side = winning_side(base, ours, theirs)
    if side is not None:
        return _side_result(change, side)
    kinds = {entry.kind if entry is not None else "" for entry in (ours, theirs)}
    if kinds == {"", "directory"}:
        # The file is gone on both sides; one of them kept its name for an empty directory.
        return _side_result(change, Side.OURS if ours is not None else Side.THEIRS)
    return _merge_mode(change) or _side_result(change, choose(change.path))


def _side_result(change: PathChange, side: Side | None) -> _Result | None:
    if side is None:
        return None
    return (change.ours, side) if side is Side.OURS else (change.theirs, side)


def _merge_mode(change: PathChange) -> _Result | None:
    """Content and executable bit merge apart from each other, as in Git."""
    base, ours, theirs = change.base, change.ours, change.theirs
    if base is None or ours is None or theirs is None:
        return None
    if not {base.kind, ours.kind, theirs.kind} <= {"file", "executable"}:
        return None
    content = winning_side(base[2:], ours[2:], theirs[2:])
    mode = winning_side(base.kind, ours.kind, theirs.kind)
    if content is None or mode is None:
        return None
    kind = ours.kind if mode is Side.OURS else theirs.kind
    return (ours if content is Side.OURS else theirs)._replace(kind=kind), content


def _excludes(above: PathChange, change: PathChange) -> bool:
    """Whether one side has a file at a path below which the other side put something."""
    pairs = ((above.ours, change.theirs, change.base), (above.theirs, change.ours, change.base))
    return any(
        _is_file(file) and file != above.base and below is not None and below != old
        for file, below, old in pairs
    )


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.kind != "directory"


def _has_empty_folder(change: PathChange) -> bool:
    return any(entry is not None and entry.kind == "directory" for entry in (change.ours, change.theirs))


def _is_present(change: PathChange, choose: Choose, *, is_whole: bool) -> bool:
    if is_whole:
        return True
    result = _result(change, choose)
    return result is not None and result[0] is not None


def _conflict(change: PathChange, reason: ConflictReason) -> PathConflict:
    return PathConflict(change.path, reason, change.base, change.ours, change.theirs)


def _reason(change: PathChange) -> ConflictReason:
    if change.ours is None:
        return ConflictReason.DELETED_BY_US
    if change.theirs is None:
        return ConflictReason.DELETED_BY_THEM
    return ConflictReason.BOTH_ADDED if change.base is None else ConflictReason.BOTH_MODIFIED
