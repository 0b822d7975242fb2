"""`dvx diff`."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_revision_or_path
from dvx.cli.diff_markdown import markdown_lines
from dvx.cli.diff_text import change_lines, format_summary, stat_lines, status_lines
from dvx.cli.documents import diff_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import jobs_option, json_option, pass_invocation, remote_option
from dvx.cli.output import escape
from dvx.cli.render import format_document
from dvx.cli.revisions import SeparatedCommand, named_revisions, separated_paths
from dvx.cli.targets import typed_paths
from dvx.core.errors import ExitCode, NotFound, UsageError
from dvx.core.shell_words import quote

if TYPE_CHECKING:
    from dvx.ops.project import Project

_MOST_SAID = 5


@click.command("diff", cls=SeparatedCommand, options_metavar="[OPTIONS]")
@click.argument(
    "revs", nargs=-1, metavar="[REV [REV]] [-- PATH...]", shell_complete=complete_revision_or_path
)
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for a pull request.")
@click.option("--name-only", is_flag=True, help="Print only the paths, relative to the repository.")
@click.option("--name-status", is_flag=True, help="Print only letter and path: A, M, D or R.")
@click.option("--stat", is_flag=True, help="Print each path with the change of its size, and the sum.")
@click.option("--exit-code", is_flag=True, help="Exit with 5 if there are differences.")
@remote_option
@jobs_option
@json_option
@click.pass_context
@pass_invocation
def diff(
    invocation: Invocation,
    context: click.Context,
    revs: tuple[str, ...],
    as_markdown: bool,
    name_only: bool,
    name_status: bool,
    stat: bool,
    exit_code: bool,
    remote_name: str | None,
    as_json: bool,
) -> int:
    """Show which files changed between two versions, without needing the data.

    Without REV: from HEAD to the workspace. With one REV: from there to the workspace. `A..B` is from A to B,
    `A...B` from where B branched off to B.

    \b
    Examples:
      dvx diff
      dvx diff v1.0 v2.0 -- data/train
      dvx diff --stat HEAD~1 HEAD
      dvx diff --md origin/main...HEAD
    """
    from dvx.ops.diff import read_diff

    if as_json + as_markdown + name_only + name_status + stat > 1:
        raise UsageError(
            "`--json`, `--md`, `--name-only`, `--name-status` and `--stat` exclude each other",
            hints=["choose one of them"],
        )
    with invocation.project(allows_bare=True, remote=remote_name) as project:
        chosen, paths = _split(project, revs, separated_paths(context))
        if project.repository.is_bare and len(chosen) < 2:
            raise UsageError(
                "without a work tree, two revisions are compared", hints=["name both: `dvx diff HEAD~1 HEAD`"]
            )
        report = read_diff(
            project,
            old_rev=chosen[0] if chosen else None,
            new_rev=chosen[1] if len(chosen) > 1 else None,
            paths=typed_paths(project, paths),
            remote_name=remote_name,
        )
    if as_json:
        new_rev = report.new if len(chosen) > 1 else None
        invocation.output.result(
            format_document("dvx.diff/1", diff_fields(report, new_rev=new_rev) | failure_fields(invocation))
        )
    elif name_only:
        _print_lines(invocation, (escape(change.path) for change in report.changes))
    elif name_status or stat:
        _print_lines(invocation, status_lines(report) if name_status else stat_lines(report))
    elif as_markdown:
        _print_lines(invocation, markdown_lines(report))
    else:
        _print_lines(invocation, change_lines(report, invocation.output))
        invocation.output.summary(format_summary(report))
    for error in report.refused[:_MOST_SAID]:
        invocation.output.warning(error.what)
    if len(report.refused) > _MOST_SAID:
        invocation.output.warning(f"{len(report.refused) - _MOST_SAID} more: see `dvx status`")
    return ExitCode.DIFFERENCES if exit_code and report.changes else ExitCode.DONE


def _print_lines(invocation: Invocation, lines: Iterable[str]) -> None:
    for line in lines:
        invocation.output.result(line)


def _split(
    project: "Project", words: tuple[str, ...], paths: tuple[str, ...] | None
) -> tuple[list[str], tuple[str, ...]]:
    """Revisions and paths. Without `--`, words are revisions as long as Git knows them."""
    revs: list[str] = []
    for place, word in enumerate(words):
        found = named_revisions(project, word) if len(revs) < 2 else None
        if found is None and paths is None:
            return revs, _known_paths(project, words[place:])
        if found is None or len(revs) + len(found) > 2:
            raise UsageError(
                "more than two revisions were named"
                if len(revs) >= 2 or found
                else f"`{word}` is not a revision",
                hints=["list revisions: `git log --oneline --all`", "compare two: `dvx diff A B -- PATH`"],
            )
        revs += found
    return revs, paths or ()


def _known_paths(project: "Project", words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse words that are neither revisions nor paths, so that a misspelt revision is no empty answer."""
    from dvx.ops.selection import workspace_pointers

    if project.repository.is_bare:
        return words
    tracked = [item.path for item in workspace_pointers(project).readable]
    for word in words:
        path = project.repository.relative(word)
        is_near = any((name + "/").startswith(path + "/") or path.startswith(name + "/") for name in tracked)
        if not (is_near or not path or os.path.lexists(project.repository.absolute(path))):
            raise NotFound(
                f"`{word}` is neither a revision nor a tracked path",
                hints=project.git.shallow_hints()
                or [
                    "list what is tracked: `dvx ls`",
                    f"for a path of another version: `dvx diff -- {quote(word)}`",
                ],
                kind="unknown-revision",
            )
    return words
