"""From paths as a person typed them to the tracked data that a command is about.

Owns the words for a repository that tracks nothing. Must not read data.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dvx.ops.project import Project
    from dvx.repo.repository import Repository
    from dvx.repo.targets import Target


def typed_paths(project: "Project", paths: Sequence[str]) -> list[str]:
    """Paths and patterns relative to the current folder, as paths relative to the repository."""
    return [project.repository.relative(path) for path in paths]


def shown_path(repository: "Repository", path: str) -> str:
    """A path of the repository as one types it in the current folder."""
    if not repository.prefix:
        return path
    return os.path.relpath(path, repository.prefix).replace(os.sep, "/")


def typed_address(repository: "Repository", url: str) -> str:
    """The address of a remote; a folder relative to the current one becomes relative to the repository."""
    if not url or "://" in url or os.path.isabs(url) or not repository.prefix:
        return url
    from dvx.backends.mistaken_address import refuse_mistaken  # 1 ms that everyday commands do without

    refuse_mistaken(url)
    if url.startswith("~"):
        return url
    return os.path.normpath(os.path.join(repository.prefix, url)).replace(os.sep, "/")


@contextmanager
def explaining_names(project: "Project", names: Sequence[str], *, verb: str) -> Iterator[None]:
    """Let an error about paths that are not tracked say what else the names mean, and the command for that."""
    try:
        yield
    except NotFound as error:
        from dvx.ops.meant_names import explain_names  # only for a name that is no path

        explain_names(project, names, error, verb=verb)
        raise


def choose_targets(project: "Project", targets: Sequence[str]) -> "list[Target]":
    """The targets in the work tree; all of it without targets."""
    from dvx.ops.selection import select_targets

    return select_targets(project, typed_paths(project, targets), goes_on=True)


def choose_for_transfer(
    project: "Project", targets: Sequence[str], *, revs: Sequence[str], all_refs: bool
) -> "list[Target]":
    """The targets in the work tree, or at revisions; in a bare repository those of HEAD.

    Raises UsageError for both kinds of revisions at once.
    """
    from dvx.ops.selection import select_revisions

    if revs and all_refs:
        raise UsageError("`--rev` and `--all` exclude each other", hints=["leave one of them out"])
    if not revs and not all_refs:
        if not project.repository.is_bare:
            return choose_targets(project, targets)
        revs = ["HEAD"]
    return select_revisions(project, typed_paths(project, targets), revs=revs, all_refs=all_refs)


def say_nothing_tracked(invocation: Invocation) -> None:
    """Tell that there is no pointer yet, and what comes first."""
    repository = invocation.opened
    if repository is not None and not repository.is_bare and not repository.is_initialised:
        invocation.output.summary(
            "dvx is not set up here; `dvx init` does that, then `dvx add PATH` tracks data"
        )
        return
    invocation.output.summary("nothing is tracked yet; `dvx add PATH` starts it")
