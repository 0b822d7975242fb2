"""What `dvx status` does once its command line has been read.

Owns the order of reading and printing. Imports no click, so that a plain `dvx status` does without it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.targets import explaining_names, say_nothing_tracked, typed_paths
from dvx.core.errors import ExitCode

if TYPE_CHECKING:
    from dvx.ops.status import StatusReport
    from dvx.repo.repository import Repository


def run_status(
    invocation: Invocation,
    targets: Sequence[str],
    *,
    with_remote: bool = False,
    remote_name: str | None = None,
    short: bool = False,
    exit_code: bool = False,
    as_json: bool = False,
) -> int:
    """Print the status of everything, or of the targets; returns the exit code."""
    from dvx.ops.status import read_status

    with invocation.project(remote=remote_name) as project:
        with explaining_names(project, targets, verb="status"):
            report = read_status(
                project,
                typed_paths(project, targets),
                remote_name=remote_name,
                with_remote=with_remote or remote_name is not None,
            )
        repository = project.repository
    if as_json:
        from dvx.cli.documents import status_fields  # not for those who read the text
        from dvx.cli.render import format_document

        invocation.output.result(format_document("dvx.status/1", status_fields(report)))
    elif short:
        from dvx.cli.status_short import short_lines

        for line in short_lines(report, repository):
            invocation.output.result(line)
    else:
        _print(invocation, report, repository)
    return ExitCode.DIFFERENCES if exit_code and not report.is_clean else ExitCode.DONE


def _print(invocation: Invocation, report: "StatusReport", repository: "Repository") -> None:
    if not (report.paths or report.broken or report.removed):
        say_nothing_tracked(invocation)
        return
    from dvx.cli.status_text import StatusText

    text = StatusText(report, repository, invocation.output, shows_all=invocation.verbosity > 0)
    for line in text.lines():
        invocation.output.result(line)
    for hint in text.hints():
        invocation.output.hint(hint)
