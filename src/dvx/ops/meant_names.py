"""Names that were given as a path and are something else: a remote, a Git remote, a branch.

Owns the hints. Must not decide what a command does with a path that is there.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from dvx.core.errors import GitError, NotFound
from dvx.core.shell_words import quote
from dvx.ops.project import Project
from dvx.repo.remotes import remote_names


def explain_names(
    project: Project, names: Sequence[str], error: NotFound, *, verb: Literal["push", "checkout"]
) -> None:
    """Put what was meant before the hints of an error about paths that are not tracked."""
    meant = [hint for name in names for hint in _meant(project, name, verb)]
    error.hints = (*meant, *error.hints) if meant else error.hints


def _meant(project: Project, name: str, verb: str) -> Iterator[str]:
    word = quote(name)
    if verb == "push":
        if name in remote_names(project.config):
            yield f"to send data to the remote `{name}`: `dvx push -r {word}`"
        if name in _git_remotes(project):
            yield f"to send commits to the Git remote `{name}`: `git push {word}`"
    if not project.git.is_commit(name):
        return
    if verb == "push":
        yield f"to send the data of `{name}`: `dvx push --rev {word}`"
        return
    yield f"to go to `{name}`: `git switch {word}`, then `dvx checkout`"
    yield f"to bring only its data here: `dvx checkout --rev {word}`"


def _git_remotes(project: Project) -> set[str]:
    try:
        return set(project.git.run(["remote"]).decode("utf-8", "replace").split())
    except GitError:
        return set()
