"""What Git's merge driver for pointers does with the three files that Git hands it.

Owns the result file: a pointer, or a text with conflict markers. Whatever the files hold and whatever fails, it
ends with one of the two. Must not touch the workspace or Git's staging area.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from dvx.core.errors import DvxError, FormatError, GitError
from dvx.disk.atomic import disk_errors
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, format_pointer, parse_pointer
from dvx.formats.pointer_merge import PointerSides, conflict_sides, mark_conflict
from dvx.ops.merge_pointers import Choices, Conflict, merge_pointers
from dvx.ops.project import Project
from dvx.repo.git import Git
from dvx.repo.pointers import POINTER_SUFFIX


@dataclass(frozen=True, slots=True)
class DriverFiles:
    """The files of one call: `ours` is also where the result goes. `pointer_path` is the file's path in Git."""

    base: str
    ours: str
    theirs: str
    pointer_path: str
    marker_bytes: int


@dataclass(slots=True)
class DriverResult:
    """`is_clean` if the result is a pointer (or a clean merge of lines); else what is in conflict, or what failed.

    `dropped` are tables that the merged pointer lacks, because they describe the data of one side.
    """

    is_clean: bool
    conflicts: list[Conflict] = field(default_factory=list)
    error: DvxError | None = None
    dropped: list[str] = field(default_factory=list)


def run_merge_driver(open_project: Callable[[], Project], git: Git, files: DriverFiles) -> DriverResult:
    """Merge and write the result over `files.ours`. Files that are no pointers are merged line by line.

    Raises LocalDiskError where the result cannot be written, GitError where Git cannot merge lines (binary).
    """
    texts = [_read(path) for path in (files.base, files.ours, files.theirs)]
    sides = _parse_sides(texts, files.pointer_path)
    if sides is None:
        return _merge_lines(git, files)
    path = files.pointer_path.removesuffix(POINTER_SUFFIX)
    try:
        merge = merge_pointers(open_project, path, sides, Choices())
    except DvxError as error:
        _write_conflict(files, sides)
        return DriverResult(False, error=error)
    if merge.pointer is None:
        _write_conflict(files, sides)
        return DriverResult(False, merge.conflicts)
    _write(files.ours, format_pointer(merge.pointer))
    return DriverResult(True, dropped=merge.dropped)


def _parse_sides(texts: list[bytes], name: str) -> PointerSides | None:
    """None unless both sides are pointers. An empty base means that there is none."""
    try:
        ours, theirs = (parse_pointer(text, name=name) for text in texts[1:])
    except FormatError:
        return None
    base: Pointer | None = None
    try:
        base = parse_pointer(texts[0], name=name) if texts[0] else None
    except FormatError:
        return PointerSides(None, ours, theirs, is_base_lost=True)
    return PointerSides(base, ours, theirs)


def _merge_lines(git: Git, files: DriverFiles) -> DriverResult:
    try:
        is_clean = git.merge_file([files.ours, files.base, files.theirs], marker_bytes=files.marker_bytes)
    except GitError as error:
        return DriverResult(False, error=error)  # binary: Git itself keeps ours and reports a conflict, too
    return DriverResult(is_clean)


def _write_conflict(files: DriverFiles, sides: PointerSides) -> None:
    try:
        texts = [_spell(pointer) for pointer in conflict_sides(sides)]
    except FormatError:  # with the keys of both sides it is too large for a pointer
        texts = [_spell(pointer) for pointer in (sides.base, sides.ours, sides.theirs)]
    _write(files.ours, mark_conflict(texts[0], texts[1], texts[2], marker_bytes=files.marker_bytes))


def _spell(pointer: Pointer | None) -> bytes:
    return b"" if pointer is None else format_pointer(pointer)


def _read(path: str) -> bytes:
    with disk_errors(path, "read"), open(path, "rb") as file:
        return file.read(MAX_POINTER_BYTES + 1)


def _write(path: str, data: bytes) -> None:
    # In place: the file is Git's own temporary one, with the mode Git wants.
    with disk_errors(path, "write"), open(path, "wb") as file:
        file.write(data)
