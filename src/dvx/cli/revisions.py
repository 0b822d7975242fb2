"""Revisions and paths on one command line: which words are which, and what `A..B` names.

Owns the `--` between them. Must not know what a command does with either.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from dvx.cli.options import DvxCommand
from dvx.core.errors import GitError, NotFound, UsageError
from dvx.core.shell_words import quote

if TYPE_CHECKING:
    from dvx.ops.project import Project

_SEPARATED: Final = "dvx.separated.paths"


class SeparatedCommand(DvxCommand):
    """Keeps what follows `--` apart: revisions before it, paths after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[_SEPARATED] = tuple(args[place + 1 :])
            args = args[:place]
        return super().parse_args(ctx, args)


def separated_paths(context: click.Context) -> tuple[str, ...] | None:
    """The words after `--`; None where there is no `--`."""
    found = context.meta.get(_SEPARATED)
    return tuple(found) if found is not None else None


def named_revisions(project: "Project", word: str) -> list[str] | None:
    """The one or two revisions that a word names; None if Git does not know them."""
    old, dots, new = word.partition("...") if "..." in word else word.partition("..")
    names = [old or "HEAD", new or "HEAD"] if dots else [word]
    try:
        # Not rev_parse, which asks Git for what its error says: a path is no error.
        if not all(project.git.is_commit(name) for name in names):
            return None
        if dots == "...":
            names[0] = project.git.run(["merge-base", "--", *names]).decode("ascii").strip()
    except GitError:
        return None
    return names


def _refuse_path(project: "Project", word: str) -> None:
    if project.repository.is_bare:
        return
    with suppress(UsageError):  # outside of the repository: no path either
        _refuse_place(project.repository.absolute(project.repository.relative(word)), word)


def _refuse_place(path: str, word: str) -> None:
    if os.path.lexists(path) or os.path.lexists(f"{path}.dvx"):
        raise NotFound(
            f"`{word}` is a path, and names no commit in this repository",
            hints=[f"name paths after `--`: `-- {quote(word)}`"],
            kind="unknown-revision",
        )


def only_revisions(project: "Project", words: Sequence[str], *, most: int) -> list[str]:
    """The revisions that all words name. Raises NotFound for one that is none, UsageError for more than `most`."""
    revs: list[str] = []
    for word in words:
        found = named_revisions(project, word)
        if found is None:
            _refuse_path(project, word)
            project.git.rev_parse(word)  # says what is wrong with a single name
            raise NotFound(
                f"`{word}` names no two commits in this repository",
                hints=project.git.shallow_hints(),
                kind="unknown-revision",
            )
        revs += found
    if len(revs) > most:
        raise UsageError(
            f"{len(revs)} revisions were named, and this takes {most} at most",
            hints=["compare several: `dvx compare A B C`", "name paths after `--`: `-- PATH`"],
        )
    return revs
