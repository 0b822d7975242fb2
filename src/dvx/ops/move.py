"""`dvx rm` and `dvx mv`: stop tracking a path, or give it another one. The pointer goes the same way.

Owns the order in which workspace, pointer and ignore lines change. Stored data is never removed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from dvx.core.errors import NotFound, PathRefused, UsageError, WorkspaceConflict, name_some
from dvx.core.shell_words import quote, quote_all
from dvx.disk.atomic import disk_errors
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.ops.add_targets import check_data_path, check_git
from dvx.ops.differences import FileState, find_differences
from dvx.ops.project import Project
from dvx.ops.selection import select_targets, trees_of, workspace_pointers
from dvx.ops.sources import stored_placements
from dvx.ops.tracking import forget_tracking, record_tracking, stage
from dvx.repo.followed import follow_moved, unfollow, was_committed
from dvx.repo.pointers import pointer_path_of
from dvx.repo.targets import Target


@dataclass(frozen=True, slots=True)
class RemoveResult:
    """What an rm did."""

    paths: tuple[str, ...]
    files: int


def remove_paths(project: Project, paths: Sequence[str], *, keep: bool, force: bool) -> RemoveResult:
    """Stop tracking paths: remove pointer and ignore line, and the data unless `keep` is set.

    Raises WorkspaceConflict, before anything changes, for files whose content is not stored (unless `force`).
    """
    targets = select_targets(project, paths)
    inside = [f"{target.tracked.path}/{target.inside[0]}" for target in targets if target.inside]
    if inside:
        raise PathRefused(
            f"{name_some(inside)}: only a whole tracked path can be removed",
            affected="nothing was removed",
            hints=[f"delete the file, then update the directory: `dvx add {quote(targets[0].tracked.path)}`"],
        )
    with project.workspace_lock():
        files = _data_files(project, targets, force=force or keep)
        if not keep:
            delete_files(project, files)
        names = [target.tracked.path for target in targets]
        for name in names:
            with disk_errors(pointer_path_of(name), "remove"):
                os.unlink(project.repository.absolute(pointer_path_of(name)))
            project.stat_cache.forget(name)
        forget_tracking(project, names)
        _stage_removed(project, [pointer_path_of(name) for name in names])
        unfollow(project.repository, [pointer_path_of(name) for name in names])
    return RemoveResult(tuple(names), 0 if keep else len(files))


def _data_files(project: Project, targets: Sequence[Target], *, force: bool) -> list[str]:
    """Every file of the targets that is in the workspace. Raises WorkspaceConflict for work that is not stored."""
    files: list[str] = []
    work: list[str] = []
    with project.pages() as pages:
        for tree in trees_of(project, targets):
            if not os.path.lexists(tree.absolute):
                continue
            if not force:
                differing = find_differences(project, tree, pages)
                work.extend(item.path for item in differing if item.state is not FileState.DELETED)
            files.extend(pair.path for pair in tree.pairs(pages) if pair.found is not None)
    if not force:
        _check_stored(project, targets)
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
    return files


def _check_stored(project: Project, targets: Sequence[Target]) -> None:
    """Refuse to delete files that are as their pointers say, when no store has what the pointers name."""
    present = [
        target.tracked
        for target in targets
        if os.path.lexists(project.repository.absolute(target.tracked.path))
    ]
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


def delete_files(project: Project, files: Sequence[str]) -> None:
    """Remove files and empty folders of the workspace (relative to its root), then the folders that this empties."""
    folders: set[str] = set()
    with WorkspaceWriter(project.repository.root) as writer:
        for path in files:
            absolute = project.repository.absolute(path)
            if os.path.isdir(absolute) and not os.path.islink(absolute):
                folders.add(path)
            else:
                writer.remove(path)
                folders.add(path.rpartition("/")[0])
        for folder in sorted(folders, reverse=True):
            writer.remove_empty_folders(folder)


def move_path(project: Project, source: str, target: str) -> str:
    """Move tracked data and its pointer; into `target` if that is a folder. Returns the new path."""
    tracked = {item.path: item for item in workspace_pointers(project).readable}
    item = tracked.get(source.removesuffix(".dvx"))
    if item is None:
        raise NotFound(
            f"`{source}` is not tracked",
            affected="nothing was moved",
            hints=[
                "list what is: `dvx ls`",
                f"for files that Git tracks: `git mv {quote_all([source, target])}`",
            ],
        )
    repository = project.repository
    if os.path.isdir(repository.absolute(target)):
        target = f"{target}/{os.path.basename(item.path)}" if target else os.path.basename(item.path)
    target = target.removesuffix(".dvx")
    _check_target(project, item.path, target, set(tracked))
    with project.workspace_lock():
        absolute = repository.absolute(target)
        with disk_errors(target, "move to"):
            os.makedirs(os.path.dirname(absolute), exist_ok=True)
            if os.path.lexists(repository.absolute(item.path)):
                os.rename(repository.absolute(item.path), absolute)
        record_tracking(project, {target: item.pointer})
        with disk_errors(item.pointer_path, "remove"):
            os.unlink(repository.absolute(item.pointer_path))
        forget_tracking(project, [item.path])
        _stage_removed(project, [item.pointer_path])
        project.stat_cache.forget(item.path)
        project.stat_cache.set_root(target, item.pointer.id)
        unfollow(repository, [item.pointer_path])
        if was_committed(project.git, item.pointer_path):
            follow_moved(repository, project.git, pointer_path_of(target))
    return target


def _check_target(project: Project, source: str, target: str, tracked: set[str]) -> None:
    try:
        check_data_path(target)
        check_git(project, [target])
    except (PathRefused, UsageError) as error:
        error.affected = "nothing was moved"
        raise
    _check_free(project, source, target, tracked)


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


def _stage_removed(project: Project, pointer_paths: Sequence[str]) -> None:
    """Stage removed pointers that Git knows; one that was never staged needs nothing."""
    known = project.git.is_tracked(pointer_paths)
    stage(project, [path for path in pointer_paths if path in known])
