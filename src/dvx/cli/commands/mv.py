"""`dvx mv`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation
from dvx.cli.output import escape


@click.command("mv", cls=DvxCommand)
@click.argument("source", type=click.Path())
@click.argument("target", metavar="DESTINATION", type=click.Path())
@pass_invocation
def mv(invocation: Invocation, source: str, target: str) -> None:
    """Move or rename tracked data, its pointer and its line in .gitignore.

    No data is stored again; the new pointer names the same content.

    \b
    Examples:
      dvx mv data/train data/train-2024
      dvx mv model.bin models/          into a folder
    """
    from dvx.ops.move import move_path

    with invocation.project() as project:
        repository = project.repository
        new_path = move_path(project, repository.relative(source), repository.relative(target))
    invocation.output.summary(f"moved `{escape(source)}` to `{escape(new_path)}`")
