"""`dvx checkout`: bring the workspace to what the pointers say.

Owns the plan and its execution. Everything that can refuse is looked at before the first write; what may be given
up is decided in dvx.ops.obstacles.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dvx.core.errors import DvxError, WorkspaceConflict, name_some
from dvx.core.shell_words import quote_all
from dvx.disk.walk import WalkEntry
from dvx.ops.content import ContentIds, state_before
from dvx.ops.differences import Difference, FileState, find_differences
from dvx.ops.leftovers import remove_leftovers
from dvx.ops.obstacles import ObstacleJudge
from dvx.ops.parts import CheckoutExtents, last_root
from dvx.ops.project import Project
from dvx.ops.sources import DataSource
from dvx.ops.staleness import unmoved_paths
from dvx.ops.trees import Tree
from dvx.repo.pointers import TrackedPointer
from dvx.store.damage import DamagedPack
from dvx.store.files_to_write import FilesToWrite, FileToWrite
from dvx.store.page_reader import PageReader

if TYPE_CHECKING:
    from dvx.disk.reading import FileStat
    from dvx.disk.safe_writes import WorkspaceWriter


@dataclass(slots=True)
class TreeChange:
    """What one tracked path needs: files to write, paths to remove, folders to make. `seen` is what was at the paths
    to remove."""

    tree: Tree
    tracked: TrackedPointer
    write: FilesToWrite = field(default_factory=FilesToWrite)
    replaced_bytes: int = 0
    folders: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    seen: dict[str, WalkEntry] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    has_obstacles: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the workspace is right already."""
        return not (self.write or self.remove or self.folders)

    @property
    def size_bytes(self) -> int:
        """Plain bytes to write."""
        return self.write.size_bytes


@dataclass(slots=True)
class CheckoutPlan:
    """What a checkout will do."""

    changes: list[TreeChange] = field(default_factory=list)

    @property
    def needed(self) -> list[TrackedPointer]:
        """The pointers whose data must be read."""
        return [change.tracked for change in self.changes if change.write]


@dataclass(slots=True)
class CheckoutResult:
    """What a checkout did. `refused` is what dvx cannot track in the folders it looked at; it was left alone."""

    paths: int = 0
    written: int = 0
    removed: int = 0
    size_bytes: int = 0
    kept: list[str] = field(default_factory=list)
    refused: list[DvxError] = field(default_factory=list)

    def add(self, other: "CheckoutResult") -> None:
        """Take in what was done for other paths."""
        self.paths += other.paths
        self.written += other.written
        self.removed += other.removed
        self.size_bytes += other.size_bytes
        self.kept += other.kept
        self.refused += other.refused


def plan_checkout(
    project: Project,
    trees: Sequence[Tree],
    *,
    force: bool,
    pages: PageReader,
    remote_name: str | None = None,
) -> CheckoutPlan:
    """Compare trees with the workspace. Raises WorkspaceConflict naming files whose content is not stored.

    The remote counts for what is stored; it is asked only where the local store does not have a version.
    """
    plan = CheckoutPlan()
    for tree in trees:
        judge = ObstacleJudge(project, tree, pages, remote_name=remote_name)
        plan.changes.append(_plan_tree(project, tree, judge, force=force, pages=pages))
    if any(change.conflicts for change in plan.changes):
        raise _conflict(project, plan)
    _check_space(project, plan)
    return plan


def _conflict(project: Project, plan: CheckoutPlan) -> WorkspaceConflict:
    conflicts = [path for change in plan.changes for path in change.conflicts]
    change = next(change for change in plan.changes if change.conflicts)
    path = change.tree.path
    has_moved = last_root(project, path) not in (None, change.tracked.pointer.id)
    # Where the pointer moved on, adding the whole folder would put back older versions of the other files.
    keep = conflicts[0] if has_moved else path
    return WorkspaceConflict(
        f"{len(conflicts)} file(s) with work that is not stored are in the way: {name_some(conflicts)}",
        affected="nothing was changed",
        hints=[
            f"keep the work: `dvx add {quote_all([keep])}`",
            f"or give it up: `dvx checkout --force {quote_all([path])}`",
        ],
    )


def _plan_tree(
    project: Project, tree: Tree, judge: ObstacleJudge, *, force: bool, pages: PageReader
) -> TreeChange:
    assert tree.pointer is not None
    change = TreeChange(tree, TrackedPointer(tree.path, tree.path + ".dvx", tree.pointer))
    suspects: list[Difference] = []
    for difference in find_differences(project, tree, pages):
        if difference.state is not FileState.UNTRACKED:
            _plan_write(change, difference)
        if difference.found is not None:
            suspects.append(difference)
    change.has_obstacles = bool(suspects)
    obstacles = judge.judge(suspects, written=change.write.paths(), folders=change.folders, force=force)
    change.remove, change.conflicts = obstacles.remove, obstacles.conflicts
    change.seen = obstacles.seen
    _keep_unmoved(project, change, pages)
    if change.write:
        from dvx.ops.portable import check_names_fit  # not for a workspace that is right already

        check_names_fit(tree, change.write.paths())
    if not change.is_empty:
        from dvx.repo.nested import check_writable  # 1 ms that a clean workspace does without

        check_writable(project.repository, tree.path)
    return change


