"""`dvx import`."""

import os

import click

from dvx.cli.documents_sources import imported_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    DvxOption,
    dry_run_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
)
from dvx.cli.output import escape
from dvx.cli.render import format_document, format_duration, plural
from dvx.cli.sources import foreign_repository
from dvx.core.ids import short_git_id
from dvx.core.sizes import format_size


@click.command("import", cls=DvxCommand)
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
    help="Where to track it (default: the name of PATH).",
)
@remote_option
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def import_data(
    invocation: Invocation,
    repository: str,
    path: str,
    rev: str | None,
    out: str | None,
    remote_name: str | None,
    as_json: bool,
) -> None:
    """Track data of another repository here, with a note of where it is from.

    Works as `dvx get`, into the local store and the workspace. The pointer records the repository, REV, the
    commit and PATH: `dvx update` asks for newer data, and `dvx pull` takes it from the source's remote where the
    own one lacks it. -r names a remote of REPO.

    \b
    Examples:
      dvx import https://example.com/team/data.git data/train
      dvx import ../registry images/cats --rev v1.0 -o data/cats
    """
    from dvx.ops.foreign import clean_path
    from dvx.ops.imports import import_path

    path = clean_path(path)
    with (
        invocation.project(needs_init=True) as project,
        foreign_repository(invocation, repository, rev, path, remote=remote_name) as foreign,
    ):
        place = project.repository.relative(out) if out is not None else None
        if out is not None and out.endswith(("/", os.sep)):
            place = f"{place}/" if place else place
        imported = import_path(project, foreign, path, rev=rev, out=place, remote_name=remote_name)
    if as_json:
        fields = {**imported_fields(imported), "seconds": round(invocation.elapsed_s, 3)}
        invocation.output.result(format_document("dvx.import/1", fields))
    pointer = imported.tracked.pointer
    files = plural(pointer.files if pointer.files is not None else 1, "file")
    invocation.output.summary(
        f"imported {files} ({format_size(pointer.size)}) of commit {short_git_id(imported.source.commit)} in "
        f"{format_duration(invocation.elapsed_s)}: {escape(imported.tracked.path)}"
    )
