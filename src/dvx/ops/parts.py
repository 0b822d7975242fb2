"""Which files of a tracked directory are here, so that one that is missing was deleted, and which never were.

Owns the reading of extents together with the stat cache, and what adds and checkouts make of them. Must not walk the
workspace.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dvx.formats.pointer import KIND_DIRECTORY, Pointer
from dvx.repo.extents import Extent

if TYPE_CHECKING:
    from dvx.ops.project import Project
    from dvx.ops.trees import Tree


# More names than this on one command line help nobody.
_NAMES_TYPED: Final = 5


@dataclass(slots=True)
class Absent:
    """What a comparison came across that is not here: files and their plain bytes."""

    files: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a directory that matters, over paths relative to it.

    What `has` accepts was here, so that it was deleted if it is missing; what only `wants` accepts has yet to come.
    `wanted` names the part as targets do.
    """

    has: Callable[[str], bool]
    wants: Callable[[str], bool]
    wanted: tuple[str, ...] = ()


def _nothing(_: str) -> bool:
    return False


def _everything(_: str) -> bool:
    return True


def known_extent(project: "Project", path: str) -> Extent | None:
    """What is wanted of a directory; None where nothing is known.

    Before there were extents, only a directory that was here as a whole had a root in the stat cache.
    """
    extent = project.extents.get(path)
    if extent is None and not project.extents.is_damaged:
        root = project.stat_cache.get_root(path)
        return Extent(root, is_whole=True) if root is not None else None
    return extent


def part_here(project: "Project", path: str) -> Part | None:
    """The part of a directory that was brought here. None for all of it."""
    extent = known_extent(project, path)
    if extent is None:
        return Part(_nothing, _everything)
    wants = extent.matcher()
    if extent.root is None:
        return Part(_nothing, wants, extent.wanted)
    return None if extent.is_whole else Part(wants, wants, extent.wanted)


def part_wanted(project: "Project", path: str) -> Part | None:
    """The part of a directory that has to be here: what a checkout brings that does not name it. None for all of it."""
    extent = known_extent(project, path)
    if extent is None or extent.is_whole:
        return None
    wants = extent.matcher()
    return Part(wants, wants, extent.wanted)


def names_to_pull(path: str, wanted: Sequence[str]) -> list[str]:
    """What to type to get a directory, or the part of it that is `wanted`, as long as that can be typed."""
    if not wanted or len(wanted) > _NAMES_TYPED:
        return [path]
    return [f"{path}/{inner}" for inner in wanted]


def last_root(project: "Project", path: str) -> bytes | None:
    """The version that was last brought to, or added from, the workspace at a tracked path."""
    extent = project.extents.get(path)
    if extent is not None and not extent.is_whole:
        return extent.root
    return project.stat_cache.get_root(path) or (extent.root if extent is not None else None)


def last_roots(project: "Project") -> dict[str, bytes]:
    """`last_root` of every path that has one."""
    roots = {path: extent.root for path, extent in project.extents.items() if extent.root is not None}
    parts = {path for path, extent in project.extents.items() if not extent.is_whole}
    return roots | {path: root for path, root in project.stat_cache.roots().items() if path not in parts}


def note_gone(project: "Project", paths: Iterable[str]) -> None:
    """Note that data is gone with its pointer; when this comes back, as much is wanted as was here."""
    changes: dict[str, Extent | None] = {}
    for path in paths:
        project.stat_cache.forget(path)
        extent = project.extents.get(path)
        changes[path] = None if extent is None or extent.is_whole else replace(extent, root=None)
    project.extents.update(changes)


def extents_of_move(project: "Project", source: str, target: str) -> dict[str, Extent]:
    """What is known of a directory at another path, which its data is given."""
    extent = known_extent(project, source)
    return {target: extent} if extent is not None else {}


# What an add makes of it


def note_extents(project: "Project", extents: Mapping[str, Extent | None]) -> None:
    """Remember what of directories is here; None forgets.

    The stat cache knows whole directories alone: where the extents are lost, it must not take a part for one.
    """
    for path, extent in extents.items():
        if extent is not None and (not extent.is_whole or extent.root is None):
            project.stat_cache.forget_root(path)
    project.extents.update(extents)
    for path, extent in extents.items():
        if extent is not None and extent.is_whole and extent.root is not None:
            project.stat_cache.set_root(path, extent.root)