def _keep_unmoved(project: Project, change: TreeChange, pages: PageReader) -> None:
    """Leave modified files alone where only other files of the pointer moved on, as Git does at a switch."""
    if not change.conflicts:
        return
    modified = set(change.conflicts).intersection(change.write.paths())
    kept = unmoved_paths(project, change.tree, pages, modified)
    change.kept = sorted(kept)
    change.conflicts = [path for path in change.conflicts if path not in kept]
    change.write = change.write.only(lambda file: file.path not in kept)


def _plan_write(change: TreeChange, difference: Difference) -> None:
    entry = difference.entry
    assert entry is not None
    if entry.kind == "directory":
        change.folders.append(difference.path)
    else:
        before = state_before(difference.found)
        file = FileToWrite(difference.path, entry.kind, entry.size, entry.id, difference.offset, before)
        change.write.append(file)
        if difference.found is not None:
            change.replaced_bytes += difference.found.size


def _check_space(project: Project, plan: CheckoutPlan) -> None:
    """Refuse before the first write when the disk cannot hold the result."""
    needed = sum(change.size_bytes - change.replaced_bytes for change in plan.changes)
    largest = max((change.write.largest_bytes for change in plan.changes), default=0)
    if not plan.needed:
        return
    from dvx.disk.space import check_free  # only where something is written

    root = project.repository.root
    check_free(root, max(needed, largest), purpose="for the checkout", affected="nothing was changed")


def run_checkout(
    project: Project, plan: CheckoutPlan, find_source: Callable[[TreeChange], DataSource]
) -> CheckoutResult:
    """Write and remove what the plan names. All sources are found before the first write.

    A failure leaves every file either as it was or as the pointer says; running the command again finishes.
    """
    if project.rehearsal is not None:
        from dvx.ops.rehearsal import Rehearsed, steps_of_checkout  # only for `--dry-run`

        raise Rehearsed([*steps_of_checkout(plan)])
    sources = {change.tree.path: find_source(change) for change in plan.changes if change.write}
    result = CheckoutResult(paths=len(plan.changes))
    result.kept = [path for change in plan.changes for path in change.kept]
    remove_leftovers(project, [change.tree for change in plan.changes])
    total_bytes = sum(change.size_bytes for change in plan.changes)
    total_files = sum(len(change.write) for change in plan.changes)
    if total_files:
        project.reporter.start("writing files", total_bytes=total_bytes, total_files=total_files)
    trees = [change.tree.path for change in plan.changes if not change.is_empty]
    extents = CheckoutExtents(project, [(change.tree, not change.is_empty) for change in plan.changes])
    done: list[str] = []
    with extents.during(trees, done), _writer(project, plan) as writer:
        for change in plan.changes:
            if writer is not None:
                _apply(project, change, sources.get(change.tree.path), writer, result)
            _note_done(project, change.tree, result)
            done.append(change.tree.path)
    project.reporter.finish()
    if writer is not None and writer.kept:
        raise _came_between(writer.kept)
    return result


def _came_between(kept: Sequence[str]) -> WorkspaceConflict:
    paths = sorted(set(kept))
    return WorkspaceConflict(
        f"{len(paths)} file(s) were written by somebody else while the checkout ran, and kept: {name_some(paths)}",
        affected="everything else was checked out",
        hints=[
            f"keep that work: `dvx add {quote_all(paths[:1])}`",
            f"or give it up: `dvx checkout --force {quote_all(paths[:1])}`",
        ],
        kind="changed-meanwhile",
    )


def _writer(project: Project, plan: CheckoutPlan) -> "AbstractContextManager[WorkspaceWriter | None]":
    if all(change.is_empty and _is_there(change.tree) for change in plan.changes):
        return nullcontext()
    from dvx.disk.safe_writes import (
        WorkspaceWriter,  # 4 ms that a workspace which is right already does without
    )

    return WorkspaceWriter(project.repository.root)


def _is_there(tree: Tree) -> bool:
    """Whether a directory that has to be there, even if it is empty, is."""
    is_needed = tree.kind == "directory" and not tree.inside
    return not is_needed or (os.path.isdir(tree.absolute) and not os.path.islink(tree.absolute))


