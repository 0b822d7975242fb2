"""`dvx get`: tracked data of another repository into a folder, straight from its remote.

Owns where each file goes. Needs no repository here and keeps no store. The writing is dvx.ops.written_out.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import DataMissing, NotFound
from dvx.core.ids import short_git_id
from dvx.core.parallel import map_parallel
from dvx.disk.atomic import disk_errors
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.formats.manifest import Entry
from dvx.ops.foreign import Foreign
from dvx.ops.project import Project
from dvx.ops.rehearsal import Rehearsed, steps_of_get
from dvx.ops.sources import DataSource, missing_on_remote
from dvx.ops.trees import Tree
from dvx.ops.written_out import (
    OutPlan,
    check_links,
    check_names,
    check_space,
    plan_files,
    refuse_conflicts,
    write_files,
)
from dvx.repo.git_address import folder_name
from dvx.repo.targets import Target, is_pattern
from dvx.store.files_to_write import FileToWrite
from dvx.store.runs import WINDOW_BYTES
from dvx.store.store import Store

# Roots of up to one window are written side by side: each alone would wait for a round trip.
_SMALL_BYTES: Final = WINDOW_BYTES
_SMALL_AT_ONCE: Final = 8


@dataclass(slots=True)
class GetResult:
    """What a get did. `out` is the file or folder that was written; `present` files were there already."""

    commit: str
    out: str
    paths: int = 0
    written: int = 0
    present: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """A target with the files in it: (place in the stream, path in the repository, entry)."""

    target: Target
    store: Store
    files: Sequence[tuple[int, str, Entry]]


@dataclass(frozen=True, slots=True)
class _Names:
    """How paths of the repository become names below `out`: without the folder `base`, or `single` for a file."""

    out: str
    base: str
    single: str | None = None

    def of(self, path: str) -> str:
        if self.single is not None:
            return self.single
        return path[len(self.base) + 1 :] if self.base else path


def get(
    foreign: Foreign, path: str, *, out: str | None, folder: str, remote_name: str | None, force: bool
) -> GetResult:
    """Write what `path` means in the repository to `out`; relative ones count from `folder`.

    A file goes to `out`, or into it if that is a folder; of a folder and of a pattern, everything goes below `out`.
    Without `out`, the last name of the path is taken. Files that are there with this content stay; others are
    replaced only with `force`, else WorkspaceConflict. A failure leaves files that are complete, and no other.
    """
    targets = foreign.targets(path)
    stores = foreign.stores([target.tracked for target in targets], remote_name)
    found = [_find(foreign, target, store) for target, store in zip(targets, stores, strict=True)]
    if not any(one.files for one in found) and any(one.target.inside for one in found):
        raise _nothing_inside(foreign, path)
    exact = [replace(one, files=_spelt(one.files, path)) for one in found] if is_pattern(path) else []
    is_exact = any(one.files for one in exact)
    found = [one for one in exact if one.files] if is_exact else found
    names = _choose_names(foreign, path, found, out=out, folder=folder, is_glob=not is_exact)
    result = GetResult(foreign.commit, names.out, paths=len(found))
    if names.single is not None:
        result.out = os.path.join(names.out, names.single)
    plans = _plan(names, found, result, force=force)
    check_space(names.out, sum(plan.size_bytes for plan in plans))
    try:
        _write(foreign, found, plans, names.out, result)
    except ObjectNotFound as error:
        raise missing_on_remote([target.tracked for target in targets], found[0].store) from error
    return result


def _spelt(files: Sequence[tuple[int, str, Entry]], path: str) -> list[tuple[int, str, Entry]]:
    """What is called `path`, or below it: `a[1].txt` is that file where there is one, and a pattern elsewhere."""
    return [item for item in files if (item[1] + "/").startswith(path + "/")]


def _find(foreign: Foreign, target: Target, store: Store) -> _Found:
    tree = Tree("", target.tracked.path, target.tracked.pointer, target.inside)
    try:
        with foreign.pages(store) as pages:
            return _Found(target, store, list(tree.entries(pages)))
    except DataMissing as error:
        if error.kind != "manifest-missing":
            raise
        raise missing_on_remote([target.tracked], store) from error


def _choose_names(
    foreign: Foreign,
    path: str,
    found: Sequence[_Found],
    *,
    out: str | None,
    folder: str,
    is_glob: bool,
) -> _Names:
    place = os.path.realpath(os.path.join(folder, os.path.expanduser(out))) if out is not None else None
    if is_pattern(path) and is_glob and not any(one.target.tracked.path == path for one in found):
        base = _folder_before_signs(path)
        return _Names(place or os.path.realpath(folder), base)
    tracked = found[0].target.tracked
    path = tracked.path if path == tracked.pointer_path else path
    is_file = tracked.pointer.kind == "file" or [name for _, name, _ in found[0].files] == [path]
    if len(found) == 1 and is_file and (path == tracked.path or tracked.pointer.kind == "directory"):
        name = os.path.basename(path)
        if place is None:
            return _Names(os.path.realpath(folder), "", name)
        if os.path.isdir(place) or (out or "").endswith(("/", os.sep)):
            return _Names(place, "", name)
        return _Names(os.path.dirname(place), "", os.path.basename(place))
    name = os.path.basename(path) or folder_name(foreign.address)
    return _Names(place or os.path.join(os.path.realpath(folder), name), path)


def _folder_before_signs(pattern: str) -> str:
    names = pattern.split("/")
    count = next((number for number, name in enumerate(names) if is_pattern(name)), 0)
    return "/".join(names[:count])


def _plan(names: _Names, found: Sequence[_Found], result: GetResult, *, force: bool) -> list[OutPlan]:
    plans, conflicts = [], []
    for one in found:
        tracked = one.target.tracked
        is_below = tracked.pointer.kind == "directory" and tracked.path.startswith(
            names.base + "/" if names.base else ""
        )
        plan = OutPlan(names.of(tracked.path) if is_below and names.single is None else "")
        files = []
        for start, path, entry in one.files:
            if entry.kind == "directory":
                plan.folders.append(names.of(path))
            else:
                files.append(FileToWrite(names.of(path), entry.kind, entry.size, entry.id, start))
        check_names(files)
        conflicts += plan_files(names.out, plan, files, force=force)
        result.present += plan.present
        plans.append(plan)
    refuse_conflicts(names.out, conflicts)
    return plans


def _write(
    foreign: Foreign, found: Sequence[_Found], plans: Sequence[OutPlan], out: str, result: GetResult
) -> None:
    project = foreign.project
    parts = [(one, plan) for one, plan in zip(found, plans, strict=True) if plan.write]
    sources = foreign.sources([(one.target.tracked, one.store, plan.spans) for one, plan in parts])
    todo = [_Part(plan, source, out) for (_, plan), source in zip(parts, sources, strict=True)]
    for part in todo:
        check_links(part.plan, part.source)
    if project.rehearsal is not None:
        raise Rehearsed(steps_of_get(plans, out))
    with disk_errors(out, "create"):
        os.makedirs(out, exist_ok=True)
    total_bytes, files = sum(plan.size_bytes for plan in plans), sum(len(plan.write) for plan in plans)
    project.reporter.start("get", total_bytes=total_bytes, total_files=files)
    small = [part for part in todo if part.plan.size_bytes <= _SMALL_BYTES]
    written = map_parallel(
        lambda part: part.write(project, jobs=1), small, jobs=_SMALL_AT_ONCE, name="dvx-get"
    )
    written += [part.write(project) for part in todo if part.plan.size_bytes > _SMALL_BYTES]
    result.written, result.size_bytes = map(sum, zip((0, 0), *written, strict=True))
    with WorkspaceWriter(out) as writer:
        for folder in (folder for plan in plans for folder in plan.folders):
            writer.make_folders(folder)
    project.reporter.finish()


@dataclass(frozen=True, slots=True)
class _Part:
    """What is written of one root."""

    plan: OutPlan
    source: DataSource
    out: str

    def write(self, project: Project, *, jobs: int | None = None) -> tuple[int, int]:
        """Write it with so many threads; returns how many files and bytes that were."""
        is_local = self.source.store.backend.is_local
        jobs = jobs or (project.jobs if is_local else project.transfers)
        files = size_bytes = 0
        for file, _ in write_files(self.out, self.plan, self.source, jobs=jobs, reporter=project.reporter):
            files += 1
            size_bytes += file.size
        return files, size_bytes


def _nothing_inside(foreign: Foreign, path: str) -> NotFound:
    return NotFound(
        f"`{path}` is not in the tracked data of `{foreign.address.shown}` at commit {short_git_id(foreign.commit)}",
        affected="nothing was written",
        hints=[f"get the folder around it: `dvx get {foreign.address.shown} {os.path.dirname(path) or '.'}`"],
        kind="not-tracked",
    )