def extent_of_add(
    project: "Project",
    path: str,
    *,
    before: Pointer | None,
    root: bytes,
    is_all: bool,
    here: Collection[str],
    kept: int,
) -> Extent:
    """What is here after an add that made `root`.

    `is_all` tells that all of the workspace was looked at, `kept` how many paths are in the new version that are not
    here, `here` names paths that are, and that no pattern matches.
    """
    extent = known_extent(project, path)
    if is_all and not kept:
        return Extent(root, is_whole=True)
    if extent is None:
        extent = Extent(before.id if before is not None else None)
    if extent.is_whole and kept:
        extent = replace(extent, is_whole=False)  # it was being brought here, and not all of it came
    is_new = is_all or (before is not None and extent.root == before.id)
    return replace(extent, root=root if is_new else extent.root, paths=extent.paths | frozenset(here))


# What a checkout makes of it


class CheckoutExtents:
    """The extents of the directories of one checkout: while it goes on, and once it is done."""

    def __init__(self, project: "Project", trees: Iterable[tuple["Tree", bool]]) -> None:
        """`trees` come with whether anything has to be written. Looks at the workspace, so before the first write."""
        self._project = project
        self._before: dict[str, Extent] = {}
        self._after: dict[str, Extent | None] = {}
        for tree, is_writing in trees:
            pointer = tree.pointer
            if pointer is not None and pointer.kind == KIND_DIRECTORY:
                self._plan(tree, pointer.id, is_writing=is_writing)
            elif project.extents.get(tree.path) is not None:
                self._after[tree.path] = None  # it was a directory

    def _plan(self, tree: "Tree", root: bytes, *, is_writing: bool) -> None:
        extent = known_extent(self._project, tree.path)
        is_fresh = _is_empty(tree.absolute)
        if tree.inside:
            if not is_writing and (is_fresh or extent is None):
                return  # a pattern that matches nothing here
            if is_fresh or extent is None:
                extent = Extent(None, patterns=tree.inside)
                self._begin(tree.path, extent, root)
            elif not extent.is_whole:
                # All that is here comes to this version: what another one had is not deleted, but left behind.
                is_all = _are_below((*extent.patterns, *extent.paths), tree.inside)
                brought = replace(extent, root=root) if is_all else extent
                self._after[tree.path] = brought.with_patterns(tree.inside)
            return
        wanted = extent if tree.part is not None and extent is not None else Extent(None, is_whole=True)
        if is_fresh:
            self._before[tree.path] = replace(wanted, root=None)
        self._after[tree.path] = replace(wanted, root=root)

    def _begin(self, path: str, extent: Extent, root: bytes) -> None:
        self._before[path], self._after[path] = extent, replace(extent, root=root)

    @contextmanager
    def during(self, trees: Sequence[str], done: Iterable[str]) -> Iterator[None]:
        """Say what is being brought here, so that nothing that is missing was deleted, and what of it is `done`.

        `trees` are those in which temporary files may be left.
        """
        with self._naming_folders(trees):
            note_extents(self._project, self._before)
            try:
                yield
            finally:
                note_extents(self._project, {path: self._after[path] for path in done if path in self._after})

    def _naming_folders(self, trees: Sequence[str]) -> AbstractContextManager[None]:
        known = self._project.extents
        changes = (*self._before.items(), *self._after.items())
        if not trees and all(known.get(path) == extent for path, extent in changes):
            return nullcontext()
        from dvx.ops.named_folders import naming_folders  # 2 ms that a clean workspace does without

        return naming_folders(self._project, "checkout", trees)


def _are_below(paths: Iterable[str], folders: Iterable[str]) -> bool:
    """Whether each is one of the `folders`, or inside of one, as they are written."""
    return all(any(f"{path}/".startswith(f"{folder}/") for folder in folders) for path in paths)


def _is_empty(folder: str) -> bool:
    """Whether nothing is at a path, or an empty folder: what was there is gone, and a checkout begins anew."""
    try:
        with os.scandir(folder) as listing:
            return next(listing, None) is None
    except (FileNotFoundError, NotADirectoryError):
        return True
