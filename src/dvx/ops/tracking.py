"""The Git side of a tracked path: its pointer, its `.gitignore` line, and staging both.

Owns the steps that this takes and their order: ignore line, then pointer, then staging. Must not touch data.
"""

from collections.abc import Iterable, Mapping, Sequence

from dvx.core.errors import UsageError
from dvx.formats.pointer import Pointer, format_pointer
from dvx.ops.git_checks import check_stageable
from dvx.ops.intentions import carry_out
from dvx.ops.project import Project
from dvx.ops.steps import Remember, SetIgnore, StageFiles, Step, WriteFile, read_small_file
from dvx.repo.extents import Extent
from dvx.repo.gitignore import IgnoreLine, has_ignore, ignore_line, visible_lines, written_line
from dvx.repo.pointer_places import check_pointer_place
from dvx.repo.pointers import pointer_path_of


def record_tracking(
    project: Project,
    pointers: Mapping[str, Pointer],
    *,
    command: Sequence[str],
    affected: str,
    roots: Mapping[str, bytes] | None = None,
    extents: Mapping[str, Extent] | None = None,
) -> list[str]:
    """Write ignore lines and pointers for data paths and stage them; returns the files that Git sees changed.

    `roots` are then remembered as what the workspace has, `extents` as what of directories is here. Raises, before
    anything is written, as track_steps; `affected` is what its error says was left alone.
    """
    steps, changed = track_steps(project, pointers, affected=affected)
    steps += [StageFiles(tuple(changed)), Remember(roots or {}, extents=extents or {})]
    carry_out(project, command, steps, affected=affected)
    return changed


def track_steps(
    project: Project, pointers: Mapping[str, Pointer], *, affected: str, others: Iterable[str] = ()
) -> tuple[list[Step], list[str]]:
    """The steps that track data paths, without the staging, and the files to stage.

    Git is asked whether it will take these files, and `others` with them. Raises what dvx.ops.git_checks raises.
    """
    pointer_paths = [pointer_path_of(path) for path in pointers]
    for pointer_path in pointer_paths:
        check_pointer_place(project.repository, pointer_path, affected=affected)
    lines = _missing_lines(project, list(pointers), [*pointer_paths, *others], affected=affected)
    steps: list[Step] = []
    changed: list[str] = []
    for path, pointer in pointers.items():
        if path in lines:
            steps.append(SetIgnore(lines[path], True))
            changed.append(lines[path].file)
        steps += write_steps(project, pointer_path_of(path), format_pointer(pointer))
        changed.append(pointer_path_of(path))
    return steps, list(dict.fromkeys(changed))


def _missing_lines(
    project: Project, paths: Sequence[str], staged: Sequence[str], *, affected: str
) -> dict[str, IgnoreLine]:
    """The ignore lines that have to be written, in files that Git sees; it is asked about everything to be staged."""
    lines = {path: line for path in paths if not has_ignore(project.repository, line := ignore_line(path))}
    try:
        check_stageable(project, [*staged, *(line.file for line in lines.values())], affected=affected)
    except UsageError as error:
        if error.kind != "pointer-ignored" or not lines:
            raise
        lines = visible_lines(project.git, lines)
        check_stageable(project, [*staged, *(line.file for line in lines.values())], affected=affected)
    return lines


def write_steps(project: Project, pointer_path: str, data: bytes) -> list[Step]:
    """The step that gives a pointer these bytes, if it has others."""
    before = read_small_file(project, pointer_path)
    if before is not None and before.replace(b"\r\n", b"\n") == data:
        return []  # `core.autocrlf` makes line ends of its own
    return [WriteFile(pointer_path, before, data)]


def forget_steps(project: Project, paths: Sequence[str]) -> tuple[list[Step], list[str]]:
    """The steps that take the pointers and ignore lines of data paths away, and the files to stage."""
    steps: list[Step] = []
    changed: list[str] = []
    for path in paths:
        pointer_path = pointer_path_of(path)
        steps.append(WriteFile(pointer_path, read_small_file(project, pointer_path), None))
        changed.append(pointer_path)
        line = _own_line(project, path)
        if line is not None:
            steps.append(SetIgnore(line, False))
            changed.append(line.file)
    return steps, list(dict.fromkeys(changed))


def _own_line(project: Project, path: str) -> IgnoreLine | None:
    """The line that dvx wrote for a path: beside the data, or further up where Git sees no file beside it."""
    line = written_line(project.repository, path)
    beside = ignore_line(path)
    if line is None or line == beside:
        return line
    return line if visible_lines(project.git, {path: beside}).get(path) != beside else None


def stage(project: Project, paths: Sequence[str]) -> None:
    """`git add` these files if `core.autostage` is on."""
    StageFiles(tuple(paths)).apply(project, since_ns=None)
