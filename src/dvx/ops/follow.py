"""What hooks do after Git changed the pointers: bring the workspace to them.

Owns which tracked paths have to move, and that a Git command never fails for it: whatever is in the way ends up in
the result. Work that is not stored is kept; what may be overwritten is decided in dvx.ops.checkout and
dvx.ops.vanished. Nothing is downloaded unless the setting `hooks.fetch` says so.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from dvx.core.errors import Busy, DataMissing, DvxError, WorkspaceConflict
from dvx.formats.placement import Placement
from dvx.ops.checkout import CheckoutPlan, CheckoutResult, plan_checkout, run_checkout
from dvx.ops.fetch import fetch
from dvx.ops.named_folders import naming_folders
from dvx.ops.parts import last_roots
from dvx.ops.project import Project
from dvx.ops.selection import trees_to_check_out
from dvx.ops.sources import DataSource, check_fits, missing_locally, partial_local_runs
from dvx.ops.trees import Tree
from dvx.ops.vanished import find_vanished, remove_vanished
from dvx.repo.followed import (
    StagedEntry,
    is_staged,
    list_staged_pointers,
    mark_moved,
    parse_listing,
    quick_root,
    read_followed,
    write_followed,
)
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, read_pointer
from dvx.repo.targets import Target

# A person waits for `git switch`: another dvx command that takes longer is reported instead.
_LOCK_WAIT_S: Final = 2.0
_QUIET_KINDS: Final = frozenset({"conflict-markers"})


@dataclass(slots=True)
class FollowResult:
    """What following the pointers did, and what it could not do.

    `gone` are tracked paths whose data was removed with their pointer, `absent` those whose data is not in the
    local store. `kept` names work that stayed, `problems` is what went wrong; both come with the next command.
    """

    checkout: CheckoutResult = field(default_factory=CheckoutResult)
    gone: list[str] = field(default_factory=list)
    removed: int = 0
    absent: list[str] = field(default_factory=list)
    kept: list[DvxError] = field(default_factory=list)
    problems: list[DvxError] = field(default_factory=list)
    is_busy: bool = False


def follow_pointers(project: Project) -> FollowResult:
    """Bring the workspace to the pointers of the work tree, as far as that needs no download and gives up no work.

    Looks at pointers that changed since the last time, and at those that the workspace still lags behind. Raises
    no DvxError. The state that was reached is recorded unless another command holds the lock or something failed
    before any path was looked at, so that the next hook tries again.
    """
    result = FollowResult()
    try:
        with project.workspace_lock(at_most_s=_LOCK_WAIT_S), _offline(project):
            _follow(project, result)
    except Busy:
        result.is_busy = True
    except DvxError as error:
        result.problems.append(error)
    return result


@contextmanager
def _offline(project: Project) -> Iterator[None]:
    """Keep everything inside from asking a remote, such as the judge of what may be overwritten."""
    before = project.asks_remotes
    project.asks_remotes = False
    try:
        yield
    finally:
        project.asks_remotes = before


def _follow(project: Project, result: FollowResult) -> None:
    listing = list_staged_pointers(project.git)
    now = parse_listing(listing)
    recorded = read_followed(project.repository)
    before = parse_listing(recorded or b"")
    roots = last_roots(project)
    vanished = find_vanished(project, roots, before=before, now=now)
    with naming_folders(project, "hooks run", [*vanished]) if vanished else nullcontext():
        removal = remove_vanished(project, vanished, now=now)
    result.gone, result.removed, result.kept = removal.gone, removal.files, removal.kept
    roots = {path: root for path, root in roots.items() if path not in removal.gone}
    tracked = list(_to_move(project, now, before=before, roots=roots, result=result))
    try:
        if tracked:
            _move(project, tracked, result)
    finally:
        with naming_folders(project, "hooks run"):
            write_followed(project.repository, _recordable(project, listing, now))
        if not all(is_staged(project.repository, path, entry) for path, entry in now.items()):
            # It can go away without a change in the staging area: `git stash`, `git reset --hard`.
            mark_moved(project.repository)


def _recordable(project: Project, listing: bytes, now: Mapping[str, StagedEntry]) -> bytes:
    """The listing without pointers that are not in the work tree: when they appear, they are to be followed."""
    hidden = {
        entry.line
        for path, entry in now.items()
        if entry.is_merged and not os.path.lexists(project.repository.absolute(path))
    }
    if not hidden:
        return listing
    return b"".join(line for line in listing.splitlines(keepends=True) if line.rstrip(b"\n") not in hidden)


def _to_move(
    project: Project,
    now: Mapping[str, StagedEntry],
    *,
    before: Mapping[str, StagedEntry],
    roots: Mapping[str, bytes],
    result: FollowResult,
) -> Iterator[TrackedPointer]:
    """The pointers that are not known to be in the workspace. Unmerged and absent ones are left alone."""
    for path, entry in now.items():
        if not entry.is_merged or not os.path.lexists(project.repository.absolute(path)):
            continue
        if not _needs_a_look(project, path, entry, known=before.get(path), roots=roots):
            continue
        try:
            tracked = read_pointer(project.repository, path)
        except DvxError as error:
            if error.kind not in _QUIET_KINDS:
                result.problems.append(error)
            continue
        yield tracked


def _needs_a_look(
    project: Project,
    pointer_path: str,
    entry: StagedEntry,
    *,
    known: StagedEntry | None,
    roots: Mapping[str, bytes],
) -> bool:
    path = pointer_path.removesuffix(POINTER_SUFFIX)
    root = roots.get(path)
    is_changed = known is None or known.object_id != entry.object_id
    if root is None:
        return is_changed  # otherwise it was never wanted here, or only a part of it
    if quick_root(project.repository, pointer_path) != root:
        return True
    return is_changed and not os.path.lexists(project.repository.absolute(path))


def _move(project: Project, tracked: Sequence[TrackedPointer], result: FollowResult) -> None:
    targets = [Target(item) for item in tracked]
    trees = {tree.path: tree for tree in trees_to_check_out(project, targets, keeps_parts=True)}
    stored = _stored(project, tracked, trees, result)
    plan = CheckoutPlan()
    sources: dict[str, DataSource] = {}
    with project.local_pages() as pages, project.setting_damage_aside():
        for item in tracked:
            placement, tree = stored.get(item.pointer.id), trees[item.path]
            if placement is None and tree.part is None:
                result.absent.append(item.path)
                continue
            try:
                if placement is not None:
                    check_fits(placement, item)
                planned = plan_checkout(project, [tree], force=False, pages=pages)
                sources.update(_find_sources(project, planned, placement))
                plan.changes += planned.changes
            except WorkspaceConflict as error:
                result.kept.append(error)
            except DataMissing:
                result.absent.append(item.path)
            except DvxError as error:
                result.problems.append(error)
        result.checkout = run_checkout(project, plan, lambda change: sources[change.tree.path])


def _find_sources(
    project: Project, plan: CheckoutPlan, placement: Placement | None
) -> Iterator[tuple[str, DataSource]]:
    """Where to read what is written. Raises DataMissing where a part is to be here whose data is not."""
    for change in plan.changes:
        source = DataSource(project.local, placement.runs) if placement is not None else None
        if source is None and change.write:
            source = partial_local_runs(project, change.tracked, None, change.write.spans())
            if source is None:
                raise missing_locally([change.tracked])
        if source is not None:
            yield change.tree.path, source


def _stored(
    project: Project, tracked: Sequence[TrackedPointer], trees: Mapping[str, Tree], result: FollowResult
) -> dict[bytes, Placement]:
    """Placements of the roots that the local store has completely, after a fetch where that is wanted."""
    roots = list(dict.fromkeys(item.pointer.id for item in tracked))
    stored = project.local.complete_placements(roots, jobs=project.jobs)
    missing = [Target(item, trees[item.path].wanted) for item in tracked if item.pointer.id not in stored]
    if missing and project.config.flag("hooks.fetch"):
        project.asks_remotes = True
        try:
            fetch(project, missing, remote_name=None)
        except DvxError as error:
            result.problems.append(error)
        finally:
            project.asks_remotes = False
        stored = project.local.complete_placements(roots, jobs=project.jobs)
    return stored
