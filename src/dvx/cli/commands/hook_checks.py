"""`dvx hooks check` and `dvx hooks large-files`: checks of what is about to be committed."""

from typing import TYPE_CHECKING

import click

from dvx.cli.documents_hooks import large_files_fields
from dvx.cli.hook_actions import run_check
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, jobs_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, plural
from dvx.core.errors import ExitCode

if TYPE_CHECKING:
    from dvx.ops.large_files import LargeFilesReport


@click.command("check", cls=DvxCommand)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option(
    "--fix", is_flag=True, help="Rewrite and stage pointers that are valid but not as dvx writes them."
)
@click.option(
    "--data/--no-data", "looks_at_data", default=True, help="Also look for data that changed (the default)."
)
@jobs_option
@json_option
@pass_invocation
def check(
    invocation: Invocation, files: tuple[str, ...], fix: bool, looks_at_data: bool, as_json: bool
) -> int:
    """Check what the next commit says of the data: the pre-commit hook.

    Staged pointers must be valid, as dvx writes them, plain files and without conflict markers. Tracked data must
    not be committed to Git, and not have changed since its pointer was staged. Exits with 1 if anything is wrong.

    \b
    Examples:
      dvx hooks check
      dvx hooks check --fix
      dvx hooks check --no-data      pointers only, in a workspace of millions of files
    """
    return run_check(invocation, files, fix=fix, looks_at_data=looks_at_data, as_json=as_json)


@click.command("large-files", cls=DvxCommand)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option("--maxkb", "max_kb", type=click.IntRange(min=0), default=500, metavar="KB", show_default=True,
              help="The most KiB that a file committed to Git may have.")  # fmt: skip
@click.option(
    "--enforce-all", is_flag=True, help="Look at all files, not only at those that are being added."
)
@json_option
@pass_invocation
def large_files(
    invocation: Invocation, files: tuple[str, ...], max_kb: int, enforce_all: bool, as_json: bool
) -> int:
    """Find large files that are about to be committed to Git, and print the command that tracks them with dvx.

    Takes the options of `check-added-large-files` of pre-commit-hooks and finds the same files. Sizes are those
    that Git would commit; pointers never count. Without FILES, everything staged. Exits with 1 if it finds any.

    \b
    Examples:
      dvx hooks large-files
      dvx hooks large-files --maxkb=1000 model.bin
    """
    from dvx.ops.large_files import find_large_files

    repository = invocation.repository()
    paths = [repository.relative(path) for path in files]
    report = find_large_files(
        repository.git(), repository.root, paths, max_kb=max_kb, enforce_all=enforce_all
    )
    if as_json:
        invocation.output.result(format_document("dvx.hooks-large-files/1", large_files_fields(report)))
    else:
        _say_large(invocation, report)
    return ExitCode.FAILED if report.files else ExitCode.DONE


def _say_large(invocation: Invocation, report: "LargeFilesReport") -> None:
    output = invocation.output
    for file in report.files:
        output.result(f"{escape(file.path)} ({file.size_kb} KB) exceeds {report.max_kb} KB.")
    for command in report.commands:
        output.result(f"track {plural(len(report.files), 'file')} with dvx instead: {escape(command)}")
