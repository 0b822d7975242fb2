"""`dvx mv`."""

import click

from dvx.cli.completions import complete_path
from dvx.cli.documents_setup import mv_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, dry_run_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document


@click.command("mv", cls=DvxCommand)
@click.argument("source", type=click.Path(), shell_complete=complete_path)
@click.argument("target", metavar="DESTINATION", type=click.Path())
@dry_run_option
@json_option
@pass_invocation
def mv(invocation: Invocation, source: str, target: str, as_json: bool) -> None:
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
        old_path = repository.relative(source)
        new_path = move_path(project, old_path, repository.relative(target))
    if as_json:
        document = format_document("dvx.mv/1", mv_fields(old_path=old_path, path=new_path))
        invocation.output.result(document)
    invocation.output.summary(f"moved `{escape(source)}` to `{escape(new_path)}`")
