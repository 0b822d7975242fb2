"""`dvx import` and `dvx update`: data of another repository, tracked here with a note of where it is from.

Owns the order: data into the local store, then into the workspace, then the pointer with its table `[import]`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from dvx.core.errors import (
    BackendError,
    DataMissing,
    IntegrityError,
    NotFound,
    PathRefused,
    UsageError,
    WorkspaceConflict,
    name_some,
)
from dvx.core.shell_words import quote
from dvx.formats.manifest_reader import diff_manifests
from dvx.formats.metadata_tables import without_results
from dvx.formats.pointer import Pointer
from dvx.ops.add_targets import check_data_path
from dvx.ops.checkout import CheckoutPlan, plan_checkout, run_checkout
from dvx.ops.data_steps import CheckOut
from dvx.ops.differences import find_differences
from dvx.ops.foreign import Foreign, near, open_foreign
from dvx.ops.git_checks import check_git
from dvx.ops.import_sources import bring_path, one_target
from dvx.ops.intentions import carry_out
from dvx.ops.project import Project
from dvx.ops.selection import select_targets, trees_of, trees_to_check_out, workspace_pointers
from dvx.ops.sources import local_sources
from dvx.ops.steps import StageFiles
from dvx.ops.tracking import track_steps
from dvx.repo.git_address import GitAddress, parse_git_address
from dvx.repo.imports import ImportSource, import_source, with_import, without_import
from dvx.repo.pointers import TrackedPointer, pointer_path_of, read_pointer
from dvx.repo.repository import Repository
from dvx.repo.targets import Target
from dvx.repo.trust import announce_repository


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome for one imported path.

    `old_commit` is the commit before an update. The counts of files are None where the version before cannot be read.
    """

    tracked: TrackedPointer
    source: ImportSource
    old_commit: str | None
    is_changed: bool
    added: int | None = None
    modified: int | None = None
    removed: int | None = None
    old_size: int = 0


def recorded_address(repository: Repository, address: GitAddress) -> str:
    """The address as a pointer has it: without secrets, a relative path as seen from the top of the repository."""
    is_relative = address.is_path and not os.path.isabs(os.path.expanduser(address.shown))
    if not is_relative:
        return address.shown
    path = os.path.relpath(address.url, repository.root).replace(os.sep, "/")
    return path if path.startswith(".") else f"./{path}"


# Import


def import_path(
    project: Project,
    foreign: Foreign,
    path: str,
    *,
    rev: str | None,
    out: str | None,
    remote_name: str | None,
) -> Imported:
    """Track the data at `path` of another repository as `out`, relative to this one; a file may go into a folder.

    Raises PathRefused and WorkspaceConflict for a place that is taken; what `bring_path` raises. A failure leaves
    no pointer; running the command again goes on.
    """
    finished = _finished(project, foreign, path, out)
    if finished is not None:
        return finished
    target = one_target(foreign, path)
    if not target.inside:
        path = target.tracked.path
        is_file = target.tracked.pointer.kind == "file"
        _check_free(project, check_data_path(_placed(project, path, out, is_file=is_file)))
    pointer = bring_path(project, foreign, path, remote_name=remote_name)
    data_path = check_data_path(_placed(project, path, out, is_file=pointer.kind == "file"))
    _check_free(project, data_path)
    source = ImportSource(recorded_address(project.repository, foreign.address), foreign.commit, path, rev)
    # The person typed it.
    remembers = project.rehearsal is None
    announce_repository(foreign.address.shown, pointer_path="", env=project.env, remembers=remembers)
    tracked = TrackedPointer(data_path, pointer_path_of(data_path), with_import(pointer, source))
    with project.workspace_lock(), project.setting_damage_aside():
        _refuse_strangers(project, tracked)
        command = ["import", foreign.address.shown, path, "-o", data_path]
        _take_over(project, [tracked], command=command, force=False, affected="nothing was imported")
    return Imported(tracked, source, None, True, added=_count(pointer))


def _finished(project: Project, foreign: Foreign, path: str, out: str | None) -> Imported | None:
    """What this command has imported, if it was interrupted and is finished by now."""
    for command in project.finished:
        places = [out, f"{out.rstrip('/')}/{path.rpartition('/')[2]}"] if out is not None else [command[4]]
        if command[:3] != ("import", foreign.address.shown, path) or command[4] not in places:
            continue
        tracked = read_pointer(project.repository, pointer_path_of(command[4]))
        source = import_source(tracked.pointer, name=tracked.pointer_path)
        if source is not None:
            return Imported(tracked, source, None, True, added=_count(tracked.pointer))
    return None


