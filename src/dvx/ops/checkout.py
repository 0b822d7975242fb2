"""`dvx checkout`: bring the workspace to what the pointers say.

Owns the rule that work which is not stored is never overwritten or deleted without `force`. Everything that can
refuse is looked at before the first write.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dvx.core.errors import LocalDiskError, WorkspaceConflict, name_some
from dvx.core.sizes import format_size
from dvx.disk.atomic import disk_errors
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import diff_manifests
from dvx.formats.pointer import Pointer
from dvx.ops.content import ContentIds
from dvx.ops.differences import Difference, FileState, find_differences
from dvx.ops.leftovers import remove_leftovers
from dvx.ops.portable import check_names_fit
from dvx.ops.project import Project
from dvx.ops.sources import DataSource
from dvx.ops.trees import Tree
from dvx.repo.pointers import TrackedPointer
from dvx.store.ingest_work import FileStat
from dvx.store.manifests import PageReader
from dvx.store.restore import FileToWrite, Restorer

# Room that is left alone when free space is compared with what will be written: folders, journals, other programs.
_SPARE_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class TreeChange:
    """What one tracked path needs: files to write in stream order, paths to remove, folders to make."""

    tree: Tree
    tracked: TrackedPointer
    write: list[FileToWrite] = field(default_factory=list)
    replaced_bytes: int = 0
    folders: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the workspace is right already."""
        return not (self.write or self.remove or self.folders)

    @property
    def size_bytes(self) -> int:
        """Plain bytes to write."""
        return sum(file.size for file in self.write)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The stretches of the root's stream that are needed, merged and in order."""
        spans: list[tuple[int, int]] = []
        for file in self.write:
            if spans and spans[-1][1] == file.start:
                spans[-1] = (spans[-1][0], file.start + file.size)
            elif file.size:
                spans.append((file.start, file.start + file.size))
        return spans


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
    """What a checkout did."""

    paths: int = 0
    written: int = 0
    removed: int = 0
    size_bytes: int = 0


def plan_checkout(project: Project, trees: Sequence[Tree], *, force: bool, pages: PageReader) -> CheckoutPlan:
    """Compare trees with the workspace. Raises WorkspaceConflict naming files whose content is not stored."""
    plan = CheckoutPlan()
    for tree in trees:
        assert tree.pointer is not None
        plan.changes.append(_plan_tree(project, tree, tree.pointer, force=force, pages=pages))
    conflicts = [path for change in plan.changes for path in change.conflicts]
    if conflicts:
        first = plan_first_path(plan)
        raise WorkspaceConflict(
            f"{len(conflicts)} file(s) with work that is not stored are in the way: {name_some(conflicts)}",
            affected="nothing was changed",
            hints=[f"keep the work: `dvx add {first}`", f"or give it up: `dvx checkout --force {first}`"],
        )
    _check_space(project, plan)
    return plan


def plan_first_path(plan: CheckoutPlan) -> str:
    """The first tracked path with a conflict."""
    return next(change.tree.path for change in plan.changes if change.conflicts)


def _plan_tree(
    project: Project, tree: Tree, pointer: Pointer, *, force: bool, pages: PageReader
) -> TreeChange:
    tracked = TrackedPointer(tree.path, tree.path + ".dvx", pointer)
    change = TreeChange(tree, tracked)
    suspects: list[Difference] = []
    for difference in find_differences(project, tree, pages):
        if difference.state is FileState.DELETED:
            _plan_write(change, difference)
        elif difference.state is FileState.MODIFIED:
            suspects.append(difference)
            _plan_write(change, difference)
        else:
            suspects.append(difference)
    _judge_suspects(project, change, suspects, force=force, pages=pages)
    change.write.sort(key=lambda file: (file.start, file.path))
    check_names_fit(tree, [file.path for file in change.write])
    return change


