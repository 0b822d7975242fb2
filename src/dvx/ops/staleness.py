"""Files that are older than their pointer: what is left in the workspace when Git moved a pointer on.

After `git pull` or `git switch`, a pointer may name a newer version than the one checked out. Adding the
workspace as it is would put the older version back, and with it undo somebody's change.
"""

from collections.abc import Iterable

from dvx.core.errors import DataMissing, DvxError, FormatError, IntegrityError, WorkspaceConflict, name_some
from dvx.core.shell_words import quote_all
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import diff_manifests
from dvx.ops.content import ContentIds
from dvx.ops.differences import is_other_kind
from dvx.ops.parts import last_root, names_to_pull
from dvx.ops.project import Project
from dvx.ops.trees import Tree, stat_entry
from dvx.store.page_reader import PageReader


def stale_paths(project: Project, tree: Tree, pages: PageReader) -> set[str]:
    """The paths of a tree that are in the workspace as they were in the version that was there last.

    Looks only at paths in which that version and the pointer differ.
    """
    older = _older_entries(project, tree, pages)
    return _unchanged_since(project, tree, older) if older else set()


def unmoved_paths(project: Project, tree: Tree, pages: PageReader, paths: Iterable[str]) -> set[str]:
    """Those of `paths` in which the pointer says what the version in the workspace said, though others moved.

    Empty where the pointer did not move at all.
    """
    older = _older_entries(project, tree, pages)
    return {path for path in paths if path not in older} if older else set()


def _older_entries(project: Project, tree: Tree, pages: PageReader) -> dict[str, Entry | None]:
    """What the version that was in the workspace last had at each path in which the pointer differs from it.

    None stands for a path that it did not have. Empty where that version is not known, or its listing is
    nowhere to be had.
    """
    pointer = tree.pointer
    before = last_root(project, tree.path)
    if pointer is None or before is None or before == pointer.id:
        return {}
    if pointer.kind == "file":
        # Neither size nor mode of the older file is known; its content is enough to tell it.
        return {tree.path: Entry(tree.path, "file", -1, before)}
    older: dict[str, Entry | None] = {}
    try:
        for old, new in diff_manifests(before, pointer.id, pages.for_root(before, pointer.id)):
            entry = old or new
            assert entry is not None
            older[f"{tree.path}/{entry.path}"] = old
    except (DataMissing, FormatError, IntegrityError):
        return {}
    return older


def _unchanged_since(project: Project, tree: Tree, older: dict[str, Entry | None]) -> set[str]:
    stale: set[str] = set()
    to_compare: dict[str, tuple[Entry, WalkEntry]] = {}
    for path, old in older.items():
        try:
            found = stat_entry(project.repository.absolute(path), path)
        except DvxError:
            continue  # a walk of the tree tells what is wrong with it
        if found is None:
            if old is None and tree.counts(path):
                stale.add(path)
        elif old is not None and (
            old.size < 0 or not is_other_kind(old, found, ignores_mode=tree.ignores_mode)
        ):
            to_compare[path] = old, found
    ids = ContentIds(project.stat_cache, tree.root, tree.path)
    unsure: list[tuple[str, WalkEntry]] = []
    for path, (old, found) in to_compare.items():
        known = ids.known(path, found)
        if known == old.id or found.kind == "directory":
            stale.add(path)
        elif known is None:
            unsure.append((path, found))
    hashed = ids.hash_all(unsure, jobs=project.jobs, reporter=project.reporter, refused=tree.refused)
    for path, _, content_id in hashed:
        if content_id == to_compare[path][0].id:
            stale.add(path)
    ids.save()
    return stale


def check_not_stale(project: Project, trees: Iterable[Tree]) -> None:
    """Raise WorkspaceConflict if adding one of these trees would put older versions of files back."""
    with project.pages() as pages:
        for tree in trees:
            stale = sorted(stale_paths(project, tree, pages))
            if stale:
                raise WorkspaceConflict(
                    f"the pointer of `{tree.path}` is newer than the workspace: {len(stale)} path(s) are still as "
                    f"they were before: {name_some(stale)}",
                    affected="nothing was added; adding them would undo what the newer pointer says",
                    hints=[
                        f"bring the workspace up to date, which keeps your own changes: "
                        f"`dvx pull {quote_all(names_to_pull(tree.path, tree.wanted))}`",
                        f"or put the older version back on purpose: `dvx add --force {quote_all([tree.path])}`",
                    ],
                    kind="stale-workspace",
                )
