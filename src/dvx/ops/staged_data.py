"""Whether the data in the workspace is what the staged pointers say, as cheaply as that can be told.

Owns the order of the questions: what the stat cache knows, sizes, then hashing up to a bound. Files that moved on
without their pointer are found here; data that merely lags behind a newer pointer is not. Asks no remote.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dvx.core.errors import DvxError, name_some
from dvx.core.shell_words import quote_all
from dvx.disk.walk import WalkEntry
from dvx.formats.pointer import KIND_FILE, MAX_POINTER_BYTES, Pointer, parse_pointer
from dvx.ops.parts import last_roots, note_extents, note_gone
from dvx.ops.project import Project
from dvx.ops.staged_check import Finding, Problem
from dvx.ops.trees import stat_entry
from dvx.repo.extents import Extent
from dvx.repo.followed import quick_id, unfollow
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer
from dvx.repo.staged import StagedFile, staged_sizes
from dvx.repo.stat_cache import StatRow, row_matches

# Hashing this much takes about 0.1 s; more is left to `dvx status`, with a warning.
_MOST_HASHED_BYTES: Final = 256 * 1024 * 1024
# Where many files are tracked one by one, all their rows are read at once.
_ROWS_AT_ONCE: Final = 20_000


@dataclass(slots=True)
class _Budget:
    left_bytes: int
    skipped: list[str] = field(default_factory=list)


def check_data(
    project: Project, files: Sequence[StagedFile], *, new: Mapping[str, Pointer]
) -> Iterator[Problem]:
    """Compare data that is in the workspace with the staged pointers `files`.

    `new` are the pointers that the next commit brings, by data path; a store has to have what they name. Damaged
    pointers are passed over: the check of pointers names them where they are new.
    """
    present = [file for file in files if os.path.lexists(project.repository.absolute(_data_path(file)))]
    roots = last_roots(project)
    unsure: list[TrackedPointer] = []
    right: list[TrackedPointer] = []
    rows = _Rows(project, [_data_path(file) for file in present])
    for file, data in _contents(project, present):
        path = _data_path(file)
        root = quick_id(data)
        if _is_right_by_row(project, path, root, rows):
            if path not in roots and (tracked := _parsed(file, data)) is not None:
                right.append(tracked)
            continue
        tracked = _parsed(file, data)
        unsure += [tracked] if tracked is not None else []
    budget = _Budget(_MOST_HASHED_BYTES)
    changed: list[str] = []
    unknown: list[str] = []
    for item in unsure:
        try:
            if _has_changed(project, item, roots.get(item.path), budget):
                changed.append(item.path)
        except DvxError as error:
            if not _is_about_one_path(error):
                raise
            unknown.append(item.path)
            yield _not_compared(item.path, error)
    yield from _changed(changed)
    wrong = {*changed, *unknown, *budget.skipped, *roots}
    _adopt(project, [*right, *(item for item in unsure if item.path not in wrong)])
    if budget.skipped:
        what = f"{name_some(budget.skipped)}: too much to compare here, and not as it was last seen"
        yield Problem(
            Finding.NOT_COMPARED, budget.skipped[0], what, f"dvx status {quote_all(budget.skipped)}"
        )
    yield from _not_stored(project, new)


def _adopt(project: Project, right: Sequence[TrackedPointer]) -> None:
    """Remember data that came to its place without dvx and is what its pointer says, so that it follows its pointer.

    `git mv` of a folder for one moves pointers and the data beside them. A directory of which only a part is here
    stays unknown: no more than this part is wanted.
    """
    if not right:
        return
    _forget_moved(project)
    stored = project.local.complete_placements([item.pointer.id for item in right], jobs=project.jobs)
    whole: dict[str, Extent] = {}
    for item in right:
        if item.pointer.id not in stored:
            continue
        if item.pointer.kind == KIND_FILE:
            project.stat_cache.set_root(item.path, item.pointer.id)
        elif _is_whole(project, item):
            whole[item.path] = Extent(item.pointer.id, is_whole=True)
    note_extents(project, whole)


def _forget_moved(project: Project) -> None:
    """Forget data that is gone together with its pointer: when Git brings the pointer back, the data is wanted."""
    repository = project.repository
    gone = [
        path
        for path in last_roots(project)
        if not os.path.lexists(repository.absolute(path))
        and not os.path.lexists(repository.absolute(path + POINTER_SUFFIX))
    ]
    if gone:
        note_gone(project, gone)
        unfollow(repository, [path + POINTER_SUFFIX for path in gone])


def _is_whole(project: Project, item: TrackedPointer) -> bool:
    from dvx.ops.staged_folder import folder_differs  # as below

    try:
        return folder_differs(project, item, is_whole=True, at_most_bytes=0)[1] is False
    except DvxError as error:
        if not _is_about_one_path(error):
            raise
        return False


def _is_about_one_path(error: DvxError) -> bool:
    from dvx.ops.failures import is_about_one_path  # only where there is an error

    return is_about_one_path(error)


def _changed(paths: Sequence[str]) -> Iterator[Problem]:
    for path in paths:
        what = f"`{path}` has changed since its pointer was written; the commit would name the older data"
        yield Problem(Finding.DATA_CHANGED, path, what, f"dvx add {quote_all([path])}")


def _not_compared(path: str, error: DvxError) -> Problem:
    what = f"`{path}` cannot be compared with its pointer: {error.what}"
    return Problem(Finding.NOT_COMPARED, path, what, f"dvx status {quote_all([path])}")


def _data_path(file: StagedFile) -> str:
    return file.path.removesuffix(POINTER_SUFFIX)


def _contents(project: Project, files: Sequence[StagedFile]) -> Iterator[tuple[StagedFile, bytes]]:
    sizes = staged_sizes(project.git, files)
    small = [file for file in files if sizes.get(file.path, MAX_POINTER_BYTES + 1) <= MAX_POINTER_BYTES]
    contents = project.git.read_objects([file.object_id for file in small])
    return zip(small, contents, strict=True)


def _parsed(file: StagedFile, data: bytes) -> TrackedPointer | None:
    try:
        return TrackedPointer(_data_path(file), file.path, parse_pointer(data, name=file.path))
    except DvxError:
        return None


class _Rows:
    """Rows of the stat cache by path; all in one query where many paths are asked about."""

    def __init__(self, project: Project, paths: Sequence[str]) -> None:
        self._cache = project.stat_cache
        self._all: dict[str, StatRow] | None = None
        if len(paths) > 8:
            found = self._cache.lookup_range(min(paths), max(paths) + "\0", limit=_ROWS_AT_ONCE)
            self._all = found if len(found) < _ROWS_AT_ONCE else None

    def get(self, path: str) -> StatRow | None:
        return self._cache.lookup(path) if self._all is None else self._all.get(path)


def _is_right_by_row(project: Project, path: str, root: bytes | None, rows: _Rows) -> bool:
    """Whether the cache says that a tracked file, as it is now, has exactly the content `root`."""
    row = rows.get(path) if root is not None else None
    if row is None or row.id != root:
        return False
    try:
        found = stat_entry(project.repository.absolute(path), path)
    except DvxError:
        return False  # said where it is compared
    return found is not None and row_matches(row, found)


def _has_changed(project: Project, item: TrackedPointer, last: bytes | None, budget: _Budget) -> bool:
    """Whether the data is neither what the pointer says nor the version that was checked out last."""
    found = stat_entry(project.repository.absolute(item.path), item.path)
    if found is None:
        return False
    is_folder = found.kind == "directory"
    if is_folder == (item.pointer.kind == KIND_FILE) and last is not None:
        # What is there has the kind of an older version: it is compared with that one.
        kind, files = ("directory", 0) if is_folder else ("file", None)
        item = TrackedPointer(item.path, item.pointer_path, Pointer(kind, last, found.size, files))
    if not is_folder:
        return item.pointer.kind != KIND_FILE or _file_has_changed(project, item, found, last, budget)
    return item.pointer.kind == KIND_FILE or _folder_has_changed(project, item, budget)


def _folder_has_changed(project: Project, item: TrackedPointer, budget: _Budget) -> bool:
    from dvx.ops.staged_folder import folder_differs  # reading listings takes the store and its formats

    size_bytes, differs = folder_differs(project, item, at_most_bytes=budget.left_bytes)
    if differs is None:
        budget.skipped.append(item.path)
    else:
        budget.left_bytes -= size_bytes
    return differs is True


def _file_has_changed(
    project: Project, item: TrackedPointer, found: WalkEntry, last: bytes | None, budget: _Budget
) -> bool:
    from dvx.ops.content import ContentIds  # only where the cache was no answer

    if found.kind not in ("file", "executable"):
        return True
    ids = ContentIds(project.stat_cache, project.repository.root, item.path)
    content_id = ids.known(item.path, found)
    if content_id is None:
        if found.size != item.pointer.size and last in (None, item.pointer.id):
            return True
        if found.size > budget.left_bytes:
            budget.skipped.append(item.path)
            return False
        budget.left_bytes -= found.size
        hashed = ids.hash_all([(item.path, found)], jobs=1, reporter=project.reporter)
        content_id = next(iter(hashed))[2]
        ids.save()
    if content_id == item.pointer.id:
        # The executable bit is part of what the pointer says, except on Windows.
        is_executable = item.pointer.extra.get("executable") is True
        return os.name != "nt" and not project.ignores_mode and is_executable != (found.kind == "executable")
    return content_id != last


def _not_stored(project: Project, new: Mapping[str, Pointer]) -> Iterator[Problem]:
    """Pointers about to be committed whose data is neither in the local store nor known to be on a remote."""
    wanted = {path: pointer.id for path, pointer in new.items() if "import" not in pointer.extra}
    if not wanted:
        return
    stored = project.local.complete_placements(list(dict.fromkeys(wanted.values())), jobs=project.jobs)
    unknown = [
        root for root in wanted.values() if root not in stored and not project.index.knows_record(root)
    ]
    if unknown:
        from dvx.ops.far_packs import known_elsewhere  # records, as above

        unknown = [root for root in unknown if root not in known_elsewhere(project, unknown)]
    for path, root in wanted.items():
        if root in unknown:
            what = f"the data of `{path}` is not in the local store, and not known to be on a remote"
            yield Problem(Finding.DATA_NOT_STORED, path, what, f"dvx add {quote_all([path])}")
