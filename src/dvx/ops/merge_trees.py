"""Merging two versions of a tracked directory into a third one, from their listings.

Owns the two passes over the listings and the order pages, bytes, record. Data is read only where a version is not
in the local store: then the ranges of its files that the merged version needs are fetched. Must not write
pointers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dvx.formats.manifest import Entry
from dvx.formats.manifest_merge import (
    Choose,
    Patch,
    PathChange,
    PathConflict,
    TreeDecisions,
    decide,
    find_changes,
    find_patches,
    locator,
)
from dvx.formats.manifest_patch import patch_manifest
from dvx.formats.pointer import KIND_DIRECTORY, Pointer
from dvx.formats.three_way import Side
from dvx.ops.far_packs import record_root
from dvx.ops.merge_sources import merged_runs
from dvx.ops.project import Project
from dvx.store.manifests import ManifestWriter
from dvx.store.page_reader import PageReader
from dvx.store.translate import RootData


@dataclass(frozen=True, slots=True)
class TreeSides:
    """The versions of one directory; `base` is None where both sides added it. `path` is for messages."""

    path: str
    base: Pointer | None
    ours: Pointer
    theirs: Pointer


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The merged directory: a pointer without other keys, or the conflicts that nobody decided."""

    pointer: Pointer | None
    conflicts: list[PathConflict]


def merge_trees(project: Project, sides: TreeSides, choose: Choose) -> MergedTree:
    """Merge; when nothing is left to decide, everything that the merged pointer names is in the local store.

    Raises DataMissing where a listing, or data that the merged version needs, is nowhere to be had.
    """
    with project.pages() as pages:
        decisions = decide(_changes(sides, pages), choose)
    if decisions.conflicts:
        return MergedTree(None, decisions.conflicts)
    return MergedTree(_write(project, sides, decisions, choose), [])


def _changes(sides: TreeSides, pages: PageReader) -> Iterator[PathChange]:
    roots = [pointer.id for pointer in (sides.ours, sides.theirs, sides.base) if pointer is not None]
    base = sides.base.id if sides.base is not None else None
    return find_changes(base, sides.ours.id, sides.theirs.id, pages.for_root(*roots))


class _FileCount:
    """Counts what patches do to the number of files."""

    def __init__(self, files: int) -> None:
        self.files = files

    def watch(self, patches: Iterator[Patch]) -> Iterator[Patch]:
        for patch in patches:
            self.files += _is_file(patch.entry) - _is_file(patch.old)
            yield patch


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.kind != "directory"


def _write(project: Project, sides: TreeSides, decisions: TreeDecisions, choose: Choose) -> Pointer:
    count = _FileCount(sides.ours.files or 0)
    writer = ManifestWriter(project.local)
    try:
        # A second reader: pages that the first pass fetched are readable once it has closed its pack.
        with project.pages() as pages:
            locate = locator(sides.theirs.id, pages.for_root(sides.theirs.id))
            patches = count.watch(find_patches(_changes(sides, pages), decisions, choose, locate))
            read = pages.for_root(sides.ours.id, sides.theirs.id)
            pieces = list(patch_manifest(sides.ours.id, patches, read, writer))
        merged = merged_runs(project, {Side.OURS: sides.ours, Side.THEIRS: sides.theirs}, pieces, sides.path)
        written = writer.finish()
    finally:
        writer.close()
    data = RootData(written.root, KIND_DIRECTORY, written.size)
    record_root(project, data, runs=merged.runs, pages=written.page_packs, far=merged.far)
    return Pointer(KIND_DIRECTORY, written.root, written.size, count.files)
