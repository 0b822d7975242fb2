"""Data whose pointer Git took away: on another branch, before a commit, after `git rm`.

Owns the rule for removing it: only what dvx brought, stored or found right at a path, whose pointer Git has in some
commit, and only if the local store has exactly these bytes. Everything else stays. Must not touch what Git or another
pointer owns now.
"""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from dvx.core.errors import DvxError, WorkspaceConflict, name_some
from dvx.core.shell_words import quote_all
from dvx.disk.atomic import disk_errors
from dvx.formats.placement import Placement
from dvx.formats.pointer import Pointer
from dvx.ops.differences import find_differences
from dvx.ops.parts import note_gone
from dvx.ops.project import Project
from dvx.ops.removal import delete_files
from dvx.ops.selection import tracked_tree
from dvx.ops.sources import has_spans, incomplete_records
from dvx.ops.trees import Tree, stat_entry
from dvx.repo.followed import StagedEntry, was_committed
from dvx.repo.nested import check_writable
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, pointer_path_of
from dvx.store.page_reader import PageReader


@dataclass(slots=True)
class VanishedResult:
    """Tracked paths whose data was removed, the number of files, and what was kept with the reason."""

    gone: list[str] = field(default_factory=list)
    files: int = 0
    kept: list[DvxError] = field(default_factory=list)


def find_vanished(
    project: Project, roots: Mapping[str, bytes], *, before: Collection[str], now: Collection[str]
) -> dict[str, bytes]:
    """Data paths, with the root that was there last, that have lost their pointer.

    `roots` is what the stat cache says of all paths; `before` and `now` are pointer paths in the staging area.
    A pointer that Git never had (deleted by hand, or before it was staged) does not count.
    """
    found: dict[str, bytes] = {}
    for path, root in roots.items():
        pointer_path = pointer_path_of(path)
        if pointer_path in now or os.path.lexists(project.repository.absolute(pointer_path)):
            continue
        if not os.path.lexists(project.repository.absolute(path)):
            continue
        if pointer_path in before or was_committed(project.git, pointer_path):
            found[path] = root
    return found


def remove_vanished(
    project: Project, vanished: Mapping[str, bytes], *, now: Mapping[str, StagedEntry]
) -> VanishedResult:
    """Remove the data of these paths where the local store has all of it; call with the lock of the workspace held."""
    result = VanishedResult()
    if not vanished:
        return result
    stored = project.local.complete_placements(list(dict.fromkeys(vanished.values())), jobs=project.jobs)
    tracked = [path.removesuffix(POINTER_SUFFIX) for path in now]
    with project.local_pages() as pages:
        for path, root in sorted(vanished.items()):
            placement = stored.get(root) or incomplete_records(project, [root]).get(root)
            if placement is None:
                result.kept.append(_not_stored(path))
                continue
            try:
                if root not in stored:
                    _check_part(project, path, placement, pages)
                result.files += _remove_one(project, path, placement, pages=pages, tracked=tracked)
                result.gone.append(path)
            except DvxError as error:
                result.kept.append(error)
    return result


def _check_part(project: Project, path: str, placement: Placement, pages: PageReader) -> None:
    """Raise WorkspaceConflict unless the local store has what is here of a version that is not complete there."""
    pairs = _tree_of(project, path, placement).pairs(pages)
    spans = (
        (p.offset, p.offset + p.entry.size) for p in pairs if p.entry is not None and p.found is not None
    )
    if not has_spans(project, placement, spans):
        raise _not_stored(path)


def _remove_one(
    project: Project, path: str, placement: Placement, *, pages: PageReader, tracked: Iterable[str]
) -> int:
    check_writable(project.repository, path)
    tree = _tree_of(project, path, placement)
    owned = _Owned(project, path, tracked)
    # Seen before they are compared: what somebody writes after this look is kept.
    seen = {
        pair.path: pair.found
        for pair in tree.pairs(pages)
        if pair.found is not None and pair.path not in owned
    }
    differing = [
        item.path
        for item in find_differences(project, tree, pages, is_certain=True)
        if item.found is not None and item.path not in owned
        if item.found is None or item.found.kind != "directory" or _holds_something(project, item.path)
    ]
    if differing:
        raise _work(path, differing)
    # The folder, too: its files may all have been removed before, by a command that was killed.
    is_bare = not seen and path not in owned and stat.S_ISDIR(os.lstat(tree.absolute).st_mode)
    if kept := delete_files(project, [path] if is_bare else [*seen], seen):
        raise _work(path, kept)
    note_gone(project, [path])
    return len(seen)


def _holds_something(project: Project, path: str) -> bool:
    """Whether a folder is not empty: the one that stands where a tracked file was."""
    with disk_errors(path, "list"), os.scandir(project.repository.absolute(path)) as listing:
        return next(listing, None) is not None


def _tree_of(project: Project, path: str, placement: Placement) -> Tree:
    found = stat_entry(project.repository.absolute(path), path)
    # A placement says nothing of the executable bit; whichever it is now, the content decides.
    extra = {"executable": True} if found is not None and found.kind == "executable" else {}
    files = 0 if placement.kind == "directory" else None
    pointer = Pointer(placement.kind, placement.root, placement.size, files, extra)
    return tracked_tree(project, TrackedPointer(path, path + POINTER_SUFFIX, pointer))


class _Owned:
    """The paths below a tracked path that belong to Git, or to another pointer, by now."""

    def __init__(self, project: Project, path: str, tracked: Iterable[str]) -> None:
        answer = project.git.run(["--literal-pathspecs", "ls-files", "-z", "--", path])
        self._in_git = {os.fsdecode(name) for name in answer.split(b"\0") if name}
        self._is_all = False
        self._folders: list[str] = []
        for other in tracked:
            self._is_all |= (path + "/").startswith(other + "/")
            if other.startswith(path + "/"):
                self._folders.append(other + "/")

    def __contains__(self, path: str) -> bool:
        if self._is_all or path in self._in_git:
            return True
        return any((path + "/").startswith(folder) for folder in self._folders)


def _work(path: str, differing: list[str]) -> WorkspaceConflict:
    return WorkspaceConflict(
        f"kept `{path}`, which has no pointer here: work that is not stored in {name_some(differing)}",
        hints=[
            f"track it here: `dvx add {quote_all([path])}`",
            f"or give it up: `rm -r {quote_all([path])}`",
        ],
        kind="kept",
    )


def _not_stored(path: str) -> WorkspaceConflict:
    return WorkspaceConflict(
        f"kept `{path}`, which has no pointer here: the local store does not have its data",
        hints=[f"if you do not need it: `rm -r {quote_all([path])}`"],
        kind="kept",
    )