def _plan_write(change: TreeChange, difference: Difference) -> None:
    entry = difference.entry
    assert entry is not None
    if entry.kind == "directory":
        change.folders.append(difference.path)
    else:
        file = FileToWrite(difference.path, entry.kind, entry.size, entry.id, difference.offset)
        change.write.append(file)
        if difference.found is not None:
            change.replaced_bytes += difference.found.size


def _judge_suspects(
    project: Project, change: TreeChange, suspects: list[Difference], *, force: bool, pages: PageReader
) -> None:
    """Sort files in the way into those that are stored elsewhere and those that are somebody's work."""
    if not suspects:
        return
    stored = _stored_before(project, change.tree, pages)
    unsure = [item for item in suspects if item.path in stored and not _is_empty_folder(change.tree, item)]
    ids = _ids_of(project, change.tree, unsure)
    needed_folders = {folder for file in change.write for folder in _parents(file.path)}
    written = {file.path for file in change.write}
    for item in suspects:
        is_stored = item.path in stored and ids.get(item.path) in stored[item.path]
        if item.state is FileState.UNTRACKED:
            _judge_extra(
                change, item, is_stored=is_stored, force=force, needed=needed_folders, written=written
            )
        elif not is_stored and not force and not _is_empty_folder(change.tree, item):
            change.conflicts.append(item.path)


def _judge_extra(
    change: TreeChange,
    item: Difference,
    *,
    is_stored: bool,
    force: bool,
    needed: set[str],
    written: set[str],
) -> None:
    """A path that the pointer does not have: remove it if an older version of the data brought it here."""
    if is_stored or _is_empty_folder(change.tree, item):
        change.remove.append(item.path)
    elif item.path in needed or any(folder in written for folder in _parents(item.path)):
        # A folder is needed where the file is, or a file where its folder is.
        if force:
            change.remove.append(item.path)
        else:
            change.conflicts.append(item.path)


def _is_empty_folder(tree: Tree, item: Difference) -> bool:
    if item.found is None or item.found.kind != "directory":
        return False
    with disk_errors(item.path, "list"), os.scandir(os.path.join(tree.root, item.path)) as listing:
        return next(listing, None) is None


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _stored_before(project: Project, tree: Tree, pages: PageReader) -> dict[str, set[bytes]]:
    """The contents that versions known to be stored had at paths where the new version differs.

    These are the version that was last added or checked out here, and those of HEAD and of the staging area.
    """
    assert tree.pointer is not None
    stored: dict[str, set[bytes]] = {}
    roots: dict[bytes, str] = {}
    expected = project.stat_cache.get_root(tree.path)
    if expected is not None:
        roots[expected] = "directory" if tree.kind == "directory" else "file"
    for pointer in project.committed_pointers(tree.path):
        roots.setdefault(pointer.id, pointer.kind)
    for root, kind in roots.items():
        if kind == "file":
            stored.setdefault(tree.path, set()).add(root)
        elif tree.kind == "directory":
            for path, entry in _old_entries(root, tree, pages):
                stored.setdefault(path, set()).add(entry.id)
    return stored


def _old_entries(root: bytes, tree: Tree, pages: PageReader) -> Iterator[tuple[str, Entry]]:
    assert tree.pointer is not None
    new_root = tree.pointer.id
    if root == new_root:
        return
    for old, _ in diff_manifests(root, new_root, pages.for_root(root, new_root)):
        if old is not None:
            yield f"{tree.path}/{old.path}", old


def _ids_of(project: Project, tree: Tree, items: Iterable[Difference]) -> dict[str, bytes | None]:
    known: dict[str, bytes | None] = {}
    unknown = []
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    for item in items:
        if item.found is None:
            continue
        known[item.path] = item.id or ids.known(item.path, item.found)
        if known[item.path] is None:
            unknown.append((item.path, item.found))
    hashed = ids.hash_all(unknown, jobs=project.jobs, reporter=project.reporter)
    known.update((path, content_id) for path, _, content_id in hashed)
    ids.save()
    return known


