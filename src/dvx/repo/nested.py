"""Git repositories inside the work tree: submodules, linked work trees, and clones that somebody made there.

Owns finding one on the way to a path, and where to go on. What is below one belongs to it: the Git of the outer
repository neither sees nor stages a pointer there.
"""

import os
from collections.abc import Iterable

from dvx.core.errors import PathRefused
from dvx.core.shell_words import quote, quote_all
from dvx.repo.repository import CONFIG_FOLDER, Repository


def nested_repository(root: str, path: str) -> str | None:
    """Return the outermost folder on the way to `path`, or `path` itself, that has a `.git`; None without one.

    `path` is relative to `root`, and so is the answer.
    """
    names = path.split("/")
    for count in range(1, len(names) + 1):
        folder = "/".join(names[:count])
        if os.path.lexists(os.path.join(root, folder, ".git")):
            return folder
    return None


def check_not_nested(repository: Repository, paths: Iterable[str], *, affected: str) -> None:
    """Raise PathRefused (kind `nested-repository`) for a data path that is, or is in, a repository of its own."""
    for path in paths:
        folder = nested_repository(repository.root, path)
        if folder is not None:
            raise _nested(repository, path, folder, affected=affected)


def check_writable(repository: Repository, path: str) -> None:
    """Raise PathRefused (kind `nested-repository`) where data at `path` would be written into another repository."""
    folder = nested_repository(repository.root, path)
    if folder is None:
        return
    raise PathRefused(
        f"`{path}` is in `{folder}`, a Git repository of its own by now"
        if folder != path
        else f"`{path}` is a Git repository of its own by now",
        affected="nothing was changed there",
        hints=[
            f"look what it is: `git -C {quote(repository.absolute(folder))} status`",
            "then move it, or its `.git`, elsewhere, and run the command again",
        ],
        kind="nested-repository",
    )


def in_submodule(repository: Repository, path: str, folder: str, *, affected: str) -> PathRefused:
    """The refusal for a path in a submodule that is not checked out, so that no `.git` shows it."""
    return PathRefused(
        f"`{path}` is in `{folder}`, a submodule that is not checked out",
        affected=affected,
        hints=[
            f"check it out: `git -C {quote(repository.root)} submodule update --init {quote(folder)}`",
            "or choose a place outside of it",
        ],
        kind="nested-repository",
    )


def _nested(repository: Repository, path: str, folder: str, *, affected: str) -> PathRefused:
    if path == folder:
        return PathRefused(
            f"`{path}` is a Git repository of its own",
            affected=affected,
            hints=["add the data inside it from within that repository, or remove its `.git`"],
            kind="nested-repository",
        )
    inner = repository.absolute(folder)
    run_inside = f"dvx -C {quote(inner)}"
    is_ready = os.path.isfile(os.path.join(inner, CONFIG_FOLDER, "config.toml"))
    hints = [] if is_ready else [f"set dvx up there: `{run_inside} init`"]
    hints.append(f"work inside of it: `{run_inside} add {quote_all([path[len(folder) + 1 :]])}`")
    return PathRefused(
        f"`{path}` is in `{folder}`, a Git repository of its own; this one cannot see pointers there",
        affected=affected,
        hints=hints,
        kind="nested-repository",
    )
