"""Workspace against pointers: which files of a tree differ, and how.

Owns the words for a difference. Reads and hashes as little as it can; must not change anything but the cache.
"""

import os
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.ops.content import ContentIds
from dvx.ops.project import Project
from dvx.ops.trees import Pair, Tree
from dvx.store.page_reader import PageReader

_IGNORES_MODE: Final = os.name == "nt"
# Enough for all cores; a million files without rows in the cache would otherwise be in memory at once.
_UNSURE_AT_ONCE: Final = 8192


class FileState(StrEnum):
    """How a file in the workspace relates to the pointer."""

    MODIFIED = "modified"
    DELETED = "deleted"
    UNTRACKED = "untracked"


class Difference(NamedTuple):
    """One file that is not as the pointer says. `id` is the content id in the workspace where it is known."""

    path: str
    state: FileState
    entry: Entry | None
    found: WalkEntry | None
    offset: int
    id: bytes | None = None


def find_differences(project: Project, tree: Tree, pages: PageReader) -> Iterator[Difference]:
    """Yield the differences of one tree. Files whose state is not in the cache are hashed, many at once.

    A file of another size is modified without being read. Ids found on the way are remembered.
    """
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    unsure: dict[str, Pair] = {}
    for pair in tree.pairs(pages):
        difference = _seen_difference(pair)
        if difference is not None:
            yield difference
            continue
        path, offset, entry, found = pair
        if entry is None or found is None or entry.kind == "directory":
            continue
        known = ids.known(path, found)
        if known is None:
            unsure[path] = pair
            if len(unsure) >= _UNSURE_AT_ONCE:
                yield from _hash_unsure(project, ids, unsure)
                unsure = {}
        elif known != entry.id:
            yield Difference(path, FileState.MODIFIED, entry, found, offset, known)
    yield from _hash_unsure(project, ids, unsure)
    ids.save()


def _hash_unsure(project: Project, ids: ContentIds, unsure: dict[str, Pair]) -> Iterator[Difference]:
    to_hash = ((path, pair.found) for path, pair in unsure.items() if pair.found is not None)
    for path, found, content_id in ids.hash_all(to_hash, jobs=project.jobs, reporter=project.reporter):
        pair = unsure[path]
        if pair.entry is None or content_id != pair.entry.id:
            yield Difference(path, FileState.MODIFIED, pair.entry, found, pair.offset, content_id)


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


def is_other_kind(entry: Entry, found: WalkEntry) -> bool:
    """Whether a path is, for example, a symlink here and a file in the manifest. Windows has no executable bit."""
    if entry.kind == found.kind:
        return False
    return not (_IGNORES_MODE and {entry.kind, found.kind} == {"file", "executable"})
