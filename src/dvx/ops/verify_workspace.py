"""Whether the bytes in the workspace are what the pointers say.

Owns the comparison by hashing every file, whatever the stat cache claims, and the words for what is wrong. Must not
change anything but the stat cache, which learns the ids that were computed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from dvx.core.errors import PathRefused
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.ops.content import ContentIds
from dvx.ops.differences import is_other_kind
from dvx.ops.project import Project
from dvx.ops.trees import Pair, Tree
from dvx.repo.pointers import TrackedPointer
from dvx.store.page_reader import PageReader

_MOST_SAID: Final = 5
_FILES: Final = frozenset({"file", "executable"})


class Deviation(StrEnum):
    """How a path in the workspace is not what the pointer says."""

    MISSING = "missing"
    EXTRA = "extra"
    MODIFIED = "modified"
    WRONG_MODE = "wrong mode"
    WRONG_KIND = "wrong kind"


@dataclass(slots=True)
class WorkspaceCheck:
    """One tracked path. `deviations` go from paths relative to the repository to what is wrong with each.

    `files` and `size_bytes` count what was hashed and found right, `absent` the files of a directory that are not here
    because only a part of it was checked out. `problem` says why the rest of it could not be
    compared: something is there that dvx tracks nowhere, such as a named pipe.
    """

    tracked: TrackedPointer
    deviations: dict[str, Deviation] = field(default_factory=dict)
    files: int = 0
    size_bytes: int = 0
    problem: str | None = None
    absent: int = 0

    @property
    def is_right(self) -> bool:
        """Whether the workspace has exactly what the pointer names."""
        return not self.deviations and self.problem is None

    def paths(self, deviation: Deviation) -> list[str]:
        """The paths with one kind of deviation, sorted."""
        return [path for path, found in self.deviations.items() if found is deviation]


def verify_tree(project: Project, tree: Tree, pages: PageReader) -> WorkspaceCheck:
    """Hash every file of one tree and compare it with the pointer.

    Raises DataMissing (kind "manifest-missing") where the listing of a directory is nowhere. A path that is not
    there at all is one missing path, not one for each file.
    """
    assert tree.pointer is not None
    check = WorkspaceCheck(TrackedPointer(tree.path, tree.path + ".dvx", tree.pointer))
    if not os.path.lexists(tree.absolute):
        check.deviations[tree.path] = Deviation.MISSING
        return check
    try:
        check.deviations.update(_deviations(project, tree, pages, check))
    except PathRefused as error:  # from the walk: what is in a manifest raises FormatError
        check.problem = error.what
    if tree.refused:
        said = [error.what for error in tree.refused.values()]
        more = f" and {len(said) - _MOST_SAID} more" if len(said) > _MOST_SAID else ""
        check.problem = "; ".join(said[:_MOST_SAID]) + more
    check.deviations = dict(sorted(check.deviations.items()))
    if check.paths(Deviation.MODIFIED):
        # The stat cache learned what the files are; a mark of their page may still say that nothing changed.
        project.stat_cache.change_marks(tree.path, {}, drop=project.stat_cache.marks(tree.path))
    return check


def _deviations(
    project: Project, tree: Tree, pages: PageReader, check: WorkspaceCheck
) -> Iterator[tuple[str, Deviation]]:
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    seen: dict[str, Deviation] = {}
    waiting: dict[str, Entry] = {}

    def to_hash() -> Iterator[tuple[str, WalkEntry]]:
        for pair in tree.pairs(pages):
            if (deviation := _seen(pair)) is not None:
                if deviation is Deviation.MISSING and tree.hides(pair.path):
                    continue
                if _is_absent(tree, pair, pages):
                    check.absent += pair.entry is not None and pair.entry.kind != "directory"
                    continue
                seen[pair.path] = deviation
            elif pair.entry is not None and pair.found is not None and pair.entry.kind != "directory":
                waiting[pair.path] = pair.entry
                yield pair.path, pair.found

    hashed = ids.hash_all(to_hash(), jobs=project.jobs, reporter=project.reporter, refused=tree.refused)
    for path, found, content_id in hashed:
        entry = waiting.pop(path)
        if content_id != entry.id:  # None: the file changed while it was read
            yield path, Deviation.MODIFIED
        elif is_other_kind(entry, found):
            yield path, Deviation.WRONG_MODE
        else:
            check.files += 1
            check.size_bytes += entry.size
    ids.save()
    yield from seen.items()


def _is_absent(tree: Tree, pair: Pair, pages: PageReader) -> bool:
    """Whether a path on one side only is there because a part of the directory is here."""
    if pair.entry is None:
        return tree.is_folder_of_absent(pair, pages)
    return pair.found is None and not tree.wants(pair.path)


def _seen(pair: Pair) -> Deviation | None:
    """What is wrong without looking at the content; None also where the content has to tell."""
    if pair.entry is None:
        return Deviation.EXTRA
    if pair.found is None:
        return Deviation.MISSING
    if is_other_kind(pair.entry, pair.found) and not {pair.entry.kind, pair.found.kind} <= _FILES:
        return Deviation.WRONG_KIND
    if pair.entry.kind != "directory" and pair.entry.size != pair.found.size:
        return Deviation.MODIFIED
    return None
