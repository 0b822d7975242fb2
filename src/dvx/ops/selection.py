"""Which tracked paths a command is about: pointers of the workspace or of revisions, narrowed to targets.

Owns the reading of all pointers, broken ones included. Must not read data.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dvx.core.errors import DvxError, NotFound, name_some
from dvx.core.shell_words import quote_all
from dvx.formats.pointer import KIND_DIRECTORY
from dvx.ops.project import Project
from dvx.ops.trees import Tree
from dvx.repo.pointers import (
    FoundPointers,
    TrackedPointer,
    all_ref_pointers,
    find_pointers,
    pointers_at,
    read_pointer,
)
from dvx.repo.targets import Target, resolve_targets

if TYPE_CHECKING:
    from dvx.store.page_reader import PageReader  # the store and its formats: for listings only


def workspace_pointers(project: Project) -> FoundPointers:
    """Read every pointer of the work tree."""
    found = FoundPointers()
    for path in find_pointers(project.repository):
        try:
            found.readable.append(read_pointer(project.repository, path))
        except DvxError as error:
            found.broken[path] = error
    return found


def _is_there(project: Project, path: str) -> bool:
    return not project.repository.is_bare and os.path.lexists(project.repository.absolute(path.rstrip("/")))


def select_targets(project: Project, targets: Sequence[str], *, goes_on: bool = False) -> list[Target]:
    """The targets (relative to the repository) in the work tree; all of it without targets.

    A pointer that cannot be read fails the command only if it is meant. Where the command `goes_on` without it, it
    is one of the project's failures, unless there is no other.
    """
    pointers = workspace_pointers(project)
    try:
        return _select(
            project, pointers, targets, goes_on=goes_on, is_there=lambda path: _is_there(project, path)
        )
    except NotFound:
        from dvx.repo.sparse import check_not_left_out  # only for a path that is not there

        check_not_left_out(project.repository, targets)
        raise


def select_at(project: Project, rev: str, targets: Sequence[str], *, goes_on: bool = False) -> list[Target]:
    """`select_targets` for the pointers of a commit. Raises NotFound for an unknown revision, too."""
    return _select(project, pointers_at(project.repository, rev), targets, goes_on=goes_on)


def _select(
    project: Project,
    pointers: FoundPointers,
    targets: Sequence[str],
    *,
    goes_on: bool,
    is_there: Callable[[str], bool] | None = None,
) -> list[Target]:
    if goes_on and pointers.broken:
        targets = _without_broken(project, pointers, targets)
    elif not targets and pointers.broken:
        raise next(iter(pointers.broken.values()))
    try:
        return resolve_targets(pointers.readable, targets, is_there=is_there)
    except NotFound:
        for path, error in pointers.broken.items():
            if any(_may_mean(target, path) for target in targets):
                raise error from None
        raise


def _without_broken(
    project: Project, pointers: FoundPointers, targets: Sequence[str], *, is_only: bool = True
) -> list[str]:
    """Note the pointers that are meant and cannot be read; return the targets that mean something else.

    Raises the error of one where nothing else is meant, and these pointers are the only ones looked at.
    """
    meant = {
        path: error
        for path, error in pointers.broken.items()
        if not targets or any(_may_mean(target, path) for target in targets)
    }
    named = {name for path in meant for name in (path, path.removesuffix(".dvx"))}
    rest = [target for target in targets if target.rstrip("/") not in named]
    if meant and is_only and (not pointers.readable or (targets and not rest)):
        raise next(iter(meant.values()))
    for path, error in meant.items():
        project.failures.add(path, error)
    return rest


def _may_mean(target: str, pointer_path: str) -> bool:
    data_path = pointer_path.removesuffix(".dvx")
    return target in (pointer_path, data_path, "") or (pointer_path + "/").startswith(
        target.rstrip("/") + "/"
    )


def select_revisions(
    project: Project, targets: Sequence[str], *, revs: Sequence[str], all_refs: bool
) -> list[Target]:
    """The targets at some revisions, or at every commit that any reference reaches, each root once.

    Targets inside a directory keep their limits; the work tree is not looked at. A pointer of a revision that is meant
    and cannot be read is one of the project's failures, unless there is nothing else.
    """
    if all_refs:
        tracked = [pointer for _, pointer in all_ref_pointers(project.repository)]
        return _matching(tracked, targets)
    found: list[Target] = []
    for rev in revs:
        pointers = pointers_at(project.repository, rev)
        rest = targets
        if pointers.broken:
            rest = _without_broken(project, pointers, targets, is_only=len(revs) == 1)
        if rest or not targets:
            found.extend(_matching(pointers.readable, rest))
    return list({(target.tracked.pointer.id, target.inside): target for target in found}.values())


def _matching(tracked: Sequence[TrackedPointer], targets: Sequence[str]) -> list[Target]:
    """Resolve targets version by version, because several versions share one path."""
    if not targets:
        return [Target(item) for item in tracked]
    found: list[Target] = []
    error: NotFound | None = None
    for item in tracked:
        for target in targets:
            try:
                found.extend(resolve_targets([item], [target]))
            except NotFound as not_found:
                error = not_found
    if not found and error is not None:
        raise error
    return found


def check_named(project: Project, targets: Sequence[Target], pages: "PageReader") -> None:
    """Raise NotFound (kind `not-tracked`) for paths and patterns inside tracked directories that nobody has, neither
    the version of a target nor the workspace: most likely they are misspelt. Raises as Tree.entries.
    """
    if not any(target.inside for target in targets):
        return
    is_there: dict[str, bool] = {}
    for target, tree in zip(targets, trees_of(project, targets), strict=True):
        for part, name in zip(target.inside, target.named, strict=True):
            if name and not is_there.get(name):
                is_there[name] = tree.has(part, pages)
    missing = [name for name, found in is_there.items() if not found]
    if missing:
        folders = [target.tracked.path for target in targets if not {*missing}.isdisjoint(target.named)]
        raise NotFound(
            f"nothing is at {name_some(missing)}, neither as the pointer of {name_some(folders)} says "
            "nor in the workspace",
            affected="the workspace was not changed",
            hints=[f"list what is there: `dvx ls {quote_all(folders[:1])}`"],
            kind="not-tracked",
        )


def path_of_target(target: Target) -> str:
    """The tracked path of a target."""
    return target.tracked.path


def trees_of(project: Project, targets: Iterable[Target]) -> list[Tree]:
    """The trees of targets in this work tree. Raises UsageError for ignore rules that cannot be read."""
    return [tracked_tree(project, target.tracked, inside=target.inside) for target in targets]


def tracked_tree(project: Project, tracked: TrackedPointer, *, inside: tuple[str, ...] = ()) -> Tree:
    """One tracked path in this work tree."""
    # 5 ms that a command which looks at no workspace does without.
    from dvx.ops.parts import last_root, part_here
    from dvx.repo.ignore import load_ignore

    root, path = project.repository.root, tracked.path
    ignore = load_ignore(project.repository, path, is_tracked=True)
    part = part_here(project, path) if tracked.pointer.kind == KIND_DIRECTORY else None
    find_last = partial(last_root, project, path)
    tree = Tree(root, path, tracked.pointer, inside, ignore, find_last, refused={}, part=part)
    return replace(tree, ignores_mode=True) if project.ignores_mode else tree


def trees_to_check_out(project: Project, targets: Iterable[Target], *, keeps_parts: bool) -> list[Tree]:
    """The trees of targets as a checkout brings them here; directories as a whole unless it `keeps_parts`."""
    from dvx.ops.parts import part_wanted  # see tracked_tree

    return [
        replace(tree, part=part_wanted(project, tree.path) if keeps_parts and not tree.inside else None)
        for tree in trees_of(project, targets)
    ]
