"""`dvx status`: workspace against pointers, pointers against HEAD, and pointers against a remote.

Owns the report. Must not change anything but caches.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dvx.core.errors import DataMissing, DvxError, NotFound
from dvx.ops.differences import Difference, FileState, find_differences
from dvx.ops.parts import Absent
from dvx.ops.project import Project
from dvx.ops.selection import (
    check_named,
    select_targets,
    trees_of,
    workspace_pointers,
)
from dvx.ops.staleness import stale_paths
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, is_pointer_path
from dvx.repo.targets import Target

if TYPE_CHECKING:
    from dvx.ops.stale_metadata import StaleValue
    from dvx.store.page_reader import PageReader


class PathState(StrEnum):
    """How a tracked path stands as a whole. Outdated: unchanged since it was checked out, but the pointer moved on.
    Incomplete: unchanged, but some of what was asked for never came.
    """

    CLEAN = "clean"
    CHANGED = "changed"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    NOT_CHECKED_OUT = "not checked out"
    UNKNOWN = "unknown"


class RemoteState(StrEnum):
    """Whether a remote has everything of a root."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    ABSENT = "absent"


@dataclass(slots=True)
class PathStatus:
    """One tracked path: its state, the files that differ, and where its pointer stands against HEAD.

    `git` is "unchanged", "new", "modified" or "unmerged"; `remote` is None unless it was asked for; `problem` says
    why the state is unknown. `refused` are entries in a directory that cannot be tracked or looked at, by path, with
    the reason. `stale_metadata` is what the files of parameters and metrics say and the pointer does not;
    the data may be clean all the same. `absent` counts what of a directory is not here because a part of it was checked
    out, and `wanted` are the paths and patterns of this part.
    """

    tracked: TrackedPointer
    state: PathState
    differences: list[Difference] = field(default_factory=list)
    git: str = "unchanged"
    remote: RemoteState | None = None
    problem: str | None = None
    stale_metadata: "list[StaleValue]" = field(default_factory=list)
    refused: dict[str, DvxError] = field(default_factory=dict)
    absent: Absent = field(default_factory=Absent)
    wanted: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether some files of a directory are not here because only a part of it was checked out."""
        return self.absent.files > 0

    @property
    def files_here(self) -> int:
        """How many files of the pointer belong to what was checked out; 0 where nothing was."""
        if self.state is PathState.NOT_CHECKED_OUT:
            return 0
        files = self.tracked.pointer.files
        return (files if files is not None else 1) - self.absent.files

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs (a pointer not yet committed is no difference of the data)."""
        return self.state is PathState.CLEAN and self.remote in (None, RemoteState.COMPLETE)


@dataclass(slots=True)
class StatusReport:
    """The whole report. `broken` are pointers that cannot be read; `removed` are pointers that HEAD has and the
    work tree does not; `left_out` are those that a sparse checkout leaves out."""

    paths: list[PathStatus] = field(default_factory=list)
    broken: dict[str, DvxError] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    remote: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether the workspace (and the remote, if it was asked) is what the pointers say."""
        return not self.broken and all(path.is_clean for path in self.paths)


def read_status(
    project: Project, targets: Sequence[str], *, remote_name: str | None, with_remote: bool
) -> StatusReport:
    """Compare everything, or the targets. A remote is asked for every object when `with_remote` is set."""
    report = StatusReport()
    selected = _select(project, targets, report)
    with project.pages(remote_name) as pages:
        if all(os.path.lexists(project.repository.absolute(target.tracked.path)) for target in selected):
            try:
                check_named(project, selected, pages)
            except NotFound:
                raise
            except DvxError as error:
                if not _is_about_one_path(error):
                    raise  # else it is said of its path below
        for target in selected:
            status = PathStatus(target.tracked, PathState.CLEAN)
            report.paths.append(status)
            try:
                _compare(project, target, pages, status)
            except DvxError as error:
                if not _is_about_one_path(error):
                    raise
                status.state, status.problem = PathState.UNKNOWN, error.what
    _compare_with_head(project, report, is_everything=not targets)
    if project.config.rules:
        from dvx.ops.stale_metadata import compare_metadata  # only where a rule names files

        found = compare_metadata(project, [status.tracked for status in report.paths])
        for status in report.paths:
            status.stale_metadata = found.get(status.tracked.path, [])
    if with_remote:
        _ask_remote(project, report, remote_name)
    return report


def _is_about_one_path(error: DvxError) -> bool:
    from dvx.ops.failures import is_about_one_path  # only where there is an error

    return is_about_one_path(error)


def _compare(project: Project, target: Target, pages: "PageReader", status: PathStatus) -> None:
    """Compare one path with the workspace."""
    if not os.path.lexists(project.repository.absolute(target.tracked.path)):
        status.state = PathState.NOT_CHECKED_OUT
        return
    (tree,) = trees_of(project, [target])
    found = find_differences(project, tree, pages, absent=status.absent)
    status.differences = sorted(found, key=lambda item: item.path)
    status.refused = tree.refused or {}
    if tree.inside:
        status.absent = Absent()  # of the others nothing is known
    status.wanted = tree.wanted if status.is_partial else ()
    if status.differences:
        stale = stale_paths(project, tree, pages)
        is_outdated = all(item.path in stale for item in status.differences)
        status.state = PathState.OUTDATED if is_outdated else PathState.CHANGED
        if all(item.state is FileState.MISSING for item in status.differences):
            status.state = PathState.INCOMPLETE
    elif status.refused:
        status.state = PathState.UNKNOWN if tree.hidden else PathState.CHANGED


def _select(project: Project, targets: Sequence[str], report: StatusReport) -> list[Target]:
    if targets:
        return select_targets(project, targets, goes_on=True)
    pointers = workspace_pointers(project)
    report.broken = pointers.broken
    if project.repository.has_sparse_checkout:
        from dvx.repo.sparse import left_out_pointers  # 0.4 ms, and few work trees are sparse

        report.left_out = left_out_pointers(project.repository)
    return [Target(item) for item in pointers.readable]


def _compare_with_head(project: Project, report: StatusReport, *, is_everything: bool) -> None:
    changes = project.git.changes_against_head(["*" + POINTER_SUFFIX])
    present = {status.tracked.pointer_path for status in report.paths} | set(report.broken)
    for status in report.paths:
        status.git = changes.get(status.tracked.pointer_path, "unchanged")
    if is_everything:
        report.removed = sorted(
            path
            for path, change in changes.items()
            if change == "removed" and path not in present and is_pointer_path(path)
        )


def _ask_remote(project: Project, report: StatusReport, remote_name: str | None) -> None:
    try:
        remote = project.remote(remote_name)
    except DataMissing as error:
        if error.kind != "empty-remote":
            raise
        report.remote = project.remote_config(remote_name).name
        for status in report.paths:
            status.remote = RemoteState.ABSENT
        return
    report.remote = remote.location
    roots = list(dict.fromkeys(status.tracked.pointer.id for status in report.paths))
    remote.expect_sizes((each.tracked.pointer.id, each.tracked.pointer.size) for each in report.paths)
    complete = remote.complete_placements(roots, jobs=project.transfers)
    known = remote.record_names([root for root in roots if root not in complete])
    for status in report.paths:
        root = status.tracked.pointer.id
        if root in complete:
            status.remote = RemoteState.COMPLETE
        else:
            status.remote = RemoteState.INCOMPLETE if root in known else RemoteState.ABSENT