def _check_space(project: Project, plan: CheckoutPlan) -> None:
    """Refuse before the first write when the disk cannot hold the result."""
    needed = sum(change.size_bytes - change.replaced_bytes for change in plan.changes)
    largest = max((file.size for change in plan.changes for file in change.write), default=0)
    free = shutil.disk_usage(project.repository.root).free
    if plan.needed and max(needed, largest) + _SPARE_BYTES > free:
        raise LocalDiskError(
            f"not enough space for the checkout: {format_size(max(needed, largest))} needed, "
            f"{format_size(free)} free",
            affected="nothing was changed",
            hints=[
                f"free space (`df -h {project.repository.root}` shows its use), then run the command again"
            ],
            kind="disk-full",
        )


def run_checkout(
    project: Project, plan: CheckoutPlan, find_source: Callable[[TreeChange], DataSource]
) -> CheckoutResult:
    """Write and remove what the plan names. All sources are found before the first write.

    A failure leaves every file either as it was or as the pointer says; running the command again finishes.
    """
    sources = {change.tree.path: find_source(change) for change in plan.changes if change.write}
    result = CheckoutResult(paths=len(plan.changes))
    remove_leftovers(project, [change.tree for change in plan.changes])
    total_bytes = sum(change.size_bytes for change in plan.changes)
    total_files = sum(len(change.write) for change in plan.changes)
    if total_files:
        project.reporter.start("checkout", total_bytes=total_bytes, total_files=total_files)
    with WorkspaceWriter(project.repository.root) as writer:
        for change in plan.changes:
            _apply(project, change, sources.get(change.tree.path), writer, result)
    project.reporter.finish()
    return result


def _apply(
    project: Project,
    change: TreeChange,
    source: DataSource | None,
    writer: WorkspaceWriter,
    result: CheckoutResult,
) -> None:
    tree = change.tree
    for path in reversed(change.remove):
        result.removed += _remove(project, writer, path)
    _clear_folders(project, change, writer)
    if source is not None:
        ids = ContentIds(project.stat_cache, tree.root, tree.path, is_writing=True)
        inside = tree.path if tree.kind == "directory" else ""
        with Restorer(
            source.store,
            source.runs,
            writer,
            root=project.repository.root,
            inside=inside,
            jobs=project.jobs if source.store.backend.is_local else project.transfers,
            reporter=project.reporter,
        ) as restorer:
            try:
                for file, stat in restorer.restore(change.write):
                    ids.remember(file.path, file.kind, FileStat(*stat), file.id)
                    result.written += 1
                    result.size_bytes += file.size
            finally:
                ids.save()
    _finish_folders(change, writer)
    for path in change.folders:
        writer.make_folders(path)
    if not tree.inside and tree.pointer is not None:
        project.stat_cache.set_root(tree.path, tree.pointer.id)


def _remove(project: Project, writer: WorkspaceWriter, path: str) -> int:
    absolute = os.path.join(project.repository.root, path)
    if os.path.isdir(absolute) and not os.path.islink(absolute):
        writer.remove_empty_folders(path)
        return 0
    return int(writer.remove(path))


def _clear_folders(project: Project, change: TreeChange, writer: WorkspaceWriter) -> None:
    """Folders that stand where a file belongs are empty by now."""
    for file in change.write:
        absolute = os.path.join(project.repository.root, file.path)
        if os.path.isdir(absolute) and not os.path.islink(absolute):
            for folder, _, _ in os.walk(absolute, topdown=False):
                writer.remove_empty_folders(
                    os.path.relpath(folder, project.repository.root).replace(os.sep, "/")
                )


def _finish_folders(change: TreeChange, writer: WorkspaceWriter) -> None:
    """Folders emptied by removals go, unless the pointer has them as empty."""
    kept = set(change.folders)
    for folder in sorted({path.rpartition("/")[0] for path in change.remove}, reverse=True):
        if folder.startswith(change.tree.path) and folder not in kept and folder != change.tree.path:
            writer.remove_empty_folders(folder)
    if change.tree.kind == "directory" and not change.tree.inside:
        writer.make_folders(change.tree.path)
