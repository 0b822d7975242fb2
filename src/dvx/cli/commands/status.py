"""`dvx status`."""

from typing import TYPE_CHECKING

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, complete_remote, jobs_option, json_option, pass_invocation
from dvx.cli.render import format_document
from dvx.cli.status_text import StatusText
from dvx.cli.targets import say_nothing_tracked, typed_paths
from dvx.core.errors import ExitCode

if TYPE_CHECKING:
    from dvx.ops.status import StatusReport
    from dvx.repo.repository import Repository


@click.command("status", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[TARGET]...", type=click.Path())
@click.option("--remote", "with_remote", is_flag=True, help="Also ask the remote for every object.")
@click.option(
    "-r", "remote_name", metavar="NAME", shell_complete=complete_remote,
    help="The remote to ask, in place of the default remote; implies --remote.",
)  # fmt: skip
@click.option("--exit-code", is_flag=True, help="Exit with 5 if anything differs.")
@jobs_option
@json_option
@pass_invocation
def status(
    invocation: Invocation,
    paths: tuple[str, ...],
    with_remote: bool,
    remote_name: str | None,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Compare the workspace with its pointers, and the pointers with HEAD.

    Lists modified, deleted and untracked files inside tracked data, at most 10 of each kind (all with -v).

    \b
    Examples:
      dvx status
      dvx status data/train -v
      dvx status --remote           is everything pushed?
      dvx status --exit-code -q     for scripts
    """
    from dvx.ops.status import read_status

    with invocation.project() as project:
        report = read_status(
            project,
            typed_paths(project, paths),
            remote_name=remote_name,
            with_remote=with_remote or remote_name is not None,
        )
        repository = project.repository
    if as_json:
        from dvx.cli.documents import status_fields  # not for those who read the text

        invocation.output.result(format_document("dvx.status/1", status_fields(report)))
    else:
        _print(invocation, report, repository)
    return ExitCode.DIFFERENCES if exit_code and not report.is_clean else ExitCode.DONE


def _print(invocation: Invocation, report: "StatusReport", repository: "Repository") -> None:
    if not (report.paths or report.broken or report.removed):
        say_nothing_tracked(invocation)
        return
    text = StatusText(report, repository, invocation.output, shows_all=invocation.verbosity > 0)
    for line in text.lines():
        invocation.output.result(line)
    for hint in text.hints():
        invocation.output.hint(hint)
