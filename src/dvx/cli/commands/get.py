"""`dvx get`."""

import click

from dvx.cli.documents_sources import get_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    DvxOption,
    dry_run_option,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
)
from dvx.cli.output import escape
from dvx.cli.render import format_document, format_duration, plural
from dvx.cli.sources import foreign_repository
from dvx.core.errors import UsageError
from dvx.core.ids import short_git_id
from dvx.core.shell_words import quote_all
from dvx.core.sizes import format_size


@click.command("get", cls=DvxCommand)
@click.argument("repository", metavar="REPO")
@click.argument("path")
@click.option("--rev", metavar="REV", help="A branch, tag or commit (default: the default branch).")
@click.option(
    "-o",
    "--output",
    "out",
    cls=DvxOption,
    also=["--out"],
    metavar="OUT",
    type=click.Path(),
    help="Where to write (default: the name of PATH).",
)
@remote_option
@force_option("Replace files that are there.")
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def get(
    invocation: Invocation,
    repository: str,
    path: str,
    rev: str | None,
    out: str | None,
    remote_name: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Get data of another repository, without cloning it.

    REPO is anything that Git can fetch from, or a path. Only its pointers are fetched; the data comes straight
    from the remote that they name, verified. PATH is tracked data, a folder above it, a path inside it, or a
    pattern; `.` is everything. No Git repository is needed here.

    \b
    Examples:
      dvx get https://example.com/team/data.git data/train
      dvx get git@example.com:team/models.git model.bin --rev v1.0 -o base.bin
      dvx get ../registry 'images/cats/*.jpg' -o cats
    """
    from dvx.ops.foreign import clean_path
    from dvx.ops.get import get as run

    path = clean_path(path)
    if out == "-":
        raise UsageError(
            "`dvx get` writes files; `-` is not one",
            affected="nothing was written",
            hints=[f"print a file: `dvx cat --repo REPO {quote_all([path])}`", "or write to `-o ./-`"],
        )
    with foreign_repository(invocation, repository, rev, path, remote=remote_name) as foreign:
        result = run(foreign, path, out=out, folder=invocation.folder, remote_name=remote_name, force=force)
        shown = foreign.address.shown
    if as_json:
        fields = get_fields(result, repository=shown, path=path, seconds=invocation.elapsed_s)
        invocation.output.result(format_document("dvx.get/1", fields))
    present = f", {plural(result.present, 'file')} there already" if result.present else ""
    commit = short_git_id(result.commit)
    invocation.output.summary(
        f"got {plural(result.written, 'file')} ({format_size(result.size_bytes)}) of commit {commit} "
        f"in {format_duration(invocation.elapsed_s)}{present}: {escape(result.out)}"
    )
