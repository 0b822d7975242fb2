"""`dvx plot`."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from dvx.cli.completions import complete_revision_or_path
from dvx.cli.documents_plot import plot_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.plot_page import ENDINGS, render_plot
from dvx.cli.plot_text import Screen, chart_lines
from dvx.cli.render import format_document, plural
from dvx.core.errors import GitError, NotFound, UsageError

if TYPE_CHECKING:
    from dvx.ops.curves import Chart
    from dvx.ops.plot import PlotRequest
    from dvx.ops.project import Project

_SERIES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
_MAX_COLUMNS: Final = 100


@click.command("plot", cls=DvxCommand)
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="PATH|FILE... [REV...]",
    shell_complete=complete_revision_or_path,
)
@click.option("-o", "--output", "out", type=click.Path(), help="Write an .html, .svg or .png file.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Draw NAME only. Can be repeated.")
@click.option("--x", "x_column", metavar="COLUMN", help="The column of the steps.")
@json_option
@pass_invocation
def plot(
    invocation: Invocation,
    words: tuple[str, ...],
    out: str | None,
    metrics: tuple[str, ...],
    x_column: str | None,
    as_json: bool,
) -> None:
    """Draw metrics: the steps of a training, or the versions of tracked data.

    FILE has a row for each step (CSV, TSV, JSON Lines, a list in JSON): one curve for each REV, or for the work tree.
    PATH is tracked data: its recorded metrics over the commits up to each REV, or HEAD. Without -o the drawing is
    for a terminal; HTML, SVG and PNG need `pip install 'git-dvx[plot]'`.

    \b
    Examples:
      dvx plot metrics.csv
      dvx plot metrics.csv main my-branch -o curves.html
      dvx plot models/net.bin --metric acc
    """
    from dvx.ops.plot import read_charts

    ending = _ending(out)
    if as_json and out is not None:
        raise UsageError("`--json` and `-o` exclude each other", hints=["leave one of them out"])
    with invocation.project(allows_bare=True) as project:
        request = _request(project, words, metrics=metrics, x=x_column)
        charts = read_charts(project, request)
    if out is not None and ending is not None:
        _write(invocation, charts, out, ending)
    elif as_json:
        invocation.output.result(format_document("dvx.plot/1", plot_fields(charts)))
    else:
        _print(invocation, charts)


def _ending(out: str | None) -> str | None:
    if out is None:
        return None
    ending = os.path.splitext(out)[1].lower()
    if ending not in ENDINGS:
        raise UsageError(f"`{out}` has none of the endings {', '.join(ENDINGS)}", hints=["`-o plot.html`"])
    return ending


def _request(
    project: "Project", words: Sequence[str], *, metrics: Sequence[str], x: str | None
) -> "PlotRequest":
    """Sort the words: what is tracked or a file is drawn, what Git knows is a revision."""
    from dvx.ops.plot import PlotRequest

    files: list[str] = []
    pointers: list[str] = []
    revs: list[str] = []
    unknown: list[str] = []
    for word in words:
        path, kind = _kind(project, word)
        {"file": files, "pointer": pointers, "rev": revs}.get(kind, unknown).append(path)
    for word in unknown:
        # Gone from the work tree, or a typing mistake: only the history can tell.
        (files if word.lower().endswith(_SERIES) else pointers).append(_in_history(project, word, revs))
    if not files and not pointers:
        raise UsageError("name what to draw", hints=["`dvx plot metrics.csv`", "`dvx plot PATH`"])
    return PlotRequest(files=files, pointers=pointers, revs=revs, metrics=metrics, x=x)


def _kind(project: "Project", word: str) -> tuple[str, str]:
    """The word as it is meant, and whether it is a `file`, a `pointer`, a `rev` or `unknown`."""
    from dvx.repo.pointers import is_pointer_path, pointer_path_of

    repository = project.repository
    if not repository.is_bare:
        place = os.path.join(repository.root, repository.prefix, word)
        if is_pointer_path(word) or os.path.lexists(pointer_path_of(place)):
            return repository.relative(word).removesuffix(".dvx"), "pointer"
        if os.path.isfile(place):
            return repository.relative(word), "file"
        if os.path.isdir(place):
            return repository.relative(word), "pointer"
    try:
        return word, "rev" if project.git.is_commit(word) else "unknown"
    except GitError:
        return word, "unknown"


def _in_history(project: "Project", word: str, revs: Sequence[str]) -> str:
    """The path of the repository that a word means, if any of the revisions has it as a file or as tracked data."""
    path = word if project.repository.is_bare else project.repository.relative(word)
    for rev in revs or ["HEAD"]:
        for name in (path, path + ".dvx"):
            try:
                if project.git.run(["--literal-pathspecs", "ls-tree", "-z", "--full-tree", rev, "--", name]):
                    return path
            except GitError:
                break
    raise NotFound(
        f"`{word}` is neither a file, nor tracked, nor a revision",
        hints=project.git.shallow_hints()
        or ["list what is tracked: `dvx ls`", "list revisions: `git log --oneline --all`"],
        kind="unknown-revision",
    )


def _write(invocation: Invocation, charts: "Sequence[Chart]", out: str, ending: str) -> None:
    from dvx.disk.atomic import write_atomic

    names = ", ".join(chart.name for chart in charts)
    path = os.path.join(invocation.folder, out)
    write_atomic(path, render_plot(charts, ending, title=f"dvx plot: {names[:200]}"), durable=False)
    curves = sum(len(chart.curves) for chart in charts)
    invocation.output.summary(
        f"drew {plural(curves, 'curve')} of {plural(len(charts), 'metric')}: {escape(out)}"
    )


def _print(invocation: Invocation, charts: "Sequence[Chart]") -> None:
    output = invocation.output
    screen = Screen(
        width=min(_MAX_COLUMNS, shutil.get_terminal_size().columns),
        paint=output.paint,
        has_colour=output.paint("x", "blue") != "x",
        is_ascii=not _shows_braille(),
    )
    for number, chart in enumerate(charts):
        if number:
            output.result()
        for line in chart_lines(chart, screen):
            output.result(line)


def _shows_braille() -> bool:
    try:
        "┤⣿".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
