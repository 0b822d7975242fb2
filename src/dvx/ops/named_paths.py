"""Some paths below a tracked directory: what is there, and which stretches of a manifest they can be in.

Owns what a whole walk would show of these paths alone: nothing that is ignored, or behind a symlink. Must not read a
manifest.
"""

import heapq
import os
import stat
from bisect import bisect_right
from collections.abc import Collection, Iterator

from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.disk.walk import WalkEntry
from dvx.ops.tracked_paths import Ignore
from dvx.ops.trees import Tree, outermost


def is_at_or_below(path: str, names: Collection[str]) -> bool:
    """Whether a path is one of `names` (a set), or below one."""
    while path:
        if path in names:
            return True
        path = path.rpartition("/")[0]
    return False


class NamedPaths:
    """The named paths of one tree."""

    def __init__(self, tree: Tree, names: Collection[str], *, ignore: Ignore | None) -> None:
        """`names` are relative to the repository and below the tree; `ignore` says what a walk leaves out."""
        self._tree = tree
        self._ignore = ignore
        self._parts = outermost(name[len(tree.path) + 1 :] for name in names)
        # Where paths sort that are named: the path itself, and all below it ("0" follows "/").
        ranges = [(part, part) for part in self._parts]
        ranges += [(part + "/", part + "0") for part in self._parts]
        # A file or an empty folder of the version before that stood where a folder is now.
        ranges += [(path, path) for path in self._folders()]
        ranges.sort()
        self._lows = [low for low, _ in ranges]
        self._highs = [high for _, high in ranges]

    def folders(self) -> frozenset[str]:
        """The folders, relative to the repository, between the tree and what a walk finds of the named paths."""
        return frozenset(f"{self._tree.path}/{path}" for path in self._folders())

    def _folders(self) -> set[str]:
        found: set[str] = set()
        for part in self._parts:
            names = part.split("/")[:-1]
            if names and self._is_in_walk(part):
                found.update("/".join(names[:depth]) for depth in range(1, len(names) + 1))
        return found

    def ignored(self) -> list[str]:
        """The named paths, relative to the repository, that are there and left out by the rules."""
        if self._ignore is None:
            return []
        there = [part for part in self._parts if os.path.lexists(os.path.join(self._tree.absolute, part))]
        return [f"{self._tree.path}/{part}" for part in there if self._is_ignored(part)]

    def is_within(self, after: str, last: str) -> bool:
        """Whether a named path, relative to the tree, can sort after `after` and not after `last`."""
        number = bisect_right(self._lows, last)
        return number > 0 and after < self._highs[number - 1]

    def walk(self) -> Iterator[tuple[str, WalkEntry]]:
        """(path relative to the repository, what is there) in path order. Raises as Tree.walk."""
        walks = [self._tree.walk_part(part, self._ignore) for part in self._parts if self._is_in_walk(part)]
        return heapq.merge(*walks, key=lambda item: item[0])

    def _is_in_walk(self, part: str) -> bool:
        """Whether a walk of the whole tree would come to `part`, if it is there."""
        names = part.split("/")
        if any(name == ".git" or name.startswith(TEMPORARY_PREFIX) for name in names):
            return False
        above = ("/".join(names[:depth]) for depth in range(1, len(names)))
        if not all(_is_real_folder(os.path.join(self._tree.absolute, path)) for path in above):
            return False
        return not self._is_ignored(part)

    def _is_ignored(self, part: str) -> bool:
        """Whether the rules leave out `part`, or a folder above it."""
        if self._ignore is None:
            return False
        names = part.split("/")
        places = ("/".join(names[:depth]) for depth in range(1, len(names) + 1))
        return any(
            self._ignore(path, _is_real_folder(os.path.join(self._tree.absolute, path))) for path in places
        )


def _is_real_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
