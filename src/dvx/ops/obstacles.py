"""What is in the way of a checkout: contents that are stored elsewhere, and somebody's work.

Owns the rule that a file is given up only if a store is known to hold a version with exactly its content at that
path. Must not write or remove anything.
"""

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain

from dvx.core.errors import BackendError, DataMissing, DvxError, FormatError, IntegrityError
from dvx.disk.atomic import disk_errors
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import diff_manifests, find_entries
from dvx.formats.placement import Placement
from dvx.formats.pointer import KIND_DIRECTORY, Pointer
from dvx.ops.content import ContentIds
from dvx.ops.differences import Difference, FileState, find_differences
from dvx.ops.parts import last_root
from dvx.ops.project import Project
from dvx.ops.sources import has_spans, incomplete_records, stored_placements
from dvx.ops.trees import Tree
from dvx.repo.pointers import pointer_path_of
from dvx.repo.recent_pointers import committed_pointers, older_roots
from dvx.store.page_reader import PageReader

# Versions of the history that are looked at when the last known ones do not explain a file: each costs two Git
# commands (6 ms) and reading the pages in which it differs.
_OLDER_VERSIONS = 10


@dataclass(slots=True)
class Obstacles:
    """Paths to remove before the checkout writes, in path order, with what was seen there; and paths that must stay."""

    remove: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    seen: dict[str, WalkEntry] = field(default_factory=dict)