def _note_done(project: Project, tree: Tree, result: CheckoutResult) -> None:
    """Note the version of a file; and what could not be looked at, as a failure if tracked files may be behind it."""
    if tree.kind == "file" and tree.pointer is not None:
        project.stat_cache.set_root(tree.path, tree.pointer.id)
    refused = list((tree.refused or {}).values())
    if refused and tree.hidden:
        project.failures.add(tree.path, refused[0])
    else:
        result.refused += refused


def _apply(
    project: Project,
    change: TreeChange,
    source: DataSource | None,
    writer: "WorkspaceWriter",
    result: CheckoutResult,
) -> None:
    for path in reversed(change.remove):
        result.removed += _remove(project, writer, path, change.seen.get(path))
    _clear_folders(project, change, writer)
    if source is not None:
        _write_files(project, change, source, writer, result)
    _finish_folders(change, writer)
    for path in change.folders:
        writer.make_folders(path)


def _write_files(
    project: Project,
    change: TreeChange,
    source: DataSource,
    writer: "WorkspaceWriter",
    result: CheckoutResult,
) -> None:
    """Write files from the store, those with the same content once; ids of what was written are remembered."""
    # 15 ms, with threads, that a workspace which is right already does without.
    from dvx.ops.old_files import open_old_files
    from dvx.store.duplicates import MIN_COPY_BYTES, find_duplicates, write_copies
    from dvx.store.old_file import OLD_FILE_FROM_BYTES
    from dvx.store.restore import Restorer

    tree, root = change.tree, project.repository.root
    ids = ContentIds(project.stat_cache, tree.root, tree.path, is_writing=True)
    copies = find_duplicates(change.write.large(MIN_COPY_BYTES))
    copied = {file.path for file, _ in copies}

    def restore(files: Iterable[FileToWrite], large: Iterable[FileToWrite]) -> None:
        with (
            open_old_files(project, tree, large) as old_files,
            Restorer(
                source.store,
                source.runs,
                writer,
                root=root,
                inside=tree.path if tree.kind == "directory" else "",
                jobs=project.jobs if source.store.backend.is_local else project.transfers,
                reporter=project.reporter,
                old_files=old_files,
            ) as restorer,
        ):
            for file, stat in restorer.restore(files):
                count(file, stat)

    def count(file: FileToWrite, stat: "FileStat") -> None:
        ids.remember(file.path, file.kind, stat, file.id)
        result.written += 1
        result.size_bytes += file.size

    try:
        with _forgetting_wrong_record(source, change.tracked):
            restore(
                (file for file in change.write if file.path not in copied),
                (file for file in change.write.large(OLD_FILE_FROM_BYTES) if file.path not in copied),
            )
        not_copied = []
        for file, stat in write_copies(writer, root, copies):
            if stat is None:
                not_copied.append(file)
            else:
                count(file, stat)
                project.reporter.advance(size_bytes=file.size, files=1)
        if not_copied:
            restore(not_copied, not_copied)
    finally:
        ids.save()


@contextmanager
def _forgetting_wrong_record(source: DataSource, tracked: TrackedPointer) -> Iterator[None]:
    """Drop the local records of a root that spell something else though every chunk is intact.

    Such a record can only come from a remote that had a wrong one; it must not outlive its correction there.
    """
    try:
        yield
    except DamagedPack as error:
        if not error.pack and not source.store.is_remote:
            source.store.drop_records(tracked.pointer.id)
        raise


def _remove(project: Project, writer: "WorkspaceWriter", path: str, seen: WalkEntry | None) -> int:
    absolute = os.path.join(project.repository.root, path)
    if os.path.isdir(absolute) and not os.path.islink(absolute):
        writer.remove_empty_folders(path)
        return 0
    return int(writer.remove(path, before=state_before(seen)))


def _clear_folders(project: Project, change: TreeChange, writer: "WorkspaceWriter") -> None:
    """Folders that stand where a file belongs are empty by now."""
    if not change.has_obstacles:
        return  # a look at each of a million paths that are free takes seconds
    for file in change.write:
        absolute = os.path.join(project.repository.root, file.path)
        if os.path.isdir(absolute) and not os.path.islink(absolute):
            for folder, _, _ in os.walk(absolute, topdown=False):
                writer.remove_empty_folders(
                    os.path.relpath(folder, project.repository.root).replace(os.sep, "/")
                )


def _finish_folders(change: TreeChange, writer: "WorkspaceWriter") -> None:
    """Folders emptied by removals go, unless the pointer has them as empty."""
    kept = set(change.folders)
    for folder in sorted({path.rpartition("/")[0] for path in change.remove}, reverse=True):
        if folder.startswith(change.tree.path) and folder not in kept and folder != change.tree.path:
            writer.remove_empty_folders(folder)
    if change.tree.kind == "directory" and not change.tree.inside:
        writer.make_folders(change.tree.path)
