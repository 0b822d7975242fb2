"""`dvx log`."""

from dataclasses import replace
from functools import cache
from shlex import quote
from typing import TYPE_CHECKING, Final

import click

from dvx.cli.completions import complete_path, complete_revision
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document
from dvx.cli.targets import typed_paths
from dvx.core.errors import UsageError, name_some

if TYPE_CHECKING:
    from dvx.cli.experiment_text import FindNew
    from dvx.ops.experiment_rows import ExperimentLog
    from dvx.ops.experiment_table import ExperimentTable
    from dvx.ops.project import Project
    from dvx.repo.pointer_history import HistorySelection, PointerHistory

_NEW: Final = "new"
# Commits whose names are suggested.
_LOOKED_AT: Final = 100


@click.command("log", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(), shell_complete=complete_path)
@click.option(
    "--rev",
    "revs",
    multiple=True,
    metavar="REV",
    shell_complete=complete_revision,
    help="From REV, or in A..B. Can be repeated.",
)
@click.option("--all", "all_refs", is_flag=True, help="Of all branches and tags.")
@click.option("--since", metavar="DATE", help="Commits after DATE, as Git reads it.")
@click.option("-n", "limit", type=click.IntRange(min=0), metavar="N", help="The newest N commits.")
@click.option("--where", metavar="EXPR", help="Rows that EXPR is true for; -n counts these.")
@click.option(
    "--sort", metavar="KEY", help="Best first for a metric, else from small to large; -KEY turns it round."
)
@click.option("--columns", metavar="NAMES", help="Columns by comma; params, metrics, meta: all of them.")
@click.option("--graph", "as_graph", is_flag=True, help="Draw branches and merges in front.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with exact values.")
@click.option("--md", "as_markdown", is_flag=True, help="Print a Markdown table.")
@pass_invocation
def log(
    invocation: Invocation,
    paths: tuple[str, ...],
    revs: tuple[str, ...],
    all_refs: bool,
    since: str | None,
    limit: int | None,
    where: str | None,
    sort: str | None,
    columns: str | None,
    as_graph: bool,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
) -> None:
    """Show how data, parameters and metrics changed over the commits, one row for each pointer changed.

    Parameters and metrics that are the same in all rows stand in a line above the table. `new` is what the
    version before did not have, where the local store knows both.

    \b
    Examples:
      dvx log models/net.bin
      dvx log --all --where 'lr < 1e-3 and metrics.acc > 0.9' --sort metrics.acc
      dvx log --columns commit,size,params,metrics.acc --csv
    """
    from dvx.formats.expressions import parse_expression
    from dvx.ops.directions import Directions
    from dvx.ops.experiment_rows import read_log
    from dvx.ops.experiment_table import make_table
    from dvx.repo.pointer_history import ALL_REFS, HistorySelection, PointerHistory

    _check_options(as_json + as_csv + as_markdown, as_graph, sort=sort, where=where)
    expression = parse_expression(where) if where is not None else None
    with invocation.project(allows_bare=True) as project:
        chosen = (*revs, *(ALL_REFS if all_refs else ())) or ("HEAD",)
        selection = HistorySelection(chosen, typed_paths(project, paths), since, limit)
        history = PointerHistory(project.repository)
        found = read_log(history, selection, where=expression)
        wanted = [name.strip() for name in (columns or "").split(",") if name.strip()]
        directions = Directions.of_config(project.config)
        _note_unreadable(project, found)
        find_new = _new_bytes(project, history, found)
        table = make_table(
            found.rows, wanted=wanted, sort=sort, directions=directions, find_new=find_new,
            names_path=_is_part(selection, where) and {row.change.path for row in found.rows} != set(selection.paths),
        )  # fmt: skip
        if as_json:
            from dvx.cli.documents_log import log_fields

            document = format_document("dvx.log/1", log_fields(found, table.rows, find_new))
            invocation.output.result(document)
        elif as_graph:
            _print_graph(invocation, history, selection, table, find_new)
        else:
            _print(
                invocation, table, find_new, as_csv=as_csv, as_markdown=as_markdown, is_chosen=bool(wanted)
            )
        _tell(invocation, found)
        if not found.rows:
            _explain_nothing(invocation, project, selection, paths=paths, missing=found.missing)


def _is_part(selection: "HistorySelection", where: str | None) -> bool:
    """Whether rows were left out, so that those of one path need not be of the only one."""
    return selection.limit is not None or selection.since is not None or where is not None


