"""`dvx textconv`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation
from dvx.cli.textconv import print_textconv


@click.command("textconv", cls=DvxCommand)
@click.argument("file", type=click.Path())
@pass_invocation
def textconv(invocation: Invocation, file: str) -> int:
    """Print what a pointer FILE names, in a few lines; Git runs this for `git diff`.

    The listing of a directory is shown by folders, from the local store. No remote is asked.

    \b
    Examples:
      dvx textconv data/train.dvx
    """
    return print_textconv(file, env=invocation.env)