class ObstacleJudge:
    """Judges what differs from one tree. `remote_name` is asked only about roots that are not stored locally."""

    def __init__(self, project: Project, tree: Tree, pages: PageReader, *, remote_name: str | None) -> None:
        """Look at nothing yet."""
        assert tree.pointer is not None
        self._project = project
        self._tree = tree
        self._pointer = tree.pointer
        self._pages = pages
        self._remote_name = remote_name
        self._asked: set[bytes] = set()
        self._stored: dict[str, set[bytes]] = {}
        self._folders: dict[bytes, Placement] = {}
        self._suspects: Set[str] = frozenset()

    def judge(
        self, suspects: Sequence[Difference], *, written: Iterable[str], folders: Iterable[str], force: bool
    ) -> Obstacles:
        """Sort paths that are not as the pointer says; `written` and `folders` are what the checkout makes.

        `written` is read once, and may be long: only what concerns the suspects is held.
        """
        found = Obstacles()
        if not suspects:
            return found
        top = suspects[0]
        if self._pointer.kind == "file" and top.found is not None and top.found.kind == "directory":
            return self._judge_whole_folder(force=force)
        paths = {item.path for item in suspects}
        written, needed = _concerning(paths, written=written, folders=folders)
        if self._pointer.kind == "directory":
            needed.add(self._tree.path)
        self._suspects = paths
        self._learn_recent()
        open_items = self._sort(suspects, found, written=written, needed=needed)
        # Without the last version the history also tells which files that version has left behind.
        is_lost = last_root(self._project, self._tree.path) is None
        if open_items and (is_lost or any(self._is_in_the_way(item, written, needed) for item in open_items)):
            self._learn_history()
            open_items = self._sort(open_items, found, written=written, needed=needed)
        for item in open_items:
            if self._is_in_the_way(item, written, needed):
                (found.remove if force else found.conflicts).append(item.path)
        if force:
            replaced = {item.path for item in suspects if item.path in written}
            found.remove = [path for path in found.remove if path not in replaced]
        found.remove.sort()
        removed = set(found.remove)
        found.seen = {item.path: item.found for item in suspects if item.found and item.path in removed}
        return found

    def _is_in_the_way(self, item: Difference, written: Set[str], needed: Set[str]) -> bool:
        if item.state is FileState.MODIFIED or item.path in needed:
            return True
        return any(folder in written for folder in _parents(item.path))

    def _sort(
        self, items: Sequence[Difference], found: Obstacles, *, written: Set[str], needed: Set[str]
    ) -> list[Difference]:
        """Note what can go; return the rest."""
        empty = {item.path for item in items if _is_empty_folder(self._tree, item)}
        ids = self._ids_of(item for item in items if item.path not in empty and self._could_be_stored(item))
        rest = []
        for item in items:
            if item.path in empty:
                is_free = item.path in self._stored or self._is_in_the_way(item, written, needed)
            else:
                is_free = self._is_stored(item, ids.get(item.path))
            if not is_free:
                rest.append(item)
            elif item.path not in written and item.path not in empty & needed:
                # A file that is written over its old version needs no removal.
                found.remove.append(item.path)
        return rest

    def _could_be_stored(self, item: Difference) -> bool:
        same_size = item.entry and item.found and item.entry.size == item.found.size
        return bool(same_size) or item.path in self._stored

    def _is_stored(self, item: Difference, content_id: bytes | None) -> bool:
        if content_id is None:
            return False
        if item.entry is not None and content_id == item.entry.id and item.entry.kind != "directory":
            return True  # only its mode or kind is wrong; the same bytes are written again
        return content_id in self._stored.get(item.path, ())

    # Versions that are stored

    def _learn_recent(self) -> None:
        """The version that was last added or checked out here, and those of HEAD and of the staging area."""
        roots = [pointer.id for pointer in committed_pointers(self._project.git, self._tree.path)]
        expected = last_root(self._project, self._tree.path)
        self._learn([*([expected] if expected is not None else []), *roots])

    def _learn_history(self) -> None:
        """The newest versions that any branch has: where the caches are lost, or only a part was checked out."""
        path = pointer_path_of(self._tree.path)
        self._learn(older_roots(self._project.git, path, limit=_OLDER_VERSIONS, all_refs=True))

    def _learn(self, roots: Iterable[bytes]) -> None:
        asked = [root for root in dict.fromkeys(roots) if root not in self._asked]
        self._asked.update(asked)
        found = stored_placements(self._project, asked, remote_name=self._remote_name)
        for root, placement in found.items():
            if placement.kind == "file":
                self._stored.setdefault(self._tree.path, set()).add(root)
            else:
                self._folders[root] = placement
                self._learn_folder(root)
        rest = [root for root in asked if root not in found] if self._pointer.kind == KIND_DIRECTORY else []
        for root, placement in (incomplete_records(self._project, rest) if rest else {}).items():
            self._learn_part(root, placement)

    def _learn_part(self, root: bytes, placement: Placement) -> None:
        """Learn which suspects a version has of which the local store has a part."""
        names = [path[len(self._tree.path) + 1 :] for path in self._suspects if path != self._tree.path]
        try:
            for offset, entry in self._entries_of(root, names):
                if has_spans(self._project, placement, [(offset, offset + entry.size)]):
                    self._stored.setdefault(f"{self._tree.path}/{entry.path}", set()).add(entry.id)
        except (BackendError, DataMissing, FormatError, IntegrityError):
            return  # as below

    def _entries_of(self, root: bytes, names: Iterable[str]) -> Iterator[tuple[int, Entry]]:
        read = self._pages.for_root(root)
        for name in names:
            yield from (item for item in find_entries(root, read, name) if item[1].path == name)

    def _learn_folder(self, root: bytes) -> None:
        if self._pointer.kind != "directory" or root == self._pointer.id:
            return
        new_root = self._pointer.id
        try:
            for old, _ in diff_manifests(root, new_root, self._pages.for_root(root, new_root)):
                if old is not None:
                    self._stored.setdefault(f"{self._tree.path}/{old.path}", set()).add(old.id)
        except (BackendError, DataMissing, FormatError, IntegrityError):
            return  # a version whose listing cannot be read proves nothing

    # A folder where a tracked file belongs

    def _judge_whole_folder(self, *, force: bool) -> Obstacles:
        tree = Tree(self._tree.root, self._tree.path, Pointer("directory", self._pointer.id, 0, 0, {}))
        everything = dict(tree.walk(None))
        work = [path for path in everything if path != self._tree.path]
        for learn in (self._learn_recent, self._learn_history):
            if work and not force:
                learn()
                work = min((self._work_beyond(root) for root in self._folders), key=len, default=work)
        if work and not force:
            return Obstacles(conflicts=work)
        return Obstacles(sorted(path for path in everything if path != self._tree.path), [], everything)

    def _work_beyond(self, root: bytes) -> list[str]:
        """What the folder has that a stored version of it does not; ignored files count too."""
        size = self._folders[root].size
        tree = Tree(self._tree.root, self._tree.path, Pointer("directory", root, size, 0, {}))
        return [
            item.path
            for item in find_differences(self._project, tree, self._pages)
            if item.found is not None and not _is_empty_folder(tree, item)
        ]

    def _ids_of(self, items: Iterable[Difference]) -> dict[str, bytes | None]:
        known: dict[str, bytes | None] = {}
        unknown = []
        ids = ContentIds(self._project.stat_cache, self._tree.root, self._tree.path)
        for item in items:
            if item.found is None or item.found.kind == "directory":
                continue
            known[item.path] = ids.surely_known(item.path, item.found)
            if known[item.path] is None:
                unknown.append((item.path, item.found))
        unreadable: dict[str, DvxError] = {}  # without an id nothing says that they are stored
        hashed = ids.hash_all(
            unknown, jobs=self._project.jobs, reporter=self._project.reporter, refused=unreadable
        )
        known.update((path, content_id) for path, _, content_id in hashed)
        ids.save()
        return known


def _concerning(
    paths: Set[str], *, written: Iterable[str], folders: Iterable[str]
) -> tuple[set[str], set[str]]:
    """Of what a checkout makes: files that are, or lie above, one of `paths`; and folders that are one of them."""
    places = {*paths, *chain.from_iterable(map(_parents, paths))}
    files: set[str] = set()
    needed: set[str] = set()
    seen = ""
    for path in written:
        if path in places:
            files.add(path)
        folder = path.rpartition("/")[0]
        if folder != seen:
            seen = folder
            needed.update(above for above in _parents(path) if above in paths)
    for folder in folders:
        needed.update(above for above in (folder, *_parents(folder)) if above in paths)
    return files, needed


def _is_empty_folder(tree: Tree, item: Difference) -> bool:
    if item.found is None or item.found.kind != "directory":
        return False
    with disk_errors(item.path, "list"), os.scandir(os.path.join(tree.root, item.path)) as listing:
        return next(listing, None) is None


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