def _check_options(forms: int, as_graph: bool, *, sort: str | None, where: str | None) -> None:
    if forms > 1:
        raise UsageError("`--json`, `--csv` and `--md` exclude each other", hints=["choose one of them"])
    if as_graph and (forms or sort or where):
        raise UsageError(
            "`--graph` draws all commits in their own order, as text",
            hints=["leave `--graph` out, or `--sort`, `--where`, `--json`, `--csv` and `--md`"],
        )


def _new_bytes(project: "Project", history: "PointerHistory", log: "ExperimentLog") -> "FindNew":
    """What answers how much of a version was new; all versions are compared once, when it is first asked."""
    from dvx.ops.experiment_new import new_by_row

    @cache
    def found() -> "dict[tuple[str, str], int | None]":
        return new_by_row(project, history, log.rows)

    return lambda row: found().get((row.commit.id, row.change.path))


def _print(
    invocation: Invocation,
    table: "ExperimentTable",
    find_new: "FindNew",
    *,
    as_csv: bool,
    as_markdown: bool,
    is_chosen: bool,
) -> None:
    from dvx.cli.experiment_text import csv_text, markdown_table, text_lines

    output = invocation.output
    if as_csv:
        output.result(csv_text(table, find_new), end="")
        return
    if not table.rows:
        return
    if not is_chosen:
        table = _without_unknown(table, find_new)
    if as_markdown:
        output.result("\n".join(markdown_table(table, find_new)))
        return
    lines, dropped = text_lines(table, output, find_new)
    output.result("\n".join(lines))
    _say_dropped(invocation, dropped)


def _print_graph(
    invocation: Invocation,
    history: "PointerHistory",
    selection: "HistorySelection",
    table: "ExperimentTable",
    find_new: "FindNew",
) -> None:
    from dvx.cli.experiment_text import text_lines
    from dvx.ops.experiment_graph import draw_rows

    if not table.rows:
        return
    drawing, rows = draw_rows(history.graph(selection), table.rows)
    drawn = _without_unknown(table, find_new)
    drawn = replace(drawn, rows=tuple(rows))
    lines, dropped = text_lines(drawn, invocation.output, find_new, drawing=drawing)
    invocation.output.result("\n".join(lines))
    _say_dropped(invocation, dropped)


def _without_unknown(table: "ExperimentTable", find_new: "FindNew") -> "ExperimentTable":
    """Leave out the column of new bytes where nothing is known of any row."""
    if any(find_new(row) is not None for row in table.rows):
        return table
    columns = tuple(column for column in table.columns if column.name != _NEW)
    return replace(table, columns=columns)


def _say_dropped(invocation: Invocation, dropped: list[str]) -> None:
    if dropped:
        invocation.output.hint(
            f"the terminal has no room for {escape(name_some(dropped))}; `--columns` chooses, `--csv` has all"
        )


def _note_unreadable(project: "Project", log: "ExperimentLog") -> None:
    """Versions that are no pointers fail by name; their rows are among the others."""
    for name, error in log.unreadable.items():
        project.failures.add(name, error)
    if log.unreadable:
        project.failures.done += sum(row.pointer is not None for row in log.rows)


def _tell(invocation: Invocation, log: "ExperimentLog") -> None:
    if any(row.commit.is_boundary for row in log.rows):
        invocation.output.hint("this clone is shallow; for older commits: `git fetch --unshallow`")


def _no_commit(project: "Project", paths: tuple[str, ...]) -> str:
    if project.git.head() is None:
        return "there is no commit here yet; `git commit` makes one"
    asked = f"the pointer of {name_some(paths)}" if paths else "a pointer that was asked for"
    return escape(f"no commit changed {asked}")


def _explain_nothing(
    invocation: Invocation,
    project: "Project",
    selection: "HistorySelection",
    *,
    paths: tuple[str, ...],
    missing: tuple[str, ...],
) -> None:
    """Say why there may be no row: a name that no commit has, or a revision that was taken for a path."""
    from dvx.ops.experiment_rows import read_log
    from dvx.ops.experiment_table import near_names
    from dvx.repo.pointer_history import HistorySelection, PointerHistory

    if selection.limit == 0:
        invocation.output.summary("`-n 0` asks for no commit")
        return
    newest = HistorySelection(selection.revs, selection.paths, selection.since, _LOOKED_AT)
    rows = read_log(PointerHistory(project.repository), newest).rows
    if not rows:
        invocation.output.summary(_no_commit(project, paths))
        for path in filter(project.git.is_commit, paths):
            invocation.output.hint(f"`{escape(path)}` names a commit: `dvx log --rev {escape(quote(path))}`")
        return
    invocation.output.summary("`--where` is true for no row")
    for name in missing:
        near = near_names(name, rows)
        meant = f"; did you mean {name_some(near)}?" if near else ""
        invocation.output.hint(escape(f"no commit looked at has `{name}`{meant}"))
