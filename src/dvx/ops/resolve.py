"""`dvx resolve`: end the conflicts of pointers after a merge, rebase, cherry-pick or stash.

Owns the use of Git's staging area as the only source of what ours and theirs were, and the order pointer, staging,
workspace. The merge itself is dvx.ops.merge_pointers, done again with the choices of a person.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from dvx.core.errors import DvxError, NotFound, PathRefused
from dvx.formats.manifest_merge import ConflictReason
from dvx.formats.pointer import Pointer, format_pointer
from dvx.formats.pointer_merge import PointerSides
from dvx.formats.three_way import Side
from dvx.ops.data_steps import CheckOut
from dvx.ops.git_checks import check_stageable
from dvx.ops.intentions import carry_out
from dvx.ops.merge_pointers import Choices, Conflict, PointerMerge, entry_of, merge_pointers
from dvx.ops.named_folders import naming_folders
from dvx.ops.project import Project
from dvx.ops.pull import checkout_locked
from dvx.ops.rehearsal import Rehearsed, tell_foretold
from dvx.ops.selection import workspace_pointers
from dvx.ops.steps import Remember, SetIgnore, StageFiles, Step, WriteFile, read_small_file
from dvx.repo.gitignore import has_ignore, ignore_line
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target
from dvx.repo.unmerged import (
    UnmergedPointer,
    forget_decisions,
    load_decisions,
    read_versions,
    save_decisions,
    unmerged_pointers,
)

_UNRESOLVED: Final = "the conflict is as it was"


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
    with project.workspace_lock(), project.setting_damage_aside():
        report.resolved += [
            path for command in project.finished if command[0] == "resolve" for path in command[1:]
        ]
        unmerged = unmerged_pointers(project.repository)
        report.marked = _marked(project, {item.pointer_path for item in unmerged})
        paths = [path for path in paths if not _is_finished(path, report.resolved)]
        if report.resolved and not paths and not unmerged:
            return report
        chosen = _chosen(unmerged, paths) if paths else {item.pointer_path: [""] for item in unmerged}
        meant = [item for item in unmerged if item.pointer_path in chosen]
        for item in meant:
            _check_inside(project, item, chosen[item.pointer_path])
        for item in meant:
            choices = _choices(project, item, chosen[item.pointer_path], side)
            with suppress(Rehearsed):  # it is told with those of the others
                _resolve_one(project, item, choices, report, is_choice=side is not None)
        _end_rehearsal(project, report)
    return report


def _end_rehearsal(project: Project, report: ResolveReport) -> None:
    if project.foretold:
        for item in report.unresolved:
            what = f"fail for `{item.unmerged.path}`: {item.error.what}" if item.error is not None else None
            project.foretold.append(what or f"leave `{item.unmerged.path}` in conflict")
    tell_foretold(project)


def _is_finished(path: str, resolved: Sequence[str]) -> bool:
    """Whether a path belongs to a pointer whose interrupted resolution is finished by now."""
    return any((path.removesuffix(".dvx") + "/").startswith(data + "/") for data in resolved)


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
        _finish(project, item, None, report)
        report.removed.append(item.path)
    elif merge.pointer is not None:
        _finish(project, item, merge.pointer, report)
        report.resolved.append(item.path)
        if merge.dropped:
            report.dropped[item.path] = merge.dropped
    else:
        if is_choice and project.rehearsal is not None:
            project.foretold.append(f"remember the decision about `{item.path}`")
        elif is_choice:
            with naming_folders(project, "resolve"):
                save_decisions(repository, item, choices.decided)
        report.unresolved.append(Unresolved(item, merge.conflicts))
        return
    forget_decisions(repository, item)


def _finish(project: Project, item: UnmergedPointer, pointer: Pointer | None, report: ResolveReport) -> None:
    """Write and stage the pointer, or remove it, and bring the workspace to it."""
    before = read_small_file(project, item.pointer_path)
    after = format_pointer(pointer) if pointer is not None else None
    ignore = _ignore_step(project, item.path) if pointer is not None else []
    staged = [item.pointer_path, *(step.line.file for step in ignore)]
    steps: list[Step] = [WriteFile(item.pointer_path, before, after), *ignore, StageFiles(tuple(staged))]
    if pointer is None:
        steps.append(Remember(unfollowed=(item.pointer_path,)))
    else:
        target = Target(TrackedPointer(item.path, item.pointer_path, pointer))
        steps.append(CheckOut((target,), False, partial(_check_out, project, target, report)))
    check_stageable(project, staged, affected=_UNRESOLVED)
    carry_out(project, ["resolve", item.path], steps, affected=_UNRESOLVED, trees=[item.path])


def _ignore_step(project: Project, path: str) -> list[SetIgnore]:
    """The ignore line where the merge took it away: the other side stopped tracking the data.

    A `.gitignore` that is in conflict itself is left to the person.
    """
    if project.git.check_ignored([path]):
        return []
    line = ignore_line(path)
    if project.git.run(["--literal-pathspecs", "ls-files", "-u", "--", line.file]):
        return []
    with suppress(PathRefused):  # Git reads no `.gitignore` through a symbolic link
        return [] if has_ignore(project.repository, line) else [SetIgnore(line, True)]
    return []


def _check_out(project: Project, target: Target, report: ResolveReport) -> None:
    """Bring the workspace to a pointer; what is in the way, or not in the local store, is reported."""
    try:
        checkout_locked(project, [target], force=False, keeps_parts=True)
    except DvxError as error:
        report.kept[target.tracked.path] = error
