"""`dvx diff`: what changed in tracked data between two revisions, or between a revision and the workspace.

Compares manifests page by page, so data is never needed; missing manifests are fetched.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dvx.core.errors import DvxError, NotFound
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import diff_manifests, walk_entries
from dvx.formats.pointer import Pointer
from dvx.ops.content import ContentIds
from dvx.ops.differences import Difference, FileState, find_differences
from dvx.ops.project import Project
from dvx.ops.selection import trees_of, workspace_pointers
from dvx.ops.trees import Tree
from dvx.repo.pointers import POINTER_SUFFIX, FoundPointers, TrackedPointer, pointers_at
from dvx.repo.targets import Target
from dvx.store.page_reader import PageReader


class ChangeKind(StrEnum):
    """What happened to a path."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path with its sizes in bytes before and after; `old_path` is set for a rename.

    Sizes are None where the path did not exist.
    """

    kind: ChangeKind
    path: str
    old_size: int | None
    new_size: int | None
    old_path: str | None = None


@dataclass(slots=True)
class DiffReport:
    """All changes in path order, and what was compared. `directories` are the tracked ones, of either side;
    `refused` is what is in them and cannot be tracked or looked at."""

    old: str
    new: str
    changes: list[Change] = field(default_factory=list)
    directories: tuple[str, ...] = ()
    refused: list[DvxError] = field(default_factory=list)

    def count(self, kind: ChangeKind) -> int:
        """How many changes are of one kind."""
        return sum(change.kind is kind for change in self.changes)

    @property
    def size_change(self) -> int:
        """Bytes after minus bytes before."""
        return sum((change.new_size or 0) - (change.old_size or 0) for change in self.changes)


_Side = tuple[int, bytes, str]
_Sides = dict[str, tuple[_Side | None, _Side | None]]


def read_diff(
    project: Project,
    *,
    old_rev: str | None,
    new_rev: str | None,
    paths: Sequence[str] = (),
    remote_name: str | None = None,
) -> DiffReport:
    """Compare `old_rev` (default HEAD) with `new_rev` (default: the workspace)."""
    old_name = old_rev or "HEAD"
    old, broken = _pointers(project, old_name, is_default=old_rev is None)
    report = DiffReport(old_name, new_rev or "the workspace")
    with project.pages(remote_name) as pages:
        present: list[TrackedPointer] = []
        if new_rev is None:
            found = workspace_pointers(project)
            present = found.readable
            new, broken_now = _by_path(project, found)
        else:
            new, broken_now = _pointers(project, new_rev, is_default=False)
        sides: _Sides = {}
        # Of a path that has no readable pointer on one side nothing can be said.
        unknown = broken | broken_now
        present = [item for item in present if item.path not in unknown]
        all_paths = sorted({*old, *new} - unknown)
        for path in all_paths:
            with project.failures.going_on(path, is_only=len(all_paths) == 1):
                for name, before, after in _path_changes(path, old.get(path), new.get(path), pages):
                    sides[name] = before, after
        for item in present:
            with project.failures.going_on(item.path, is_only=len(all_paths) == 1):
                for name, pointer_side, after in _workspace_changes(project, item, pages, sides, report):
                    # What differs here lies on top of what changed between the revision and the pointers.
                    sides[name] = (sides[name][0] if name in sides else pointer_side), after
    report.directories = tuple(sorted(_directories(old) | _directories(new)))
    changes = (change for change in _changes(sides) if _is_wanted(change, paths))
    report.changes = sorted(changes, key=lambda change: change.path)
    return report


def _by_path(project: Project, found: FoundPointers) -> tuple[dict[str, Pointer], set[str]]:
    """Pointers by data path, and the data paths of those that cannot be read, which are failures."""
    for path, error in found.broken.items():
        project.failures.add(path, error)
    readable = {item.path: item.pointer for item in found.readable}
    return readable, {path.removesuffix(POINTER_SUFFIX) for path in found.broken}


def _pointers(project: Project, rev: str, *, is_default: bool) -> tuple[dict[str, Pointer], set[str]]:
    try:
        return _by_path(project, pointers_at(project.repository, rev))
    except NotFound:
        if is_default:
            return {}, set()  # before the first commit everything is new
        raise


def _directories(pointers: Mapping[str, Pointer]) -> set[str]:
    return {path for path, pointer in pointers.items() if pointer.kind == "directory"}


def _path_changes(
    path: str, old: Pointer | None, new: Pointer | None, pages: PageReader
) -> Iterator[tuple[str, _Side | None, _Side | None]]:
    if old == new:
        return
    old_root = old.id if old and old.kind == "directory" else None
    new_root = new.id if new and new.kind == "directory" else None
    old_file = _file_side(old)
    new_file = _file_side(new)
    if (old_file or new_file) and old_file != new_file:
        yield path, old_file, new_file
    if old_root is not None and new_root is not None:
        for before, after in diff_manifests(old_root, new_root, pages.for_root(old_root, new_root)):
            entry = before or after
            assert entry is not None
            yield f"{path}/{entry.path}", _entry_side(before), _entry_side(after)
    elif old_root is not None:
        for entry in walk_entries(old_root, pages.for_root(old_root)):
            yield f"{path}/{entry.path}", _entry_side(entry), None
    elif new_root is not None:
        for entry in walk_entries(new_root, pages.for_root(new_root)):
            yield f"{path}/{entry.path}", None, _entry_side(entry)


def _file_side(pointer: Pointer | None) -> _Side | None:
    if pointer is None or pointer.kind != "file":
        return None
    kind = "executable" if pointer.extra.get("executable") is True else "file"
    return pointer.size, pointer.id, kind


def _entry_side(entry: Entry | None) -> _Side | None:
    return (entry.size, entry.id, entry.kind) if entry is not None else None


def _workspace_changes(
    project: Project, tracked: TrackedPointer, pages: PageReader, sides: _Sides, report: DiffReport
) -> Iterator[tuple[str, _Side | None, _Side | None]]:
    """What the workspace has beyond a pointer; nothing where it is not checked out at all."""
    if not os.path.lexists(project.repository.absolute(tracked.path)):
        return
    (tree,) = trees_of(project, [Target(tracked)])
    differences = [
        item for item in find_differences(project, tree, pages) if item.state is not FileState.MISSING
    ]
    ids = _ids_of_likely_equals(project, tree, differences, sides)
    for item in differences:
        found = item.found
        content_id = item.id or ids.get(item.path) or b""
        after = (found.size, content_id, found.kind) if found is not None else None
        yield item.path, _entry_side(item.entry), after
    report.refused += (tree.refused or {}).values()


def _ids_of_likely_equals(
    project: Project, tree: Tree, differences: Sequence[Difference], sides: _Sides
) -> dict[str, bytes | None]:
    """Hash what is as long as something that is gone, or as its own older version: only that can be equal."""
    gone = {before[0] for before, after in sides.values() if before is not None and after is None}
    gone |= {item.entry.size for item in differences if item.state is FileState.DELETED and item.entry}
    likely = []
    for item in differences:
        before = sides.get(item.path, (None, None))[0]
        sizes = {before[0]} if before is not None else set() if item.entry is not None else gone
        if item.id is None and item.found is not None and item.found.size in sizes:
            likely.append((item.path, item.found))
    cache = ContentIds(project.stat_cache, tree.root, tree.path)
    files = ((path, found) for path, found in likely if found.kind != "directory")
    hashed = cache.hash_all(files, jobs=project.jobs, reporter=project.reporter, refused=tree.refused)
    ids = {path: content_id for path, _, content_id in hashed}
    cache.save()
    return ids


def _changes(sides: _Sides) -> Iterator[Change]:
    removed: dict[str, _Side] = {}
    added: dict[str, _Side] = {}
    for path, (before, after) in sides.items():
        if before is not None and after is not None:
            if before != after:
                yield Change(ChangeKind.MODIFIED, path, before[0], after[0])
        elif before is not None:
            removed[path] = before
        elif after is not None:
            added[path] = after
    yield from _pair_renames(removed, added)


def _pair_renames(removed: dict[str, _Side], added: dict[str, _Side]) -> Iterator[Change]:
    """Removed and added paths with the same content are renames; empty files are too alike to pair."""
    by_id: dict[bytes, list[str]] = {}
    for path, side in removed.items():
        if side[0] and side[1]:
            by_id.setdefault(side[1], []).append(path)
    paired: set[str] = set()
    for path, side in added.items():
        sources = by_id.get(side[1], []) if side[0] else []
        if sources:
            old_path = sources.pop(0)
            paired.add(old_path)
            yield Change(ChangeKind.RENAMED, path, removed[old_path][0], side[0], old_path)
        else:
            yield Change(ChangeKind.ADDED, path, None, side[0])
    for path, side in removed.items():
        if path not in paired:
            yield Change(ChangeKind.REMOVED, path, side[0], None)


def _is_wanted(change: Change, paths: Sequence[str]) -> bool:
    if not paths:
        return True
    names = [change.path, *([change.old_path] if change.old_path else [])]
    return any(name == path or name.startswith(path.rstrip("/") + "/") for name in names for path in paths)
