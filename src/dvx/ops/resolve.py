"""`dvx resolve`: end the conflicts of pointers after a merge, rebase, cherry-pick or stash.

Owns the use of Git's staging area as the only source of what ours and theirs were, and the order pointer, staging,
workspace. The merge itself is dvx.ops.merge_pointers, done again with the choices of a person.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dvx.core.errors import DvxError, NotFound, PathRefused
from dvx.formats.manifest_merge import ConflictReason
from dvx.formats.pointer import Pointer
from dvx.formats.pointer_merge import PointerSides
from dvx.formats.three_way import Side
from dvx.ops.merge_pointers import Choices, Conflict, PointerMerge, entry_of, merge_pointers
from dvx.ops.project import Project
from dvx.ops.pull import checkout
from dvx.ops.selection import workspace_pointers
from dvx.repo.followed import unfollow
from dvx.repo.gitignore import add_ignore, ignore_line
from dvx.repo.pointers import TrackedPointer, pointer_path_of, read_pointer, write_pointer
from dvx.repo.targets import Target
from dvx.repo.unmerged import (
    UnmergedPointer,
    forget_decisions,
    load_decisions,
    read_versions,
    save_decisions,
    unmerged_pointers,
)


@dataclass(slots=True)
class Unresolved:
    """A pointer that is still in conflict: what has to be decided, or what kept it from being merged."""

    unmerged: UnmergedPointer
    conflicts: list[Conflict] = field(default_factory=list)
    error: DvxError | None = None


@dataclass(slots=True)
class ResolveReport:
    """`resolved` are data paths whose pointers were written and staged; `removed` those whose pointers were removed.

    `kept` says for data paths among them why the workspace was not brought to the pointer, `dropped` which tables
    their pointers lost because they describe the data of one side only. `marked` are pointers of the work tree with
    conflict markers whose versions Git has no more, because the text with markers was staged.
    """

    resolved: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)
    kept: dict[str, DvxError] = field(default_factory=dict)
    dropped: dict[str, list[str]] = field(default_factory=dict)
    marked: list[str] = field(default_factory=list)


def resolve(project: Project, paths: Sequence[str], side: Side | None) -> ResolveReport:
    """Merge what can be merged with the choices so far and, with `side`, this one for `paths` (all without paths).

    Paths are relative to the repository: pointers, tracked paths, paths inside them, folders above them. A pointer
    without conflicts left is written and staged, and its data checked out without force. Raises NotFound for a path
    that is in no conflict; then nothing was changed.
    """
    report = ResolveReport()
    with project.workspace_lock():
        unmerged = unmerged_pointers(project.repository)
        report.marked = _marked(project, {item.pointer_path for item in unmerged})
        chosen = _chosen(unmerged, paths) if paths else {item.pointer_path: [""] for item in unmerged}
        meant = [item for item in unmerged if item.pointer_path in chosen]
        for item in meant:
            _check_inside(project, item, chosen[item.pointer_path])
        for item in meant:
            choices = _choices(project, item, chosen[item.pointer_path], side)
            _resolve_one(project, item, choices, report, is_choice=side is not None)
    for path in report.resolved:
        _check_out(project, path, report)
    return report


def _marked(project: Project, unmerged: Collection[str]) -> list[str]:
    broken = workspace_pointers(project).broken
    return [
        path
        for path, error in sorted(broken.items())
        if error.kind == "conflict-markers" and path not in unmerged
    ]


def _chosen(unmerged: Sequence[UnmergedPointer], paths: Sequence[str]) -> dict[str, list[str]]:
    """What paths mean: pointer path -> paths inside the directory, "" for the pointer as a whole."""
    chosen: dict[str, list[str]] = {}
    for path in paths:
        found = False
        for item in unmerged:
            inside = _inside(path, item)
            if inside is not None:
                chosen.setdefault(item.pointer_path, []).append(inside)
                found = True
        if not found:
            raise _not_in_conflict(path)
    return chosen


def _inside(path: str, item: UnmergedPointer) -> str | None:
    if path in ("", item.path, item.pointer_path) or item.path.startswith(path + "/"):
        return ""
    return path[len(item.path) + 1 :] if path.startswith(item.path + "/") else None


def _not_in_conflict(path: str) -> NotFound:
    return NotFound(
        f"`{path}` is in no conflict of tracked data",
        affected="nothing was changed",
        hints=["list the conflicts: `dvx resolve`"],
        kind="no-conflict",
    )


def _choices(project: Project, item: UnmergedPointer, inside: Sequence[str], side: Side | None) -> Choices:
    """The decisions so far, and the new one."""
    choices = Choices(tuple(load_decisions(project.repository, item)))
    if side is not None:
        for path in inside:
            choices = choices.with_choice(path, side)
    return choices


def _check_inside(project: Project, item: UnmergedPointer, inside: Sequence[str]) -> None:
    """Raise NotFound for a path inside a directory that is not in conflict: most likely it is misspelt."""
    wanted = [path for path in inside if path]
    if not wanted:
        return
    undecided = _merge(project, item, Choices())
    conflicts = undecided.conflicts if isinstance(undecided, PointerMerge) else []
    names = [conflict.path for conflict in conflicts if conflict.path]
    for path in wanted:
        if not any((name + "/").startswith(path + "/") for name in names):
            raise _not_in_conflict(f"{item.path}/{path}")


class _Removed:
    """The side that was chosen has no such pointer."""


_REMOVED = _Removed()


def _merge(project: Project, item: UnmergedPointer, choices: Choices) -> PointerMerge | _Removed:
    """Merge the versions in the staging area. Raises DvxError where that takes more than a choice."""
    versions = read_versions(project.repository, item)
    ours, theirs, base = (versions.get(side) for side in (Side.OURS, Side.THEIRS, Side.BASE))
    if isinstance(ours, Pointer) and isinstance(theirs, Pointer):
        is_lost = isinstance(base, DvxError)
        sides = PointerSides(base if isinstance(base, Pointer) else None, ours, theirs, is_lost)
        return merge_pointers(lambda: project, item.path, sides, choices)
    side = choices.side_of_rest
    if side is None:
        return PointerMerge(None, [_one_sided(ours, theirs)])
    version = versions.get(side)
    if isinstance(version, DvxError):
        raise version
    return PointerMerge(version) if version is not None else _REMOVED


def _one_sided(ours: Pointer | DvxError | None, theirs: Pointer | DvxError | None) -> Conflict:
    if ours is not None and theirs is not None:
        side = "ours" if isinstance(ours, DvxError) else "theirs"
        return Conflict("", None, f"the version of {side} is not a valid pointer")
    if ours is None and theirs is None:
        return Conflict("", None, "renamed or deleted on both sides")
    reason = ConflictReason.DELETED_BY_US if ours is None else ConflictReason.DELETED_BY_THEM
    entries = [entry_of(side) if isinstance(side, Pointer) else None for side in (ours, theirs)]
    return Conflict("", None, reason, None, *entries)


def _resolve_one(
    project: Project, item: UnmergedPointer, choices: Choices, report: ResolveReport, *, is_choice: bool
) -> None:
    repository = project.repository
    try:
        merge = _merge(project, item, choices)
    except DvxError as error:
        report.unresolved.append(Unresolved(item, error=error))
        return
    if isinstance(merge, _Removed):
        project.git.run(["--literal-pathspecs", "rm", "-q", "-f", "--", item.pointer_path])
        unfollow(repository, [item.pointer_path])
        report.removed.append(item.path)
    elif merge.pointer is not None:
        write_pointer(repository, TrackedPointer(item.path, item.pointer_path, merge.pointer))
        project.git.stage([item.pointer_path])
        _keep_out_of_git(project, item.path)
        report.resolved.append(item.path)
        if merge.dropped:
            report.dropped[item.path] = merge.dropped
    else:
        if is_choice:
            save_decisions(repository, item, choices.decided)
        report.unresolved.append(Unresolved(item, merge.conflicts))
        return
    forget_decisions(repository, item)


def _keep_out_of_git(project: Project, path: str) -> None:
    """Write the ignore line again where the merge took it away: the other side stopped tracking the data.

    A `.gitignore` that is in conflict itself is left to the person.
    """
    if project.git.check_ignored([path]):
        return
    ignore_file, _ = ignore_line(path)
    if project.git.run(["--literal-pathspecs", "ls-files", "-u", "--", ignore_file]):
        return
    with suppress(PathRefused):  # Git reads no `.gitignore` through a symbolic link
        if add_ignore(project.repository, path) is not None:
            project.git.stage([ignore_file])


def _check_out(project: Project, path: str, report: ResolveReport) -> None:
    """Bring the workspace to a pointer; what is in the way, or not in the local store, is reported."""
    try:
        checkout(project, [Target(read_pointer(project.repository, pointer_path_of(path)))], force=False)
    except DvxError as error:
        report.kept[path] = error