def _count(pointer: Pointer) -> int:
    return pointer.files if pointer.files is not None else 1


def _placed(project: Project, path: str, out: str | None, *, is_file: bool) -> str:
    """Where imported data goes: as with `dvx get`, `out`, a file into it if it is a folder or ends in `/`.

    Without `out`, the data keeps its name.
    """
    name = path.rpartition("/")[2]
    if out is None:
        prefix = project.repository.prefix
        return f"{prefix}/{name}" if prefix else name
    folder = out.rstrip("/")
    if is_file and (folder != out or os.path.isdir(project.repository.absolute(folder))):
        return f"{folder}/{name}" if folder else name
    return folder


def _check_free(project: Project, path: str) -> None:
    pointers = workspace_pointers(project)
    tracked = [
        *(item.path for item in pointers.readable),
        *(name[: -len(".dvx")] for name in pointers.broken),
    ]
    if path in tracked:
        raise PathRefused(
            f"`{path}` is tracked already",
            affected="nothing was imported",
            hints=[
                f"bring an import up to date: `dvx update {quote(path)}`",
                "or choose another place: `-o OUT`",
            ],
            kind="already-tracked",
        )
    near_ones = [each for each in tracked if f"{path}/".startswith(f"{each}/") or each.startswith(f"{path}/")]
    if near_ones:
        raise PathRefused(
            f"`{path}` and the tracked {name_some(near_ones)} are inside one another; a file can be tracked only once",
            affected="nothing was imported",
            hints=["choose another place: `-o OUT`"],
            kind="overlap",
        )
    check_git(project, [path], affected="nothing was imported")


def _refuse_strangers(project: Project, tracked: TrackedPointer) -> None:
    """Refuse a place where there is anything but this data; a part of it may be there from an earlier try."""
    tree = trees_of(project, [Target(tracked)])[0]
    with project.local_pages() as pages:
        strangers = [item.path for item in find_differences(project, tree, pages) if item.found is not None]
    if strangers:
        raise WorkspaceConflict(
            f"there is something else at `{tracked.path}`: {name_some(strangers)}",
            affected="nothing was imported",
            hints=[
                "choose another place: `-o OUT`",
                f"or move it away: `mv {tracked.path} {tracked.path}.old`",
            ],
        )


def _take_over(
    project: Project,
    tracked: Sequence[TrackedPointer],
    *,
    command: Sequence[str],
    force: bool,
    affected: str,
) -> None:
    """Bring the workspace to pointers whose data is in the local store, then write and stage the pointers."""
    tracking, changed = track_steps(project, {item.path: item.pointer for item in tracked}, affected=affected)
    targets = tuple(map(Target, tracked))
    run = partial(_check_out, project, tracked, force=force)
    steps = [CheckOut(targets, force, run), *tracking, StageFiles(tuple(changed))]
    trees = [item.path for item in tracked]
    if project.rehearsal is not None:
        _plan_check_out(project, tracked, force=force)  # refuses what is in the way
    carry_out(project, command, steps, affected=affected, trees=trees)


def _check_out(project: Project, tracked: Sequence[TrackedPointer], *, force: bool) -> None:
    """Bring the workspace to pointers whose data is in the local store."""
    sources = local_sources(project, tracked)
    plan = _plan_check_out(project, tracked, force=force)
    run_checkout(project, plan, lambda change: sources[change.tracked.pointer.id])


def _plan_check_out(project: Project, tracked: Sequence[TrackedPointer], *, force: bool) -> CheckoutPlan:
    with project.local_pages() as pages:
        trees = trees_to_check_out(project, map(Target, tracked), keeps_parts=True)
        return plan_checkout(project, trees, force=force, pages=pages)


# Update


def update(
    project: Project,
    paths: Sequence[str],
    *,
    rev: str | None,
    remote_name: str | None,
    force: bool,
    may_ask: bool,
) -> list[Imported]:
    """Ask the sources of imported paths (default: all) for their revision, or for `rev`, and take over what changed.

    Nothing is written before all of it is in the local store. Raises UsageError for paths that are no imports,
    WorkspaceConflict where work is in the way.
    """
    imports = _chosen_imports(project, paths)
    if rev is not None and len({source.repository for _, source in imports}) > 1:
        raise UsageError(
            "`--rev` is a revision of one repository, and the paths are imports from several",
            affected="nothing was changed",
            hints=["name the paths of one: `dvx update PATH --rev REV`"],
        )
    groups: dict[tuple[str, str | None], list[tuple[TrackedPointer, ImportSource]]] = {}
    for tracked, source in imports:
        groups.setdefault((source.repository, rev or source.revision), []).append((tracked, source))
    done = [
        item
        for (repository, wanted), group in groups.items()
        for item in _update_group(
            project, repository, wanted, group, remote_name=remote_name, may_ask=may_ask
        )
    ]
    changed = [item for item in done if item.is_changed]
    if changed:
        with project.workspace_lock(), project.setting_damage_aside():
            pointers = [item.tracked for item in changed]
            command = ["update", *(item.path for item in pointers)]
            _take_over(project, pointers, command=command, force=force, affected="nothing was updated")
    return done


