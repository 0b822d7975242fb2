"""`dvx checkout --rev`: data, and the pointers that name it, as a revision has them, without moving HEAD.

Owns what happens to the pointers. Like `git checkout REV -- PATH`, it leaves the older version staged: the next
commit says what the workspace has. Writing data is dvx.ops.pull.
"""

import os
from collections.abc import Sequence

from dvx.core.errors import DataMissing, FormatError, GitError, NotFound, WorkspaceConflict, name_some
from dvx.core.shell_words import quote_all
from dvx.formats.pointer import Pointer
from dvx.ops.add_targets import check_overlaps
from dvx.ops.checkout import CheckoutResult
from dvx.ops.data_steps import CheckOut
from dvx.ops.intentions import carry_out
from dvx.ops.project import Project
from dvx.ops.pull import checkout_locked
from dvx.ops.selection import select_at, workspace_pointers
from dvx.ops.steps import StageFiles
from dvx.ops.tracking import track_steps
from dvx.repo.pointers import TrackedPointer, read_pointer
from dvx.repo.targets import Target


def checkout_revision(
    project: Project, targets: Sequence[str], *, rev: str, force: bool
) -> tuple[CheckoutResult, list[str]]:
    """Bring `targets` (relative to the root; none means all) to what `rev` has.

    Returns what was done and the Git files that were changed. Where a tracked path is meant as a whole, its
    pointer is written and staged too; of paths inside a tracked directory only the data changes. Raises, before
    anything is written, WorkspaceConflict for pointers that no commit has and for work that is not stored, and
    DataMissing for data that the local store lacks.
    """
    chosen = _resolve(project, targets, rev=rev)
    with project.workspace_lock(), project.setting_damage_aside():
        moved = [
            target.tracked for target in chosen if not target.inside and _is_moved(project, target.tracked)
        ]
        check_overlaps(
            [item.path for item in moved], {item.path: item for item in workspace_pointers(project).readable}
        )
        if not force:
            _check_committed(project, moved)
        try:
            return _check_out(
                project, chosen, moved, command=["checkout", "--rev", rev, *targets], force=force
            )
        except DataMissing as error:
            raise _fetch_first(error, targets, rev=rev) from error


def _check_out(
    project: Project,
    chosen: Sequence[Target],
    moved: Sequence[TrackedPointer],
    *,
    command: Sequence[str],
    force: bool,
) -> tuple[CheckoutResult, list[str]]:
    done = CheckoutResult()

    def run() -> None:
        nonlocal done
        done = checkout_locked(project, chosen, force=force, keeps_parts=True)

    untouched = "nothing was changed"
    tracking, changed = track_steps(project, {item.path: item.pointer for item in moved}, affected=untouched)
    steps = [CheckOut(tuple(chosen), force, run), *tracking, StageFiles(tuple(changed))]
    trees = [target.tracked.path for target in chosen]
    carry_out(project, command, steps, affected=untouched, trees=trees)
    return done, changed


def _resolve(project: Project, targets: Sequence[str], *, rev: str) -> list[Target]:
    try:
        return select_at(project, rev, targets, goes_on=True)
    except NotFound as error:
        error.affected = "nothing was changed"
        if error.kind == "unknown-revision":
            raise
        error.what = f"{error.what} at `{rev}`"
        near = [hint for hint in error.hints if hint.startswith("did you mean")]
        error.hints = (*near, f"list what is tracked there: `dvx ls --rev {quote_all([rev])}`")
        raise


def _is_moved(project: Project, tracked: TrackedPointer) -> bool:
    return _current(project, tracked.pointer_path) != tracked.pointer


def _current(project: Project, pointer_path: str) -> Pointer | None:
    try:
        return read_pointer(project.repository, pointer_path).pointer
    except (FormatError, NotFound):
        return None


def _check_committed(project: Project, moved: Sequence[TrackedPointer]) -> None:
    """Refuse to write over pointers that no commit has: nothing else may name their data."""
    changes = project.git.changes_against_head(["*.dvx"])
    lost = [
        item.pointer_path
        for item in moved
        if item.pointer_path in changes and os.path.lexists(project.repository.absolute(item.pointer_path))
        if not _is_in_a_commit(project, item.pointer_path)
    ]
    if lost:
        raise WorkspaceConflict(
            f"{len(lost)} pointer(s) that are not committed would be overwritten: {name_some(lost)}",
            affected="nothing was changed",
            hints=["keep that version: `git commit`", "or give it up: the same command with `--force`"],
        )


def _is_in_a_commit(project: Project, pointer_path: str) -> bool:
    """Whether a reference reaches a commit with this pointer as it is now: going back and forth loses nothing."""
    try:
        object_id = os.fsdecode(project.git.run(["hash-object", "--", pointer_path])).strip()
        search = [
            "log",
            "HEAD",
            "--all",
            "-1",
            "--format=%H",
            f"--find-object={object_id}",
            "--",
            pointer_path,
        ]
        return bool(project.git.run(["--literal-pathspecs", *search]).strip())
    except GitError:
        return False  # no commit yet


def _fetch_first(error: DataMissing, targets: Sequence[str], *, rev: str) -> DataMissing:
    command = " ".join(["dvx fetch --rev", rev, *targets])
    return DataMissing(error.what, affected=error.affected, hints=[f"fetch it: `{command}`"], kind=error.kind)
