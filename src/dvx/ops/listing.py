"""`dvx ls`: list tracked data at a revision, or of the work tree's pointers, without checking it out.

Must not need the data itself; manifests are fetched where they are not local.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dvx.core.errors import NotFound
from dvx.core.shell_words import quote
from dvx.formats.manifest import Entry
from dvx.ops.project import Project
from dvx.ops.selection import select_at, select_targets
from dvx.ops.trees import Tree
from dvx.repo.targets import Target


@dataclass(frozen=True, slots=True)
class ListedPath:
    """One line of a listing: a file, or a directory with the totals of what is below it.

    `id` is None for a directory inside a tracked one, which has no id of its own.
    """

    path: str
    kind: str
    size: int
    files: int
    id: bytes | None


def list_paths(
    project: Project, path: str | None, *, rev: str | None, recursive: bool, remote_name: str | None
) -> Iterator[ListedPath]:
    """List tracked paths, or with `path` what is at or directly below it; `recursive` lists every file.

    What cannot be read is a failure of the project, and the others are listed.
    """
    wanted = [path] if path else []
    if rev is None:
        targets = select_targets(project, wanted, goes_on=True)
    else:
        targets = select_at(project, rev, wanted, goes_on=True)
    with project.pages(remote_name) as pages:
        is_empty = True
        for target in targets:
            pointer = target.tracked.pointer
            opens = recursive or (path is not None and _is_opened(path, target))
            if pointer.kind == "file" or not opens:
                is_empty = False
                yield ListedPath(
                    target.tracked.path, pointer.kind, pointer.size, pointer.files or 1, pointer.id
                )
                continue
            tree = Tree(project.repository.root, target.tracked.path, pointer, target.inside)
            entries = ((name, entry) for _, name, entry in tree.entries(pages))
            base = (path or target.tracked.path).rstrip("/")
            with project.failures.going_on(target.tracked.path, is_only=len(targets) == 1):
                for listed in _all(entries) if recursive else _grouped(entries, base):
                    is_empty = False
                    yield listed
        if is_empty and path and not project.failures.found:
            raise NotFound(
                f"`{path}` is not in the tracked data",
                hints=[
                    f"list what there is: `dvx ls {quote(targets[0].tracked.path)}`"
                    if targets
                    else "`dvx ls`"
                ],
            )


def _is_opened(path: str, target: Target) -> bool:
    return bool(target.inside) or path.rstrip("/") in (target.tracked.path, target.tracked.pointer_path)


def _all(entries: Iterator[tuple[str, Entry]]) -> Iterator[ListedPath]:
    for path, entry in entries:
        yield ListedPath(path, entry.kind, entry.size, 1, entry.id)


def _grouped(entries: Iterator[tuple[str, Entry]], base: str) -> Iterator[ListedPath]:
    """Entries directly below `base` (or `base` itself); deeper ones are summed up by their first folder."""
    folder, size, files = "", 0, 0
    for path, entry in entries:
        inner = path[len(base) + 1 :] if path.startswith(base + "/") else ""
        first, separator, _ = inner.partition("/")
        name = f"{base}/{first}" if separator else ""
        if folder and name != folder:
            yield ListedPath(folder, "directory", size, files, None)
            folder, size, files = "", 0, 0
        if separator:
            folder, size, files = name, size + entry.size, files + 1
        else:
            yield ListedPath(path, entry.kind, entry.size, 1, entry.id)
    if folder:
        yield ListedPath(folder, "directory", size, files, None)
