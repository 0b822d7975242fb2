"""Whether a tracked directory has changes of its own, without hashing more than a given number of bytes.

Owns what counts as a change: a file that is neither as the pointer says nor as the version that was there last.
Must not ask a remote.
"""

from collections.abc import Iterator
from dataclasses import replace

from dvx.core.errors import DataMissing
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.ops.content import ContentIds
from dvx.ops.differences import is_other_kind
from dvx.ops.project import Project
from dvx.ops.selection import trees_of
from dvx.ops.staleness import stale_paths
from dvx.ops.trees import Tree
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target
from dvx.store.page_reader import PageReader


class _TooMuchError(Exception):
    """More bytes would have to be hashed than allowed."""


def folder_differs(
    project: Project, item: TrackedPointer, *, at_most_bytes: int, is_whole: bool = False
) -> tuple[int, bool | None]:
    """Return the bytes that were hashed, and whether anything changed; None where that takes too much hashing.

    What never was here is no change, unless the directory has to be here as a whole (`is_whole`). A directory whose
    listing is not in the local store was never here as this version: no change.
    """
    hashed = [0]
    with project.local_pages() as pages:
        (tree,) = trees_of(project, [Target(item)])
        tree = replace(tree, part=None) if is_whole else tree
        stale: set[str] | None = None
        try:
            for path in _differing(project, tree, pages, at_most_bytes, hashed):
                if stale is None:
                    stale = stale_paths(project, tree, pages)
                if path not in stale:
                    return hashed[0], True
        except DataMissing:
            return hashed[0], False
        except _TooMuchError:
            return hashed[0], None
    return hashed[0], False


def _differing(
    project: Project, tree: Tree, pages: PageReader, at_most_bytes: int, hashed: list[int]
) -> Iterator[str]:
    """Yield the paths that are not as the pointer says: those that show at once first, then those to be hashed."""
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    unsure: dict[str, tuple[WalkEntry, Entry]] = {}
    for pair in tree.pairs(pages):
        path, _, entry, found = pair
        if entry is None:
            if not tree.is_folder_of_absent(pair, pages):
                yield path
        elif found is None:
            if tree.counts(path) and not tree.hides(path):
                yield path
        elif is_other_kind(entry, found) or (entry.size != found.size and entry.kind != "directory"):
            yield path
        elif entry.kind != "directory":
            known = ids.known(path, found)
            if known is None:
                unsure[path] = found, entry
            elif known != entry.id:
                yield path
    hashed[0] = sum(found.size for found, _ in unsure.values())
    if hashed[0] > at_most_bytes:
        raise _TooMuchError
    files = ((path, found) for path, (found, _) in unsure.items())
    hashed_files = ids.hash_all(files, jobs=project.jobs, reporter=project.reporter, refused=tree.refused)
    for path, _, content_id in hashed_files:
        if content_id != unsure[path][1].id:
            yield path
    ids.save()
