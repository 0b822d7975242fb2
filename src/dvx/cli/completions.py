"""What a shell is told of a word that is being typed: revisions, tracked paths, remotes, settings, hooks.

Owns the answers. They come from files and from one short Git command, never from a remote; where something is wrong
there are none. Must print nothing and never fail: a shell asks at every press of a key.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

from dvx.cli.invocation import Invocation

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dvx.repo.repository import Repository

Find = Callable[["Repository", str], Iterable[str]]
# More than a person looks at.
_MOST: Final = 200
_GIT_TIMEOUT_S: Final = 2.0


class Completer:
    """Completes the words of an option or an argument with what `find` finds in the repository."""

    def __init__(self, find: Find, *, adds_files: bool = False) -> None:
        self._find = find
        self._adds_files = adds_files

    def __call__(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002
        """The items; with `adds_files` the shell adds the names of files by itself where there are none."""
        from click.shell_completion import CompletionItem  # 1 ms that only the shell's questions need

        found = sorted({word for word in self._words(ctx, incomplete) if word.startswith(incomplete)})
        if not found and self._adds_files:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in found[:_MOST]]

    def _words(self, ctx: click.Context, incomplete: str) -> list[str]:
        try:
            from dvx.repo.repository import Repository

            repository = Repository.discover(_folder(ctx), env=os.environ, allows_bare=True)
            return list(self._find(repository, incomplete))
        except Exception:  # noqa: BLE001 - whatever it is, the person types on
            return []


def _folder(ctx: click.Context) -> str:
    """The current folder after `-C`."""
    invocation = ctx.find_object(Invocation)
    return invocation.folder if invocation is not None else os.getcwd()


def revisions(repository: "Repository", incomplete: str) -> Iterator[str]:
    """Branches, tags and remote branches; behind `..`, too."""
    start, dots = _before_last_name(incomplete)
    refs = ["refs/heads", "refs/tags", "refs/remotes"]
    said = _git(repository, ["for-each-ref", f"--count={_MOST * 10}", "--format=%(refname:short)", *refs])
    for name in ["HEAD", *said.decode("utf-8", "surrogateescape").splitlines()]:
        yield start + dots + name


def _before_last_name(incomplete: str) -> tuple[str, str]:
    for dots in ("...", ".."):
        if dots in incomplete:
            return incomplete.rpartition(dots)[0], dots
    return "", ""


def _git(repository: "Repository", words: list[str]) -> bytes:
    import subprocess  # Git without the checks of repo.git, which explain what nobody reads here

    try:
        ran = subprocess.run(
            ["git", "-C", repository.root, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=_GIT_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return b""
    return ran.stdout


def tracked_paths(repository: "Repository", incomplete: str) -> Iterator[str]:
    """Tracked data below the folder that is being typed, folders on the way to it, and what is inside of it here."""
    above, slash, _ = incomplete.rpartition("/")
    folder = os.path.join(repository.root, repository.prefix, above)
    names = {entry.name: entry for entry in os.scandir(folder)} if os.path.isdir(folder) else {}
    inside = bool(above) and _is_tracked(repository, above)
    for name, entry in names.items():
        if name in (".git", ".dvx"):
            continue
        if name.endswith(".dvx"):
            yield above + slash + name.removesuffix(".dvx")
        elif entry.is_dir(follow_symlinks=False):
            yield above + slash + name + "/"
        elif inside:
            yield above + slash + name


def _is_tracked(repository: "Repository", path: str) -> bool:
    """Whether a path is tracked data or inside of it: it or a folder above has a pointer."""
    here = os.path.join(repository.root, repository.prefix, path.rstrip("/"))
    while len(here) > len(repository.root):
        if os.path.isfile(here + ".dvx"):
            return True
        here = os.path.dirname(here)
    return False


def revisions_and_paths(repository: "Repository", incomplete: str) -> Iterator[str]:
    """For commands that take both."""
    yield from revisions(repository, incomplete)
    yield from tracked_paths(repository, incomplete)


def remote_names(repository: "Repository", incomplete: str) -> Iterator[str]:  # noqa: ARG001
    """The remotes of the settings in force."""
    from dvx.repo.config import load_config
    from dvx.repo.remotes import remote_names as names

    yield from names(load_config(repository, env=os.environ))


def setting_keys(repository: "Repository", incomplete: str) -> Iterator[str]:  # noqa: ARG001
    """Settings that dvx knows, and those that are set, such as the options of remotes."""
    from dvx.repo.config import load_config
    from dvx.repo.remotes import remote_names as names
    from dvx.repo.settings import REMOTE_OPTIONS, SETTINGS

    yield from (setting.name for setting in SETTINGS)
    config = load_config(repository, env=os.environ)
    yield from config.values
    yield from (f"remote.{name}.{option.name}" for name in names(config) for option in REMOTE_OPTIONS)


def hook_names(repository: "Repository", incomplete: str) -> Iterator[str]:  # noqa: ARG001
    """The hooks that `dvx hooks run` knows."""
    from dvx.cli.hook_runs import HOOKS

    yield from HOOKS


complete_revision: Final = Completer(revisions)
complete_path: Final = Completer(tracked_paths, adds_files=True)
complete_revision_or_path: Final = Completer(revisions_and_paths, adds_files=True)
complete_remote: Final = Completer(remote_names)
complete_setting: Final = Completer(setting_keys)
complete_hook: Final = Completer(hook_names)
