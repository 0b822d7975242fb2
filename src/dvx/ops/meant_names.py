"""Names that were given as a path and are something else: a remote, a Git remote, a branch or another revision.

Owns the hints. Must not decide what a command does with a path that is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dvx.core.errors import GitError, NotFound
from dvx.core.shell_words import quote
from dvx.ops.project import Project
from dvx.repo.remotes import remote_names

_REMOTE: Final[Mapping[str, str]] = {
    "push": "to send data to the remote `{name}`: `dvx push -r {word}`",
    "fetch": "to get data from the remote `{name}`: `dvx fetch -r {word}`",
    "pull": "to get data from the remote `{name}`: `dvx pull -r {word}`",
    "status": "to ask the remote `{name}`: `dvx status -r {word}`",
    "verify": "to check the remote `{name}`: `dvx verify -r {word}`",
}
_GIT_REMOTE: Final[Mapping[str, str]] = {
    "push": "to send commits to the Git remote `{name}`: `git push {word}`",
    "fetch": "to get commits from the Git remote `{name}`: `git fetch {word}`",
    "pull": "to get commits from the Git remote `{name}`: `git pull {word}`",
}
_REVISION: Final[Mapping[str, str]] = {
    "push": "to send the data of `{name}`: `dvx push --rev {word}`",
    "fetch": "to get the data of `{name}` into the local store: `dvx fetch --rev {word}`",
    "checkout": "to bring only its data here: `dvx checkout --rev {word}`",
    "status": "to compare with `{name}`: `dvx diff {word}`",
    "verify": "to check the data of `{name}` on the remote: `dvx verify --rev {word}`",
}
_GOES_THERE: Final = ("pull", "checkout")


def explain_names(project: Project, names: Sequence[str], error: NotFound, *, verb: str) -> None:
    """Put what was meant before the hints of an error about paths that are not tracked."""
    meant = [hint for name in names for hint in _meant(project, name, verb)]
    error.hints = (*meant, *error.hints) if meant else error.hints


def _meant(project: Project, name: str, verb: str) -> Iterator[str]:
    word = quote(name)
    if verb in _REMOTE and name in remote_names(project.config):
        yield _REMOTE[verb].format(name=name, word=word)
    if verb in _GIT_REMOTE and name in _git_remotes(project):
        yield _GIT_REMOTE[verb].format(name=name, word=word)
    if verb in _GOES_THERE:
        yield from _going_to(project, name, verb)
    if verb in _REVISION and project.git.is_commit(name):
        yield _REVISION[verb].format(name=name, word=word)


def _going_to(project: Project, name: str, verb: str) -> Iterator[str]:
    """How Git goes to a branch, here or on a Git remote alone, or to another commit than the one that is here."""
    word = quote(name)
    branches = [f"refs/heads/{name}", *(f"refs/remotes/{remote}/{name}" for remote in _git_remotes(project))]
    if any(map(project.git.is_commit, branches)):
        yield f"to go to `{name}`: `git switch {word}`, then `dvx {verb}`"
    elif name != "HEAD" and project.git.is_commit(name):
        yield f"to go to `{name}`: `git switch --detach {word}`, then `dvx {verb}`"


def _git_remotes(project: Project) -> list[str]:
    try:
        return project.git.run(["remote"]).decode("utf-8", "replace").split()
    except GitError:
        return []
