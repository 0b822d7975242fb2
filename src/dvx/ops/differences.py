"""Workspace against pointers: which files of a tree differ, and how.

Owns the words for a difference. Reads and hashes as little as it can; must not change anything but the cache.
"""

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from dvx.core.ids import hash_bytes
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.ops.content import ContentIds
from dvx.ops.leaf_parts import LeafToCompare
from dvx.ops.leaf_walk import is_walked_by_leaf, walk_leaves
from dvx.ops.page_marks import PageMarks
from dvx.ops.parts import Absent
from dvx.ops.project import Project
from dvx.ops.trees import Pair, Tree, with_modes_of_entries
from dvx.store.page_reader import PageReader

_IGNORES_MODE: Final = os.name == "nt"
# Enough for all cores; a million files without rows in the cache would otherwise be in memory at once.
_UNSURE_AT_ONCE: Final = 8192


class FileState(StrEnum):
    """How a file in the workspace relates to the pointer. What is missing was deleted only if it was here once."""

    MODIFIED = "modified"
    DELETED = "deleted"
    MISSING = "missing"
    UNTRACKED = "untracked"


class Difference(NamedTuple):
    """One file that is not as the pointer says. `id` is the content id in the workspace where it is known."""

    path: str
    state: FileState
    entry: Entry | None
    found: WalkEntry | None
    offset: int
    id: bytes | None = None


def find_differences(
    project: Project,
    tree: Tree,
    pages: PageReader,
    *,
    absent: Absent | None = None,
    is_certain: bool = False,
) -> Iterator[Difference]:
    """Yield the differences of one tree. Files whose state is not in the cache are hashed, many at once.

    What is missing and does not belong to the part of the tree is no difference; it is counted in `absent`.

    A file of another size is modified without being read. Ids found on the way are remembered. Leaves of the
    manifest that were found unchanged before are not read while their files look as they did. For who gives up what
    does not differ (`is_certain`), files are hashed that may have been written without a trace. What cannot be looked
    at is no difference, but in `tree.refused`.
    """
    comparison = _Comparison(project, tree, pages, absent or Absent(), is_certain=is_certain)
    if is_walked_by_leaf(tree) and not is_certain:
        marks = PageMarks(project.stat_cache, tree.path)
        for part in walk_leaves(tree, pages, marks, leave_out_same=True):
            if isinstance(part, LeafToCompare):
                yield from comparison.compare_leaf(part, marks)
        marks.save()
    else:
        yield from comparison.compare(tree.pairs(pages))
    yield from comparison.finish()


class _Comparison:
    """Compares pairs. `unsettled` counts those that differ, or of which nothing is known yet."""

    def __init__(
        self, project: Project, tree: Tree, pages: PageReader, absent: Absent, *, is_certain: bool
    ) -> None:
        self._project = project
        self._tree = tree
        self._pages = pages
        self._absent = absent
        self._ids = ContentIds(project.stat_cache, tree.root, tree.path)
        self._id_of = self._ids.surely_known if is_certain else self._ids.known
        self._unsure: dict[str, Pair] = {}
        self.unsettled = 0

    def compare_leaf(self, part: LeafToCompare, marks: PageMarks) -> Iterator[Difference]:
        """Yield the differences of one leaf, and mark a leaf that has none."""
        before = self.unsettled
        self._ids.expect(part.spans)
        yield from self.compare(part.pairs)
        if part.leaf is not None and part.rows is not None and self.unsettled == before:
            links = {entry.path: entry.id for entry in part.entries if entry.kind == "symlink"}
            marks.note(part.leaf, part.rows, links)

    def compare(self, pairs: Iterable[Pair]) -> Iterator[Difference]:
        """Yield the differences that can be told now."""
        for pair in with_modes_of_entries(pairs) if self._tree.ignores_mode else pairs:
            difference = _seen_difference(pair)
            if difference is not None:
                self.unsettled += 1
                if difference.state is FileState.DELETED and self._tree.hides(difference.path):
                    continue
                if not self._is_absent(pair):
                    yield self._told(difference)
                continue
            path, offset, entry, found = pair
            if entry is None or found is None:
                continue
            if entry.kind != found.kind:
                self.unsettled += 1
            if entry.kind == "directory":
                continue
            known = self._known(path, found)
            if known is None:
                self.unsettled += 1
                self._unsure[path] = pair
                if len(self._unsure) >= _UNSURE_AT_ONCE:
                    yield from self._hash_unsure()
            elif known != entry.id:
                self.unsettled += 1
                yield Difference(path, FileState.MODIFIED, entry, found, offset, known)

    def _told(self, difference: Difference) -> Difference:
        if difference.state is FileState.DELETED and not self._tree.counts(difference.path):
            return difference._replace(state=FileState.MISSING)
        return difference

    def _is_absent(self, pair: Pair) -> bool:
        """Whether a path on one side only is there because a part of the directory is here."""
        if pair.entry is None:
            return self._tree.is_folder_of_absent(pair, self._pages)
        if pair.found is not None or self._tree.wants(pair.path):
            return False
        if pair.entry.kind != "directory":
            self._absent.files += 1
            self._absent.size_bytes += pair.entry.size
        return True

    def finish(self) -> Iterator[Difference]:
        """Hash what is left, and save what was learnt."""
        yield from self._hash_unsure()
        self._ids.save()

    def _known(self, path: str, found: WalkEntry) -> bytes | None:
        if found.kind != "symlink":
            return self._id_of(path, found)
        try:
            return hash_bytes(os.fsencode(os.readlink(self._project.repository.absolute(path))))
        except OSError:
            return None

    def _hash_unsure(self) -> Iterator[Difference]:
        project, unsure, refused = self._project, self._unsure, self._tree.refused
        self._unsure = {}
        to_hash = [(path, pair.found) for path, pair in unsure.items() if pair.found is not None]
        for path, found, content_id in self._ids.hash_all(
            to_hash, jobs=project.jobs, reporter=project.reporter, refused=refused
        ):
            pair = unsure.pop(path)
            if pair.entry is None or content_id != pair.entry.id:
                yield Difference(path, FileState.MODIFIED, pair.entry, found, pair.offset, content_id)
        self._tree.hidden.extend(unsure)


def _seen_difference(pair: Pair) -> Difference | None:
    """The difference that shows without looking at contents."""
    path, offset, entry, found = pair
    if entry is None:
        return Difference(path, FileState.UNTRACKED, None, found, offset)
    if found is None:
        return Difference(path, FileState.DELETED, entry, None, offset)
    if is_other_kind(entry, found) or (entry.size != found.size and entry.kind != "directory"):
        return Difference(path, FileState.MODIFIED, entry, found, offset)
    return None


def is_other_kind(entry: Entry, found: WalkEntry, *, ignores_mode: bool = _IGNORES_MODE) -> bool:
    """Whether a path is, for example, a symlink here and a file in the manifest. Windows has no executable bit."""
    if entry.kind == found.kind:
        return False
    return not (ignores_mode and {entry.kind, found.kind} == {"file", "executable"})
