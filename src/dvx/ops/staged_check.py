"""What the pre-commit check finds: pointers that should not be committed as they are.

Owns the checks and the command that fixes each finding. Pointers are read from the staging area, never from the
work tree. Whether the data in the workspace is what they say is looked at in dvx.ops.staged_data.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dvx.core.errors import DvxError, LocalDiskError, PathRefused
from dvx.core.paths import check_stored_path
from dvx.core.shell_words import quote_all
from dvx.disk.atomic import write_atomic
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, format_pointer, parse_pointer
from dvx.ops.project import Project
from dvx.repo.committed_files import read_committed_file
from dvx.repo.pointers import POINTER_SUFFIX, is_pointer_path
from dvx.repo.staged import (
    MODE_FILE,
    MODE_SYMLINK,
    StagedFile,
    staged_changes,
    staged_files,
    staged_sizes,
    write_staged,
)


class Finding(StrEnum):
    """What is wrong. The names are stable."""

    INVALID = "invalid"
    CONFLICT = "conflict-markers"
    NOT_CANONICAL = "not-canonical"
    SYMLINK = "symlink"
    MODE = "mode"
    TOO_LARGE = "too-large"
    UNSAFE_PATH = "unsafe-path"
    DATA_IN_GIT = "data-in-git"
    DATA_CHANGED = "data-changed"
    DATA_NOT_STORED = "data-not-stored"
    DATA_NOT_IGNORED = "data-not-ignored"
    NOT_COMPARED = "not-compared"
    STALE_METADATA = "stale-metadata"


# These do not stop a commit.
WARNINGS = frozenset({Finding.DATA_NOT_STORED, Finding.DATA_NOT_IGNORED, Finding.NOT_COMPARED})
# More paths than this on one command line help nobody.
_MOST_TYPED = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one path, in words, and the command that fixes it ("" where there is none).

    `blocks` says whether it stops the commit where that is a setting, not a matter of the finding.
    """

    finding: Finding
    path: str
    what: str
    command: str
    blocks: bool | None = None

    @property
    def is_error(self) -> bool:
        """Whether it stops the commit."""
        return self.finding not in WARNINGS if self.blocks is None else self.blocks


