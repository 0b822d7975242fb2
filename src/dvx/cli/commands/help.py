"""`dvx help`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation


@click.command("help", cls=DvxCommand)
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
@pass_invocation
def help_(invocation: Invocation, context: click.Context, words: tuple[str, ...]) -> None:
    """Show how a command is used, as its `--help`.

    \b
    Examples:
      dvx help
      dvx help push
      dvx help remote add
    """
    assert context.parent is not None
    command, place = context.parent.command, context.parent
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"`{place.command_path}` has no commands of its own", ctx=place)
        name, found, _ = command.resolve_command(place, [word])
        assert found is not None
        command, place = found, click.Context(found, info_name=name, parent=place)
    invocation.output.result(command.get_help(place))