def _chosen_imports(project: Project, paths: Sequence[str]) -> list[tuple[TrackedPointer, ImportSource]]:
    found = []
    for target in select_targets(project, paths):
        tracked = target.tracked
        source = import_source(tracked.pointer, name=tracked.pointer_path)
        if source is not None:
            found.append((tracked, source))
        elif tracked.path in paths:
            raise UsageError(
                f"`{tracked.path}` is not imported, so it has no source to be updated from",
                affected="nothing was changed",
                hints=[f"store what changed in the workspace: `dvx add {quote(tracked.path)}`"],
                kind="not-imported",
            )
    return found


def _update_group(
    project: Project,
    repository: str,
    wanted: str | None,
    group: Sequence[tuple[TrackedPointer, ImportSource]],
    *,
    remote_name: str | None,
    may_ask: bool,
) -> list[Imported]:
    address = parse_git_address(repository, base_dir=project.repository.root)
    notice = announce_repository(
        address.shown,
        pointer_path=group[0][0].pointer_path,
        env=project.env,
        remembers=project.rehearsal is None,
    )
    if notice is not None:
        project.reporter.note(notice)
    tests = [near(source.path) for _, source in group]
    with open_foreign(
        address,
        wanted,
        is_wanted=lambda path: any(test(path) for test in tests),
        env=project.env,
        overrides={},
        reporter=project.reporter,
        may_ask=may_ask,
        is_typed=False,
        rehearses=project.rehearsal is not None,
    ) as foreign:
        if remote_name is not None:
            foreign.project.remote_config(remote_name)
        return [
            _update_one(project, foreign, tracked, replace(source, revision=wanted), source, remote_name)
            for tracked, source in group
        ]


def _update_one(
    project: Project,
    foreign: Foreign,
    tracked: TrackedPointer,
    wanted: ImportSource,
    source: ImportSource,
    remote_name: str | None,
) -> Imported:
    old = tracked.pointer
    if foreign.commit == source.commit and wanted.revision == source.revision:
        return Imported(tracked, source, source.commit, False)
    try:
        new = bring_path(project, foreign, wanted.path, remote_name=remote_name)
    except NotFound as error:  # the source renamed it, or tracks it no more
        error.what = f"the import `{tracked.path}` cannot be updated: {error.what}"
        error.affected = "nothing was updated"
        error.hints = (*error.hints, "update the others by their names: `dvx update PATH...`")
        raise
    is_same = (new.kind, new.id) == (old.kind, old.id) and _mode(new) == _mode(old)
    if is_same and wanted.revision == source.revision:
        return Imported(tracked, source, source.commit, False)
    wanted = replace(wanted, commit=foreign.commit)
    kept = {
        key: value for key, value in without_results(without_import(old)).extra.items() if key != "executable"
    }
    pointer = with_import(replace(new, extra={**kept, **new.extra}), wanted)
    counts = _count_changes(project, old, new)
    return Imported(
        replace(tracked, pointer=pointer), wanted, source.commit, True, *counts, old_size=old.size
    )


def _mode(pointer: Pointer) -> object:
    return pointer.extra.get("executable")


def _count_changes(project: Project, old: Pointer, new: Pointer) -> tuple[int | None, int | None, int | None]:
    """How many files are added, modified and removed; None where the listing of the old version is not at hand."""
    if old.kind != new.kind:
        return None, None, None
    if old.kind == "file":
        return 0, 1 if old.id != new.id else 0, 0
    added = modified = removed = 0
    try:
        with project.local_pages() as pages:
            for before, after in diff_manifests(old.id, new.id, pages.for_root(old.id, new.id)):
                added += before is None
                removed += after is None
                modified += before is not None and after is not None
    except (BackendError, DataMissing, IntegrityError, NotFound):
        return None, None, None
    return added, modified, removed
