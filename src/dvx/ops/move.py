"""`dvx rm` and `dvx mv`: stop tracking a path, or give it another one. The pointer goes the same way.

Owns the order in which workspace, pointer and ignore lines change. Stored data is never removed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import NotFound, PathRefused, UsageError, WorkspaceConflict, name_some
from dvx.core.shell_words import quote, quote_all
from dvx.formats.pointer import KIND_FILE
from dvx.ops.add_targets import check_data_path
from dvx.ops.data_steps import RemoveData, newest
from dvx.ops.differences import find_differences
from dvx.ops.git_checks import check_git, check_stageable
from dvx.ops.intentions import carry_out
from dvx.ops.parts import extents_of_move
from dvx.ops.project import Project
from dvx.ops.selection import select_targets, trees_of, workspace_pointers
from dvx.ops.sources import stored_placements
from dvx.ops.steps import MoveData, Remember, StageFiles, Step, identity_of
from dvx.ops.tracking import forget_steps, track_steps
from dvx.ops.trees import Tree
from dvx.repo.followed import was_committed
from dvx.repo.pointers import TrackedPointer, pointer_path_of
from dvx.repo.recent_pointers import older_roots
from dvx.repo.targets import Target
from dvx.store.page_reader import PageReader

# Each takes a Git command of 3 ms; data that only older commits name is refused, too, which loses nothing.
_VERSIONS_LOOKED_AT: Final = 10


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """What an rm did."""

    paths: tuple[str, ...]
    files: int


def remove_paths(project: Project, paths: Sequence[str], *, keep: bool, force: bool) -> RemoveResult:
    """Stop tracking paths: remove pointer and ignore line, and the data unless `keep` is set.

    What cannot be looked at stays tracked, and is a failure of the project unless there is nothing else. Raises
    WorkspaceConflict, before anything changes, for files whose content is not stored (unless `force`).
    """
    with project.workspace_lock():
        return _remove(project, paths, keep=keep, force=force)


def _remove(project: Project, paths: Sequence[str], *, keep: bool, force: bool) -> RemoveResult:
    if ("rm", *(["--keep"] if keep else []), *paths) in project.finished:
        return RemoveResult(tuple(paths), 0)  # the same command was interrupted, and is finished by now
    targets = select_targets(project, paths, goes_on=True)
    inside = [f"{target.tracked.path}/{target.inside[0]}" for target in targets if target.inside]
    if inside:
        raise PathRefused(
            f"{name_some(inside)}: only a whole tracked path can be removed",
            affected="nothing was removed",
            hints=[
                f"delete it, if it is here, then take it out of the directory: `dvx add --remove {quote_all(inside)}`"
            ],
        )
    data = [] if keep else _data_files(project, targets, force=force)
    failed = {path for path, _ in project.failures.found}
    targets = [target for target in targets if target.tracked.path not in failed]
    names = [target.tracked.path for target in targets]
    if not names:
        return RemoveResult((), 0)
    steps, changed = forget_steps(project, names)
    check_stageable(project, changed, affected="nothing was removed")
    steps += [
        StageFiles(tuple(changed)),
        Remember(forgotten=tuple(names), unfollowed=tuple(map(pointer_path_of, names))),
    ]
    steps += data
    command = ["rm", *(["--keep"] if keep else []), *names]
    carry_out(project, command, steps, affected="nothing was removed", trees=() if keep else names)
    return RemoveResult(tuple(names), sum(len(each.files) for each in data))


def _data_files(project: Project, targets: Sequence[Target], *, force: bool) -> list[RemoveData]:
    """Every file of the targets that is in the workspace. Raises WorkspaceConflict for work that is not stored."""
    data: list[RemoveData] = []
    work: list[str] = []
    with project.pages() as pages:
        for target, tree in zip(targets, trees_of(project, targets), strict=True):
            if not os.path.lexists(tree.absolute):
                continue
            with project.failures.going_on(tree.path, is_only=len(targets) == 1):
                # Seen before they are compared: what somebody writes after this look is kept.
                found = _data_of(target.tracked, tree, pages)
                if not force:
                    differing = find_differences(project, tree, pages, is_certain=True)
                    work.extend(item.path for item in differing if item.found is not None)
                _check_seen(tree)
                data.append(found)
    if not force:
        _check_stored(project, [each.tracked for each in data])
        _check_committed(project, [each.tracked for each in data])
    if work:
        raise WorkspaceConflict(
            f"{len(work)} file(s) have work that is not stored: {name_some(work)}",
            affected="nothing was removed",
            hints=[
                f"keep the work: `dvx add {quote(targets[0].tracked.path)}`",
                f"keep the files: `dvx rm --keep {quote(targets[0].tracked.path)}`",
                f"or give them up: `dvx rm --force {quote(targets[0].tracked.path)}`",
            ],
        )
    return data


def _check_seen(tree: Tree) -> None:
    """Raise what kept a walk from seeing tracked files: they would stay, and nothing would name them."""
    if tree.refused and tree.hidden:
        raise next(iter(tree.refused.values()))


def _data_of(tracked: TrackedPointer, tree: Tree, pages: PageReader) -> RemoveData:
    found = {pair.path: pair.found for pair in tree.pairs(pages) if pair.found is not None}
    newest_ns = max(map(newest, found.values()), default=0)
    return RemoveData(tracked, newest_ns, found)


def _check_stored(project: Project, present: Sequence[TrackedPointer]) -> None:
    """Refuse to delete files that are as their pointers say, when no store has what the pointers name."""
    roots = list(dict.fromkeys(tracked.pointer.id for tracked in present))
    stored = stored_placements(project, roots, remote_name=None)
    lost = [tracked.path for tracked in present if tracked.pointer.id not in stored]
    if lost:
        raise WorkspaceConflict(
            f"{name_some(lost)}: neither the local store nor the remote is known to have this data",
            affected="nothing was removed",
            hints=[
                f"store it: `dvx add {quote(lost[0])}`",
                f"keep the files: `dvx rm --keep {quote(lost[0])}`",
                f"or give them up: `dvx rm --force {quote(lost[0])}`",
            ],
            kind="not-stored",
        )


def _check_committed(project: Project, present: Sequence[TrackedPointer]) -> None:
    """Refuse to delete files that no commit names: their bytes would stay in a store, and nothing would lead there."""
    unnamed = [tracked.path for tracked in present if not _is_committed(project, tracked)]
    if unnamed:
        raise WorkspaceConflict(
            f"{name_some(unnamed)}: no commit names this data, and without its pointer nothing would",
            affected="nothing was removed",
            hints=[
                f"keep the files: `dvx rm --keep {quote(unnamed[0])}`",
                f"or give them up: `dvx rm --force {quote(unnamed[0])}`",
                "or commit the pointer first: `git commit`",
            ],
            kind="not-committed",
        )


def _is_committed(project: Project, tracked: TrackedPointer) -> bool:
    if tracked.pointer.id in older_roots(project.git, tracked.pointer_path, limit=0):
        return True
    found = older_roots(project.git, tracked.pointer_path, limit=_VERSIONS_LOOKED_AT, all_refs=True)
    return tracked.pointer.id in found


def move_path(project: Project, source: str, target: str) -> str:
    """Move tracked data and its pointer; into `target` if that is a folder. Returns the new path."""
    with project.workspace_lock():
        return _move(project, source, target)


def _move(project: Project, source: str, target: str) -> str:
    pointers = workspace_pointers(project)
    tracked = {item.path: item for item in pointers.readable}
    item = tracked.get(source.removesuffix(".dvx"))
    if item is None:
        done = _finished_move(project, source.removesuffix(".dvx"), target.removesuffix(".dvx"))
        if done is not None:
            return done
        broken = pointers.broken.get(f"{source.removesuffix('.dvx')}.dvx")
        if broken is not None:
            raise broken
        raise _not_tracked(project, source, target)
    if os.path.isdir(project.repository.absolute(target)):
        target = f"{target}/{os.path.basename(item.path)}" if target else os.path.basename(item.path)
    target = target.removesuffix(".dvx")
    _check_target(project, item.path, target, set(tracked))
    carry_out(
        project, ["mv", item.path, target], _move_steps(project, item, target), affected="nothing was moved"
    )
    return target


def _not_tracked(project: Project, source: str, target: str) -> NotFound:
    is_there = os.path.lexists(project.repository.absolute(source))
    of_git = [f"for files that Git tracks: `git mv {quote_all([source, target])}`"] if is_there else []
    return NotFound(
        f"`{source}` is not tracked", affected="nothing was moved", hints=["list what is: `dvx ls`", *of_git]
    )


def _finished_move(project: Project, source: str, target: str) -> str | None:
    """Where this command has moved the data, if it was interrupted and is finished by now."""
    for command in project.finished:
        if command[:2] == ("mv", source) and target in (command[2], command[2].rpartition("/")[0]):
            return command[2]
    return None


def _move_steps(project: Project, item: TrackedPointer, target: str) -> list[Step]:
    steps: list[Step] = []
    identity = identity_of(project, item.path)
    if identity is not None:
        steps.append(MoveData(item.path, target, identity, _missing_folders(project, target)))
    removing, removed = forget_steps(project, [item.path])
    new_pointer = pointer_path_of(target)
    tracking, changed = track_steps(
        project, {target: item.pointer}, affected="nothing was moved", others=removed
    )
    extents = extents_of_move(project, item.path, target)
    roots = {target: item.pointer.id} if item.pointer.kind == KIND_FILE else {}
    followed = new_pointer if was_committed(project.git, item.pointer_path) else None
    return [
        *steps,
        *tracking,
        *removing,
        StageFiles(tuple(dict.fromkeys([*changed, *removed]))),
        Remember(roots, (item.path,), (item.pointer_path,), followed, extents),
    ]


def _missing_folders(project: Project, path: str) -> tuple[str, ...]:
    """The folders above a path that are not there yet, the innermost first."""
    missing = []
    folder = path.rpartition("/")[0]
    while folder and not os.path.lexists(project.repository.absolute(folder)):
        missing.append(folder)
        folder = folder.rpartition("/")[0]
    return tuple(missing)


def _check_target(project: Project, source: str, target: str, tracked: set[str]) -> None:
    _check_free(project, source, target, tracked)
    try:
        check_data_path(target)
        check_git(project, [target], affected="nothing was moved")
    except (PathRefused, UsageError) as error:
        error.affected = "nothing was moved"
        raise


def _check_free(project: Project, source: str, target: str, tracked: set[str]) -> None:
    repository = project.repository
    for path in (target, pointer_path_of(target)):
        if os.path.lexists(repository.absolute(path)):
            raise PathRefused(
                f"`{path}` exists already",
                affected="nothing was moved",
                hints=["move it away first, or choose another name"],
            )
    around = [path for path in tracked if path != source and (target + "/").startswith(path + "/")]
    if around or (target + "/").startswith(source + "/"):
        raise PathRefused(
            f"`{target}` is inside `{around[0] if around else source}`, which is tracked",
            affected="nothing was moved",
            hints=["choose a place outside of tracked directories"],
            kind="overlap",
        )
