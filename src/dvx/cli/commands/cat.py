"""`dvx cat`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_path, complete_revision
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation, remote_option
from dvx.cli.sources import foreign_repository

if TYPE_CHECKING:
    from dvx.chunking.parts import Buffer


@click.command("cat", cls=DvxCommand)
@click.argument("path", shell_complete=complete_path)
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revision,
    help="The file as REV has it, not the work tree's pointer.",
)
@click.option("--repo", "repository", metavar="REPO", help="A file of another repository (as `dvx get`).")
@click.option(
    "--range", "span", metavar="START-END", help="Only these bytes; both ends count, the first is 0."
)
@remote_option
@pass_invocation
def cat(
    invocation: Invocation,
    path: str,
    rev: str | None,
    repository: str | None,
    span: str | None,
    remote_name: str | None,
) -> None:
    """Write a tracked file to standard output.

    It is read from the local store, or else from the remote. With --range only the chunks that have these bytes
    are fetched: `0-999` are the first thousand bytes, `1000-` the rest, `-10` the last ten. Every chunk is verified
    before a byte of it is written.

    \b
    Examples:
      dvx cat data/train/labels.csv | head
      dvx cat --rev v1.0 model.bin > old.bin
      dvx cat --repo https://example.com/team/data.git --range -100 logs.bin
    """
    from dvx.ops.cat import cat as run
    from dvx.ops.cat import cat_foreign, parse_range
    from dvx.ops.foreign import clean_path

    wanted = parse_range(span) if span is not None else None
    if repository is not None:
        path = clean_path(path)
        with foreign_repository(invocation, repository, rev, path, remote=remote_name) as foreign:
            _write(invocation, cat_foreign(foreign, path, remote_name=remote_name, wanted=wanted))
        return
    with invocation.project(remote=remote_name) as project:
        inner = project.repository.relative(path)
        _write(invocation, run(project, inner, rev=rev, remote_name=remote_name, wanted=wanted))


def _write(invocation: Invocation, pieces: "Iterable[Buffer]") -> None:
    for piece in pieces:
        invocation.output.result_bytes(piece)
    invocation.output.flush()
