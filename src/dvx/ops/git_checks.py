"""What Git and the names in the work tree are asked before anything of a tracked path is written.

Owns the refusals: data that Git tracks itself, pointers that it would not see, repositories on the way, a pointer's
name that something else has. Must not write anything.
"""

import os
from collections.abc import Iterable, Sequence

from dvx.core.errors import GitError, PathRefused, UsageError, name_some
from dvx.core.shell_words import quote_all
from dvx.ops.project import Project
from dvx.repo.ignore_rules import find_rule, hints_for
from dvx.repo.nested import check_not_nested, in_submodule
from dvx.repo.pointer_places import check_pointer_place
from dvx.repo.pointers import pointer_path_of


def check_git(project: Project, paths: Sequence[str], *, affected: str) -> None:
    """Refuse data paths whose pointers cannot be written, or that Git would not see.

    Raises PathRefused for data that Git tracks itself, for a repository on the way and for a name that is taken, and
    UsageError (kind `pointer-ignored`) for pointers that an ignore rule hides.
    """
    check_not_nested(project.repository, paths, affected=affected)
    for path in paths:
        check_pointer_place(project.repository, pointer_path_of(path), affected=affected)
    in_git = sorted(project.git.is_tracked(paths))
    if in_git:
        raise _tracked_by_git(project, in_git, affected=affected)
    pointers = [pointer_path_of(path) for path in paths]
    hidden = project.git.check_ignored(pointers)
    hidden -= project.git.is_tracked(
        sorted(hidden)
    )  # Git goes on with what it tracks, whatever the rules say
    if hidden:
        raise _hidden(project, sorted(hidden), affected=affected)


def check_stageable(project: Project, paths: Iterable[str], *, affected: str) -> None:
    """Ask Git whether it would stage these files, some of which are not there yet, before any of them is written.

    Raises GitError for an index that is held by another command (after a wait), or that cannot be written,
    PathRefused for a submodule, UsageError for what an ignore rule hides. Asks nothing where dvx stages nothing.
    """
    wanted = list(dict.fromkeys(paths))
    if not wanted or not project.config.flag("core.autostage"):
        return
    try:
        project.git.check_stage(wanted)
    except GitError as error:
        raise _explained(project, wanted, error, affected=affected) from error


def _explained(project: Project, paths: Sequence[str], error: GitError, *, affected: str) -> Exception:
    hidden = project.git.check_ignored(paths) if "ignored by one of your" in error.what else set()
    hidden -= project.git.is_tracked(sorted(hidden))
    if hidden:
        return _hidden(project, sorted(hidden), affected=affected)
    path, found, folder = error.what.partition("' is in submodule '")
    if found:
        path, folder = path.rpartition("'")[2], folder.partition("'")[0]
        return in_submodule(project.repository, path, folder, affected=affected)
    error.affected = affected
    return error


def _tracked_by_git(project: Project, in_git: Sequence[str], *, affected: str) -> PathRefused:
    flag = "-r " if any(os.path.isdir(project.repository.absolute(path)) for path in in_git) else ""
    return PathRefused(
        f"Git already tracks {name_some(in_git)}",
        affected=affected,
        hints=[f"take it out of Git, keeping the file: `git rm {flag}--cached {quote_all(in_git[:5])}`"],
        kind="tracked-by-git",
    )


def _hidden(project: Project, hidden: Sequence[str], *, affected: str) -> UsageError:
    rule = find_rule(project.git, hidden[0])
    return UsageError(
        f"a `.gitignore` rule hides the pointer(s) {name_some(hidden)} from Git",
        affected=affected,
        hints=hints_for(project.repository, rule) if rule is not None else (),
        kind="pointer-ignored",
    )