@dataclass(slots=True)
class StagedReport:
    """What a check found and what it rewrote. `pointers` counts those in the staging area."""

    pointers: int = 0
    problems: list[Problem] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing stops the commit."""
        return not any(problem.is_error for problem in self.problems)


def check_staged(
    project: Project, paths: Sequence[str] = (), *, fix: bool = False, looks_at_data: bool = True
) -> StagedReport:
    """Check the pointers that are staged, the files committed beside them, and the data that they name.

    `paths` limits everything to these paths, folders, and the data of these pointers. With `fix`, pointers that are
    valid but not canonical are rewritten, in the staging area and, where it has the same bytes, in the work tree.
    """
    all_pointers = [
        file for file in staged_files(project.git, ["*" + POINTER_SUFFIX]) if is_pointer_path(file.path)
    ]
    changed = [file for file in staged_changes(project.git) if _is_meant(file.path, paths)]
    report = StagedReport(pointers=len(all_pointers))
    valid = _check_pointers(
        project, [file for file in changed if is_pointer_path(file.path)], report, fix=fix
    )
    report.problems += _data_in_git(project, changed, all_pointers)
    report.problems += _not_ignored(project, valid, {problem.path for problem in report.problems})
    meant = [file for file in all_pointers if _is_meant(file.path, paths)]
    if looks_at_data and meant:
        from dvx.ops.staged_data import check_data  # 20 ms, only where something is tracked

        report.problems += check_data(project, meant, new=valid)
    if meant and project.config.rules and project.config.get("hooks.stale_metadata") != "off":
        from dvx.ops.stale_metadata import check_metadata  # only where a rule names files

        report.problems += check_metadata(project, meant, {file.path for file in changed})
    return report


def _is_meant(path: str, paths: Sequence[str]) -> bool:
    if not paths:
        return True
    data = path.removesuffix(POINTER_SUFFIX)
    return any(given in ("", path, data) or (path + "/").startswith(given + "/") for given in paths)


def _check_pointers(
    project: Project, files: Sequence[StagedFile], report: StagedReport, *, fix: bool
) -> dict[str, Pointer]:
    """Note what is wrong with staged pointers; return the valid ones by data path."""
    plain = []
    for file in files:
        problem = _wrong_kind(file)
        if problem is None:
            plain.append(file)
        else:
            report.problems.append(problem)
            if problem.finding is Finding.MODE:
                plain.append(file)
    sizes = staged_sizes(project.git, plain)
    report.problems += [_too_large(path, size) for path, size in sizes.items() if size > MAX_POINTER_BYTES]
    small = [file for file in plain if sizes[file.path] <= MAX_POINTER_BYTES]
    contents = project.git.read_objects([file.object_id for file in small])
    valid: dict[str, Pointer] = {}
    for file, data in zip(small, contents, strict=True):
        try:
            check_stored_path(file.path)
            pointer = parse_pointer(data, name=file.path)
            canonical = format_pointer(pointer)
        except DvxError as error:
            report.problems.append(_invalid(file.path, error))
            continue
        valid[file.path.removesuffix(POINTER_SUFFIX)] = pointer
        if canonical == data:
            continue
        if fix:
            _rewrite(project, file, staged=data, canonical=canonical)
            report.fixed.append(file.path)
        else:
            report.problems.append(_not_canonical(file.path, data, canonical))
    return valid


def _wrong_kind(file: StagedFile) -> Problem | None:
    quoted = quote_all([file.path])
    if file.mode == MODE_SYMLINK:
        what = f"`{file.path}` is a symbolic link; pointers are plain files"
        data = quote_all([file.path.removesuffix(POINTER_SUFFIX)])
        command = f"git rm -f -- {quoted} && dvx add {data}"
        return Problem(Finding.SYMLINK, file.path, what, command)
    if not file.mode.startswith("100"):
        return Problem(
            Finding.INVALID, file.path, f"`{file.path}` is not a file", f"git rm --cached -- {quoted}"
        )
    if file.mode != MODE_FILE:
        what = f"`{file.path}` is executable; pointers are plain files"
        return Problem(Finding.MODE, file.path, what, f"git add --chmod=-x -- {quoted} && chmod -x {quoted}")
    return None


def _too_large(path: str, size_bytes: int) -> Problem:
    what = f"`{path}` has {size_bytes} bytes; a pointer has at most {MAX_POINTER_BYTES}"
    return Problem(Finding.TOO_LARGE, path, what, f"git checkout HEAD -- {quote_all([path])}")


def _invalid(path: str, error: DvxError) -> Problem:
    if error.kind == "conflict-markers":
        quoted = quote_all([path])
        # Git keeps the three versions also when the text with markers was staged; `-m` brings them back.
        command = f"git checkout -m -- {quoted} && dvx resolve"
        return Problem(Finding.CONFLICT, path, error.what, command)
    if isinstance(error, PathRefused):
        return Problem(Finding.UNSAFE_PATH, path, error.what, "")
    data = quote_all([path.removesuffix(POINTER_SUFFIX)])
    return Problem(Finding.INVALID, path, error.what, f"dvx add {data}")


def _not_canonical(path: str, data: bytes, canonical: bytes) -> Problem:
    why = "has CRLF line ends" if data.replace(b"\r\n", b"\n") == canonical else "is not as dvx writes it"
    what = f"`{path}` {why}; the same pointer must always be the same bytes"
    return Problem(Finding.NOT_CANONICAL, path, what, f"dvx hooks check --fix {quote_all([path])}")


def _rewrite(project: Project, file: StagedFile, *, staged: bytes, canonical: bytes) -> None:
    write_staged(project.git, file, canonical)
    try:
        current = read_committed_file(project.repository, file.path, limit_bytes=MAX_POINTER_BYTES)
    except (LocalDiskError, PathRefused):
        return
    if current is not None and current.replace(b"\r\n", b"\n") == staged.replace(b"\r\n", b"\n"):
        # Else the work tree goes on with another version, which is somebody\'s work.
        write_atomic(project.repository.absolute(file.path), canonical)


def _data_in_git(
    project: Project, changed: Sequence[StagedFile], pointers: Iterable[StagedFile]
) -> Iterator[Problem]:
    """Files that Git is about to have although a pointer has them, and new pointers for what Git has."""
    tracked = {file.path.removesuffix(POINTER_SUFFIX) for file in pointers}
    found: dict[str, list[str]] = {}
    for file in changed:
        owner = _owner(file.path, tracked)
        if owner is not None:
            found.setdefault(owner, []).append(file.path)
    new = [file.path.removesuffix(POINTER_SUFFIX) for file in changed if is_pointer_path(file.path)]
    for path in sorted(project.git.is_tracked(new)) if new else []:
        found.setdefault(path, [path])
    ignored = project.git.check_ignored(list(found))
    for owner, paths in found.items():
        what = f"`{paths[0]}`{_and_more(paths)} would be committed to Git, and dvx tracks `{owner}`"
        typed = quote_all(paths if len(paths) <= _MOST_TYPED else [owner])
        # The add writes the line in `.gitignore` without which the next `git add` does it again.
        ignore = "" if owner in ignored else f" && dvx add {quote_all([owner])}"
        yield Problem(Finding.DATA_IN_GIT, owner, what, f"git rm -r -q --cached -- {typed}{ignore}")


def _not_ignored(project: Project, new: Mapping[str, Pointer], known: set[str]) -> Iterator[Problem]:
    """Data of new pointers that `git add .` would take, after `git mv` of a pointer for one."""
    paths = [path for path in new if path not in known]
    if not paths:
        return
    ignored = project.git.check_ignored(paths)
    for path in paths:
        if path not in ignored:
            quoted = quote_all([path])
            is_here = os.path.lexists(project.repository.absolute(path))
            command = f"dvx add {quoted}" if is_here else f"dvx checkout {quoted} && dvx add {quoted}"
            what = f"no line in `.gitignore` keeps `{path}` out of Git"
            yield Problem(Finding.DATA_NOT_IGNORED, path, what, command)


def _owner(path: str, tracked: set[str]) -> str | None:
    place = path
    while place:
        if place in tracked:
            return place
        place = place.rpartition("/")[0]
    return None


def _and_more(paths: Sequence[str]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""
