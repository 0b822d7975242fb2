"""Which paths an add is about: what was typed, checked against Git, the file system and what is tracked.

Owns every refusal of `dvx add` that can be known before data is read. Must not read data or write anything.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from dvx.core.errors import (
    DvxError,
    NotFound,
    PathRefused,
    UnsupportedVersion,
    WorkspaceConflict,
    name_some,
)
from dvx.core.paths import check_stored_path
from dvx.core.shell_words import quote, quote_all
from dvx.disk.glob_walk import expand_glob
from dvx.formats.pointer import KIND_DIRECTORY, Pointer
from dvx.ops.git_checks import check_git
from dvx.ops.leaf_parts import LeafPart, LeafToCompare
from dvx.ops.leaf_walk import is_walked_by_leaf, walk_leaves, walk_named
from dvx.ops.named_paths import NamedPaths, is_at_or_below
from dvx.ops.page_marks import PageMarks
from dvx.ops.parts import Part, last_root, part_here
from dvx.ops.project import Project
from dvx.ops.selection import check_named, trees_of, workspace_pointers
from dvx.ops.staleness import check_not_stale
from dvx.ops.tracked_paths import Ignore
from dvx.ops.trees import Pair, Tree, with_modes_of_entries
from dvx.repo.ignore import load_ignore
from dvx.repo.pointers import TrackedPointer
from dvx.repo.sparse import check_not_left_out
from dvx.repo.targets import Target, is_pattern
from dvx.repo.unmerged import unmerged_pointers
from dvx.store.page_reader import PageReader


@dataclass(frozen=True, slots=True)
class AddTarget:
    """One tracked path to be (re-)added.

    `named` limits the add to some paths below a tracked directory; empty means all of it. `above` are the folders
    that these are in: what the version before had at such a path is gone.
    """

    root: str
    path: str
    kind: str
    pointer: Pointer | None
    ignore: Ignore | None = field(default=None, compare=False)
    find_last: Callable[[], bytes | None] = field(default=lambda: None, compare=False, repr=False)
    named: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    ignores_mode: bool = field(default=False, compare=False)
    leftovers: list[str] = field(default_factory=list, compare=False)
    part: Part | None = field(default=None, compare=False, repr=False)
    left_out: frozenset[str] = frozenset()

    @property
    def keeps_rest(self) -> bool:
        """Whether the version before has to be known, because a part of it is taken over unseen."""
        return bool(self.named) or self.part is not None

    def is_absent(self, path: str) -> bool:
        """Whether a path that is missing never was here, and so is kept."""
        if self.part is None or self.part.has(path[len(self.path) + 1 :]):
            return False
        return not is_at_or_below(path, self.left_out)

    def is_named(self, path: str) -> bool:
        """Whether a path relative to the repository is part of what was asked for."""
        return not self.named or path in self.above or is_at_or_below(path, self.named)

    def tree(self, pointer: Pointer | None) -> Tree:
        """The target as a tree; temporary files of interrupted commands are noted in `leftovers`."""
        tree = Tree(self.root, self.path, pointer, (), self.ignore, self.find_last, self.leftovers)
        return replace(tree, part=self.part, expected=self.kind, ignores_mode=self.ignores_mode)

    def old_tree(self) -> Tree:
        """The version before, if it is of the same kind, and the workspace."""
        pointer = self.pointer
        return self.tree(pointer if pointer is not None and pointer.kind == self.kind else None)

    def parts(self, pages: PageReader, marks: PageMarks, *, with_entries: bool) -> Iterator[LeafPart]:
        """The version before and the workspace in path order; the former only if it can be reused.

        Where only some paths are named, nothing else of the workspace is looked at.
        """
        tree = self.old_tree()
        if not with_entries:
            # What it has stays tracked all the same.
            tree = replace(tree, pointer=None, ignore=tree.ignoring(pages))
        parts: Iterator[LeafPart]
        if not is_walked_by_leaf(tree):
            parts = iter([LeafToCompare(None, tree.pairs(pages))])
        elif self.named:
            named = NamedPaths(tree, self.named, ignore=tree.ignoring(pages))
            parts = walk_named(tree, pages, named.is_within, named.walk())
        else:
            parts = walk_leaves(tree, pages, marks)
        for part in parts:
            if isinstance(part, LeafToCompare):
                part.pairs = self._checked(part.pairs)
            yield part

    def _checked(self, pairs: Iterator[Pair]) -> Iterator[Pair]:
        for pair in with_modes_of_entries(pairs) if self.ignores_mode else pairs:
            if pair.found is not None and pair.path.endswith(".dvx"):
                raise _pointer_inside(pair.path, self.path)
            yield pair


@dataclass(frozen=True, slots=True)
class AddPlan:
    """What an add will read. `is_update`: whatever changed was asked for, and no path by name."""

    targets: tuple[AddTarget, ...]
    is_update: bool = False


def plan_add(
    project: Project, paths: Sequence[str], *, force: bool = False, leaves_out: bool = False
) -> AddPlan:
    """Turn typed paths (relative to the repository, patterns allowed) into targets.

    With `leaves_out` the workspace is the whole of what is named: what is missing is left out of the new version even
    if it never was here.

    Raises PathRefused, NotFound, and unless `force` is set WorkspaceConflict where the workspace is older than
    the pointer.
    """
    pointers = workspace_pointers(project)
    tracked = {item.path: item for item in pointers.readable}
    named: dict[str, list[str]] = {}
    for path in _expand(project, paths, tracked if leaves_out else {}):
        _check_broken(path, pointers.broken)
        if path + ".dvx" in pointers.broken and not force:
            _check_merged(project, path)
        data_path = _enclosing(path, tracked) or path
        named.setdefault(data_path, [])
        if data_path != path:
            named[data_path].append(path)
        else:
            named[data_path] = [""]
    data_paths = sorted(named)
    _check_paths(project, data_paths, tracked)
    new = [path for path in data_paths if path not in tracked]
    check_not_left_out(project.repository, new)
    if new:
        from dvx.ops.remote_places import (
            check_holds_no_remote,  # 3 ms that an add of tracked data does without
        )

        check_holds_no_remote(project, new)
    targets = [
        _target(project, path, tracked.get(path), named[path], leaves_out=leaves_out) for path in data_paths
    ]
    return _checked_plan(project, targets, force=force)


def plan_update(project: Project, *, force: bool = False) -> AddPlan:
    """Everything tracked that is in the workspace; unchanged files are not read. Raises like plan_add.

    What cannot be added is a failure of the project, and the rest is in the plan.
    """
    pointers = workspace_pointers(project)
    for path, error in pointers.broken.items():
        project.failures.add(path, error)
    present = {
        item.path: item
        for item in pointers.readable
        if os.path.lexists(os.path.join(project.repository.root, item.path))
    }

    def plan(some: Sequence[TrackedPointer]) -> list[AddTarget]:
        _check_paths(project, [item.path for item in some], present)
        return [_target(project, item.path, item, [""]) for item in some]

    parts = project.failures.divide([*present.values()], plan, lambda item: item.path)
    targets = sorted((target for part in parts for target in part), key=lambda target: target.path)
    return replace(_checked_plan(project, targets, force=force), is_update=True)


def _checked_plan(project: Project, targets: Sequence[AddTarget], *, force: bool) -> AddPlan:
    if not force:
        check_not_stale(project, [target.tree(target.pointer) for target in targets if not target.named])
    return AddPlan(tuple(targets))


def _target(
    project: Project,
    path: str,
    tracked: TrackedPointer | None,
    named: Sequence[str],
    *,
    leaves_out: bool = False,
) -> AddTarget:
    root = project.repository.root
    kind = "directory" if os.path.isdir(os.path.join(root, path)) else "file"
    pointer = tracked.pointer if tracked else None
    limits = frozenset() if "" in named else frozenset(named)
    ignore = load_ignore(project.repository, path, is_tracked=tracked is not None)
    target = AddTarget(root, path, kind, pointer, ignore, lambda: last_root(project, path), limits)
    target = replace(target, ignores_mode=project.ignores_mode)
    if kind == KIND_DIRECTORY and pointer is not None and pointer.kind == KIND_DIRECTORY:
        part = part_here(project, path) if limits or not leaves_out else None
        target = replace(target, part=part, left_out=limits if leaves_out else frozenset())
    return replace(target, above=_folders_above(project, target)) if limits else target


def _folders_above(project: Project, target: AddTarget) -> frozenset[str]:
    """See AddTarget.above. Raises PathRefused (kind `data-ignored`) where the rules leave out all named paths."""
    tree = target.old_tree()
    with project.pages() as pages:
        paths = NamedPaths(tree, target.named, ignore=tree.ignoring(pages))
        ignored = paths.ignored()
        if ignored and len(ignored) == len(target.named):
            raise PathRefused(
                f"{name_some(ignored)}: left out by a line in `.dvxignore`",
                affected="nothing was added",
                hints=[f"take the line out of the `.dvxignore` at or above `{ignored[0]}`"],
                kind="data-ignored",
            )
        if ignored:
            project.reporter.note(f"{name_some(ignored)}: left out by a line in `.dvxignore`")
        return paths.folders()


def _expand(project: Project, paths: Sequence[str], leaving_out: dict[str, TrackedPointer]) -> Iterator[str]:
    """The paths that are meant; of the directories `leaving_out` also such as are not in the workspace."""
    root = project.repository.root
    for path in paths:
        inside = _enclosing(path, leaving_out)
        if inside not in (None, path) and not os.path.lexists(os.path.join(root, path)):
            assert inside is not None
            yield from _expand_listed(project, leaving_out[inside], path)
            continue
        if os.path.lexists(os.path.join(root, path)):
            yield check_data_path(path)
            continue
        found = expand_glob(root, path) if is_pattern(path) else []
        found = [
            name for name in found if not name.endswith(".dvx") and os.path.basename(name) != ".gitignore"
        ]
        if not found and os.path.lexists(os.path.join(root, path + ".dvx")):
            raise NotFound(
                f"`{path}` is tracked but not in the workspace",
                affected="nothing was added",
                hints=[
                    f"get it back: `dvx pull {quote_all([path])}`",
                    f"or stop tracking it: `dvx rm {quote_all([path])}`",
                ],
            )
        if not found:
            raise NotFound(
                f"`{path}` does not exist",
                affected="nothing was added",
                hints=["check the spelling, relative to the current folder: `ls`"],
            )
        for name in found:
            yield check_data_path(name.replace(os.sep, "/").rstrip("/"))


def _expand_listed(project: Project, tracked: TrackedPointer, path: str) -> Iterator[str]:
    """A path inside a directory that is not in the workspace; of a pattern what it matches on either side.

    Raises NotFound where nothing is.
    """
    inner = path[len(tracked.path) + 1 :]
    target = Target(tracked, (inner,), (path,))
    with project.pages() as pages:
        check_named(project, [target], pages)
        if not is_pattern(inner):
            yield path
            return
        for pair in trees_of(project, [target])[0].pairs(pages):
            yield pair.path


def check_data_path(path: str) -> str:
    """Return a path that may be tracked.

    Raises PathRefused for what belongs to Git or dvx, for pointers, and for names that no pointer can have: a line
    end in one would make two rules of its line in `.gitignore`.
    """
    parts = path.split("/")
    if path in ("", "."):
        raise PathRefused(
            "the whole repository cannot be added as data",
            hints=["name the folder that holds the data: `dvx add data`"],
        )
    if ".git" in parts or parts[0] == ".dvx":
        raise PathRefused(f"`{path}` belongs to Git or dvx and cannot be added")
    if path.endswith(".dvx"):
        raise PathRefused(
            f"`{path}` is a pointer; pointers are for Git",
            hints=[
                f"add the data itself: `dvx add {quote(path[:-4])}`, and the pointer with `git add {quote(path)}`"
            ],
            kind="pointer-of-pointer",
        )
    try:
        check_stored_path(path + ".dvx")
    except PathRefused as error:
        error.affected, error.hints = "nothing was added", ("rename it",)
        raise
    return path


def _check_broken(path: str, broken: Mapping[str, DvxError]) -> None:
    """Adding a path again resolves its damaged pointer, but not one of a newer dvx or of a folder around it."""
    for pointer_path, error in broken.items():
        data_path = pointer_path.removesuffix(".dvx")
        is_newer = isinstance(error, UnsupportedVersion) and path == data_path
        if is_newer or path.startswith(data_path + "/"):
            raise error


def _check_merged(project: Project, path: str) -> None:
    """Refuse to end a conflict by the way: the workspace has our version, and theirs would be lost unseen."""
    if path + ".dvx" in {item.pointer_path for item in unmerged_pointers(project.repository)}:
        raise WorkspaceConflict(
            f"`{path}` is in a merge conflict, and the workspace has only what was here before the merge",
            affected="nothing was added",
            hints=[
                "merge what can be merged, and list the rest: `dvx resolve`",
                f"or take the workspace and nothing of theirs: `dvx add --force {quote_all([path])}`",
            ],
            kind="unmerged",
        )


def _enclosing(path: str, tracked: dict[str, TrackedPointer]) -> str | None:
    """The tracked directory that a path is in, or the path itself if it is tracked."""
    candidate = path
    while candidate:
        if candidate in tracked and (candidate == path or tracked[candidate].pointer.kind == "directory"):
            return candidate
        candidate = candidate.rpartition("/")[0]
    return None


def _check_paths(project: Project, paths: Sequence[str], tracked: dict[str, TrackedPointer]) -> None:
    check_overlaps(paths, tracked)
    for path in paths:
        absolute = os.path.join(project.repository.root, path)
        if os.path.islink(absolute):
            raise PathRefused(
                f"`{path}` is a symlink",
                affected="nothing was added",
                hints=["commit the link with Git (`git add`), and add what it points to: `dvx add TARGET`"],
                kind="symlink-target",
            )
        if not os.path.isdir(absolute) and not os.path.isfile(absolute):
            raise PathRefused(
                f"`{path}` is neither a file nor a directory",
                affected="nothing was added",
                hints=["add the folder around it and leave it out there with a line in `.dvxignore`"],
            )
    check_git(project, paths, affected="nothing was added")


def check_overlaps(paths: Sequence[str], tracked: Mapping[str, TrackedPointer]) -> None:
    """Raise PathRefused (kind `overlap`) if one of `paths` is above or below another one, or a tracked path."""
    everything = sorted({*paths, *tracked}, key=lambda path: path + "/")
    for outer, inner in pairwise(everything):
        if inner.startswith(outer + "/") and (outer in paths or inner in paths):
            raise PathRefused(
                f"`{inner}` is inside `{outer}`; a file can be tracked only once",
                affected="nothing was changed",
                hints=[
                    f"stop tracking the inner one: `dvx rm --keep {quote(inner)}`",
                    f"then `dvx add {quote(outer)}`",
                ],
                kind="overlap",
            )


def _pointer_inside(path: str, directory: str) -> PathRefused:
    return PathRefused(
        f"`{path}` is a pointer inside `{directory}`; a pointer cannot be data",
        affected="nothing was added",
        hints=[
            f"stop tracking the inner one: `dvx rm --keep {quote(path[:-4])}`, then `dvx add {quote(directory)}`"
        ],
        kind="pointer-of-pointer",
    )
