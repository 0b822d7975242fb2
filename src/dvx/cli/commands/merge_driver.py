"""`dvx merge-driver`."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from dvx.cli.boundary import format_error
from dvx.cli.conflict_text import conflict_summary, dropped_warning
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation
from dvx.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dvx.ops.project import Project


@click.command("merge-driver", cls=DvxCommand)
@click.argument("base", type=click.Path())
@click.argument("ours", type=click.Path())
@click.argument("theirs", type=click.Path())
@click.argument("rest", nargs=-1, metavar="[MARKER_SIZE] PATH")
@pass_invocation
def merge_driver(
    invocation: Invocation, base: str, ours: str, theirs: str, rest: tuple[str, ...]
) -> ExitCode:
    """Merge three versions of a pointer; Git runs this.

    The result replaces OURS. Directories merge file by file, from their listings. Exits with 1 for a conflict;
    OURS then has conflict markers, and `dvx resolve` lists and ends the conflicts.

    \b
    Examples:
      git config merge.dvx.driver 'dvx merge-driver %O %A %B %L %P'
    """
    from dvx.formats.pointer_merge import DEFAULT_MARKER_BYTES
    from dvx.ops.merge_driver import DriverFiles, run_merge_driver
    from dvx.repo.git import Git

    if not 1 <= len(rest) <= 2:
        raise UsageError(
            "a merge driver takes %O %A %B %L %P", hints=["set it up: `dvx hooks install`"], kind="usage"
        )
    size = int(rest[0]) if len(rest) == 2 and rest[0].isdecimal() else DEFAULT_MARKER_BYTES
    files = DriverFiles(base, ours, theirs, rest[-1], max(1, min(size, 1000)))
    with ExitStack() as stack:

        def open_project() -> "Project":
            return stack.enter_context(invocation.project())

        result = run_merge_driver(open_project, Git(invocation.folder), files)
    output = invocation.output
    if result.dropped:
        output.message(dropped_warning(files.pointer_path.removesuffix(".dvx"), result.dropped))
    if result.is_clean:
        return ExitCode.DONE
    if result.error is not None:
        output.message(format_error(result.error, output))
    for line in conflict_summary(files.pointer_path, result.conflicts):
        output.message(line)
    return ExitCode.FAILED
