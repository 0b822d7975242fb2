"""`dvx verify`: is everything that the pointers name really there, in the workspace and on a remote?

Owns what is looked at and how bad the answer is. Must not change anything but caches.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from dvx.core.errors import DataMissing, GitError
from dvx.ops.failures import PathFailure
from dvx.ops.project import Project
from dvx.ops.selection import check_named, select_at, select_targets, trees_to_check_out
from dvx.ops.verify_remote import RemoteCheck, verify_remote
from dvx.ops.verify_workspace import WorkspaceCheck, verify_tree
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer
from dvx.repo.targets import Target
from dvx.store.damage import DamagedPack
from dvx.store.presence import PresenceState
from dvx.store.sampling import Sample


class Outcome(StrEnum):
    """The answer as a whole, from good to bad; where several are true the last one counts."""

    VERIFIED = "verified"
    PARTLY = "partly-verified"
    DIFFERS = "workspace-differs"
    MISSING = "data-missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Scope:
    """What to verify. Without `rev` the pointers of the work tree, otherwise those of that commit."""

    targets: Sequence[str] = ()
    rev: str | None = None
    workspace: bool = True
    remote: bool = False
    remote_name: str | None = None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found. `workspace` and `remote` are None where they were not looked at.

    `commit` is the commit of the pointers, None before the first one; `is_dirty` tells that what was verified is not
    exactly what that commit says: a tracked file of the work tree differs from it, or a pointer is not committed.
    `failures` are paths that could not be verified.
    """

    commit: str | None
    is_dirty: bool
    targets: tuple[Target, ...]
    workspace: tuple[WorkspaceCheck, ...] | None = None
    remote: RemoteCheck | None = None
    failures: tuple[PathFailure, ...] = ()

    @property
    def tracked(self) -> list[TrackedPointer]:
        """The pointers, by path."""
        return [target.tracked for target in self.targets]

    @property
    def outcome(self) -> Outcome:
        """How bad it is."""
        if self.remote is not None:
            if self.remote.lacking(PresenceState.DAMAGED):
                return Outcome.DAMAGED
            if self.remote.lacking(PresenceState.ABSENT, PresenceState.INCOMPLETE):
                return Outcome.MISSING
        if self.workspace is not None and not all(check.is_right for check in self.workspace):
            return Outcome.DIFFERS
        return Outcome.PARTLY if self.failures else Outcome.VERIFIED


def verify(project: Project, scope: Scope) -> VerifyReport:
    """Look at everything in the scope. Raises what selecting targets, reading listings and the remote raise."""
    targets, commit = _select(project, scope)
    with suppress(DataMissing), project.pages(scope.remote_name) as pages:  # that is what the report is about
        check_named(project, targets, pages)
    remote = None
    if scope.remote and targets:
        tracked = [target.tracked for target in targets]
        remote = verify_remote(project, tracked, remote_name=scope.remote_name, sample=scope.sample)
    workspace = _verify_workspace(project, targets, scope.remote_name) if scope.workspace else None
    is_dirty, failures = _is_dirty(project, scope, commit), tuple(project.failures.found)
    return VerifyReport(commit, is_dirty, tuple(targets), workspace, remote, failures)


def _select(project: Project, scope: Scope) -> tuple[list[Target], str | None]:
    if scope.rev is None:
        return select_targets(project, scope.targets, goes_on=True), project.git.head()
    commit = project.git.rev_parse(scope.rev)
    return select_at(project, commit, scope.targets, goes_on=True), commit


def _verify_workspace(
    project: Project, targets: Sequence[Target], remote_name: str | None
) -> tuple[WorkspaceCheck, ...]:
    total_bytes = sum(target.tracked.pointer.size for target in targets)
    project.reporter.start("verify", total_bytes=total_bytes)
    checks: list[WorkspaceCheck] = []
    with project.setting_damage_aside(), project.pages(remote_name) as pages:
        for target in targets:
            with project.failures.going_on(
                target.tracked.path, is_only=len(targets) == 1, but=(DamagedPack,)
            ):
                trees = trees_to_check_out(project, [target], keeps_parts=True)
                checks += [verify_tree(project, tree, pages) for tree in trees]
    project.reporter.finish()
    return tuple(checks)


def _is_dirty(project: Project, scope: Scope, commit: str | None) -> bool:
    """See VerifyReport.is_dirty; a commit on a remote alone has nothing to do with the work tree."""
    if scope.rev is not None and not scope.workspace:
        return False
    return commit != project.git.head() or _is_work_tree_dirty(project)


def _is_work_tree_dirty(project: Project) -> bool:
    status = ["--no-optional-locks", "status", "--porcelain=v1", "-z", "--untracked-files=no"]
    try:
        return bool(project.git.run(status) or project.git.changes_against_head(["*" + POINTER_SUFFIX]))
    except GitError:
        return True  # before the first commit, for one
