"""Which paths below a tracked directory ignore rules leave out: as in Git, only what is not tracked.

Owns the question whether a version of the directory has something at a path. Must not walk the workspace.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from dvx.core.errors import DataMissing
from dvx.formats.manifest_reader import PageRef, PageTree, ReadPages

Ignore = Callable[[str, bool], bool]

# Questions come folder by folder, in no order within one; most folders are in a few leaves.
_LEAVES_KEPT: Final = 16


class UntrackedOnly:
    """Ignore rules that do not apply to what one of some versions has, nor to what lies above it."""

    def __init__(self, rules: Ignore, versions: "Sequence[VersionPaths]") -> None:
        """`versions` are read only for paths that the rules match."""
        self._rules = rules
        self._versions = versions

    def __call__(self, path: str, is_dir: bool) -> bool:
        """Whether a path relative to the directory is left out."""
        return self._rules(path, is_dir) and not any(version.has(path) for version in self._versions)

    def applies_to_empty(self, folder: str) -> bool:
        """Whether a folder in which nothing is tracked any more is left out; see walk_tree."""
        return self._rules(folder, True) and not any(version.has_entry(folder) for version in self._versions)

    def applies_in(self, folder: str) -> bool:
        """Whether any rule says something about entries of a folder; see walk_tree."""
        applies_in = getattr(self._rules, "applies_in", None)
        return applies_in is None or bool(applies_in(folder))


class RulesBelow:
    """Ignore rules of a directory, for a walk of a folder in it."""

    def __init__(self, rules: Ignore, folder: str) -> None:
        """`folder` is relative to the directory."""
        self._rules = rules
        self._prefix = folder + "/"

    def __call__(self, path: str, is_dir: bool) -> bool:
        """Whether a path relative to the folder is left out."""
        return self._rules(self._prefix + path, is_dir)

    def applies_to_empty(self, folder: str) -> bool:
        """See UntrackedOnly."""
        applies_to_empty = getattr(self._rules, "applies_to_empty", None)
        return applies_to_empty is not None and bool(applies_to_empty(self._prefix + folder))


class VersionPaths:
    """The paths of one version of a directory. Reads the leaves that it is asked about, and keeps a few of them."""

    def __init__(self, root: bytes, read_pages: ReadPages) -> None:
        """Read nothing yet."""
        self._root = root
        self._read_pages = read_pages
        self._refs: list[PageRef] | None = None
        self._last_paths: list[str] = []
        self._leaves: OrderedDict[bytes, list[str]] = OrderedDict()

    def has(self, path: str) -> bool:
        """Whether there is an entry at a path or below it; False where the listing is nowhere to be had.

        Raises FormatError for a bad page and IntegrityError, as walk_entries.
        """
        below = path + "/"
        return self.has_entry(path) or self._first_from(below).startswith(below)

    def has_entry(self, path: str) -> bool:
        """Whether there is an entry at a path. As `has`."""
        return self._first_from(path) == path

    def _first_from(self, path: str) -> str:
        """The first path that is `path` or sorts after it; "" where there is none."""
        try:
            if self._refs is None:
                self._refs = self._find_leaves()
            number = bisect_left(self._last_paths, path)
            if number == len(self._refs):
                return ""
            paths = self._paths_of(self._refs[number])
        except DataMissing:
            return ""  # whoever compares with this version is told when it reads the listing
        return paths[bisect_left(paths, path)]

    def _find_leaves(self) -> list[PageRef]:
        tree = PageTree(self._read_pages)
        refs = list(tree.leaf_refs([PageRef(self._root)]))
        if len(refs) == 1 and refs[0].told is None:
            # A root that is a leaf: nothing above it says how far it goes.
            paths = self._paths_of(refs[0])
            self._last_paths = paths[-1:]
            return refs if paths else []
        self._last_paths = [ref.told.last_path for ref in refs if ref.told is not None]
        return refs

    def _paths_of(self, ref: PageRef) -> list[str]:
        paths = self._leaves.get(ref.id)
        if paths is None:
            # A reader of its own for each leaf: it refuses leaves that do not come in path order.
            ((_, leaf),) = PageTree(self._read_pages).leaves([ref], lambda _: True)
            paths = self._leaves[ref.id] = [entry.path for entry in leaf.entries]
            if len(self._leaves) > _LEAVES_KEPT:
                self._leaves.popitem(last=False)
        else:
            self._leaves.move_to_end(ref.id)
        return paths
