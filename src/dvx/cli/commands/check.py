"""`dvx check`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_revision
from dvx.cli.documents_check import check_report_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation
from dvx.cli.render import format_document
from dvx.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dvx.ops.check import CheckReport


@click.command("check", cls=DvxCommand)
@click.option(
    "--rev", metavar="REV", shell_complete=complete_revision, help="Check the commit REV, not the work tree."
)
@click.option("--staged", "is_staged", is_flag=True, help="Check what the next commit will have.")
@click.option(
    "--base", metavar="REV", shell_complete=complete_revision,
    help="The commit that rules compare with (default: where the branch left the default branch of the remote).",
)  # fmt: skip
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for a pull request.")
@click.option("--junit", metavar="FILE", type=click.Path(), help="Write the results to FILE, as JUnit XML.")
@click.option(
    "--openmetrics", metavar="FILE", type=click.Path(),
    help="Write results, metrics and sizes to FILE, as OpenMetrics text.",
)  # fmt: skip
@json_option
@pass_invocation
def check(
    invocation: Invocation,
    rev: str | None,
    is_staged: bool,
    base: str | None,
    as_markdown: bool,
    junit: str | None,
    openmetrics: str | None,
    as_json: bool,
) -> int:
    """Check that the rules of `.dvx/checks.toml` hold: over metrics, parameters, sizes and names of files.

    The rules and all values are those of one version: the work tree, the staging area, or a commit. Data is never
    needed. A base that is not in this clone is fetched alone, so a clone of depth 1 is enough.

    Exits with 5 if a rule fails, and with 2 if the rules cannot be read.

    \b
    Examples:
      dvx check
      dvx check --base origin/main --md
      dvx check --rev v1.0 --junit checks.xml
    """
    from dvx.ops.check import CheckScope, run_checks

    if as_json and as_markdown:
        raise UsageError("`--json` and `--md` exclude each other", hints=["choose one of them"])
    if rev is not None and is_staged:
        raise UsageError("`--rev` and `--staged` exclude each other", hints=["leave one of them out"])
    with invocation.project(allows_bare=rev is not None) as project:
        report = run_checks(project, CheckScope(rev=rev, base=base, is_staged=is_staged))
    _write_files(invocation, report, junit=junit, openmetrics=openmetrics)
    _print(invocation, report, as_json=as_json, as_markdown=as_markdown)
    return ExitCode.DIFFERENCES if report.failed else ExitCode.DONE


def _write_files(
    invocation: Invocation, report: "CheckReport", *, junit: str | None, openmetrics: str | None
) -> None:
    if junit is not None:
        from dvx.cli.check_junit import render_junit  # 10 ms of XML

        _write(invocation, junit, lambda: render_junit(report, seconds=invocation.elapsed_s))
    if openmetrics is not None:
        from dvx.cli.openmetrics import check_samples, render_openmetrics

        _write(invocation, openmetrics, lambda: render_openmetrics(check_samples(report)).encode("utf-8"))


def _write(invocation: Invocation, path: str, render: Callable[[], bytes]) -> None:
    """A reader such as the collector of Prometheus never sees a part of the file."""
    from dvx.disk.atomic import write_atomic

    write_atomic(os.path.join(invocation.folder, path), render(), durable=False)


def _print(invocation: Invocation, report: "CheckReport", *, as_json: bool, as_markdown: bool) -> None:
    from dvx.cli.check_text import check_lines, check_markdown, check_summary

    output = invocation.output
    if as_json:
        output.result(format_document("dvx.check/1", check_report_fields(report)))
    for line in () if as_json else check_markdown(report) if as_markdown else check_lines(report, output):
        output.result(line)
    if report.compares_with_itself:
        output.warning("the base is the checked commit itself; name another: `dvx check --base REV`")
    if not as_json and not as_markdown:
        output.summary(check_summary(report))
