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
    """Yield the differences of one tree. Files whose state is not in the cache are hashed, last.

    A file of another size is modified without being read. Ids found on the way are remembered.
    """
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    unsure: dict[str, Pair] = {}
    for pair in tree.pairs(pages):
        difference = _judge(pair, ids)
        if difference is not None:
            yield difference
        elif _must_hash(pair, ids):
            unsure[pair.path] = pair
    to_hash = ((path, pair.found) for path, pair in unsure.items() if pair.found is not None)
    for path, found, content_id in ids.hash_all(to_hash, jobs=project.jobs, reporter=project.reporter):
        pair = unsure[path]
        if pair.entry is None or content_id != pair.entry.id:
            yield Difference(path, FileState.MODIFIED, pair.entry, found, pair.offset, content_id)
    ids.save()


def _judge(pair: Pair, ids: ContentIds) -> Difference | None:
    path, offset, entry, found = pair
    if entry is None:
        return Difference(path, FileState.UNTRACKED, None, found, offset)
    if found is None:
        return Difference(path, FileState.DELETED, entry, None, offset)
    if is_other_kind(entry, found) or (entry.size != found.size and entry.kind != "directory"):
        return Difference(path, FileState.MODIFIED, entry, found, offset)
    known = ids.known(path, found)
    if known is not None and known != entry.id:
        return Difference(path, FileState.MODIFIED, entry, found, offset, known)
    return None


def _must_hash(pair: Pair, ids: ContentIds) -> bool:
    entry, found = pair.entry, pair.found
    if entry is None or found is None or entry.kind == "directory":
        return False
    return ids.known(pair.path, found) is None


def is_other_kind(entry: Entry, found: WalkEntry) -> bool:
    """Whether a path is, for example, a symlink here and a file in the manifest. Windows has no executable bit."""
    if entry.kind == found.kind:
        return False
    return not (_IGNORES_MODE and {entry.kind, found.kind} == {"file", "executable"})
