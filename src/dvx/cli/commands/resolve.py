"""`dvx resolve`."""

from typing import TYPE_CHECKING

import click

from dvx.cli.boundary import format_error
from dvx.cli.completions import complete_path
from dvx.cli.conflict_text import choice_hint, dropped_warning, unresolved_lines
from dvx.cli.documents_merge import resolve_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, dry_run_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, plural
from dvx.cli.targets import typed_paths
from dvx.core.errors import ExitCode, UsageError, name_some
from dvx.core.shell_words import quote_all

if TYPE_CHECKING:
    from dvx.ops.resolve import ResolveReport


@click.command("resolve", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(), shell_complete=complete_path)
@click.option("--ours", "is_ours", is_flag=True, help="Take conflicting paths and keys from ours.")
@click.option("--theirs", "is_theirs", is_flag=True, help="Take conflicting paths and keys from theirs.")
@dry_run_option
@json_option
@pass_invocation
def resolve(
    invocation: Invocation, paths: tuple[str, ...], is_ours: bool, is_theirs: bool, as_json: bool
) -> int:
    """End conflicts of pointers after a merge, rebase, cherry-pick or stash.

    Without options: merge what needs no decision and list what does. With --ours or --theirs: decide for PATH, a
    tracked path, a path inside one, or a folder; without PATH for everything. What only one side changed is kept
    either way. Ours and theirs are Git's: in a rebase, ours is the branch that is rebased onto.

    When nothing is left to decide for a pointer, it is written and staged, and its data is checked out; files
    with work that is not stored stay.

    \b
    Examples:
      dvx resolve                                  list the conflicts
      dvx resolve --theirs data/train/labels.csv   decide about one file
      dvx resolve --ours data/train                decide about the rest
    """
    from dvx.formats.three_way import Side
    from dvx.ops.resolve import resolve as run

    if is_ours and is_theirs:
        raise UsageError(
            "`--ours` and `--theirs` exclude each other", hints=["run it once for each side, with its paths"]
        )
    side = Side.OURS if is_ours else Side.THEIRS if is_theirs else None
    with invocation.project() as project:
        report = run(project, typed_paths(project, paths), side)
    if as_json:
        invocation.output.result(format_document("dvx.resolve/1", resolve_fields(report)))
    else:
        for item in report.unresolved:
            for line in unresolved_lines(item):
                invocation.output.result(line)
    _say(invocation, report)
    return _exit_code(report)


def _say(invocation: Invocation, report: "ResolveReport") -> None:
    output = invocation.output
    for item in report.unresolved:
        if item.error is not None:
            output.message(format_error(item.error, output))
    for path, error in report.kept.items():
        output.message(f"{escape(path)}: merged and staged, but not checked out")
        output.message(format_error(error, output))
    for path, tables in report.dropped.items():
        output.message(dropped_warning(path, tables))
    for path in report.removed:
        output.message(f"{escape(path)}: not tracked any more; its data was left in the workspace")
    done = [*report.resolved, *report.removed]
    if done:
        output.summary(f"resolved {plural(len(done), 'path')}: {escape(name_some(done))}")
    undecided = [item.unmerged.path for item in report.unresolved if item.error is None]
    if undecided:
        output.hint(escape(choice_hint(undecided[0])))
    if report.marked:
        output.message(f"{escape(name_some(report.marked))}: staged with conflict markers")
        output.hint(escape(f"bring the versions back: `git checkout -m -- {quote_all(report.marked)}`"))
        output.hint("then merge them: `dvx resolve`")
    elif not report.unresolved:
        output.summary("no conflicts are left" if done else "there are no conflicts in tracked data")


def _exit_code(report: "ResolveReport") -> int:
    if report.marked:
        return ExitCode.FAILED
    errors = [item.error for item in report.unresolved if item.error is not None]
    if errors:
        return errors[0].exit_code
    return ExitCode.PARTIAL if report.kept else ExitCode.DONE
