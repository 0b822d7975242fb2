"""`dvx completion`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, pass_invocation


@click.command("completion", cls=DvxCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_invocation
def completion(invocation: Invocation, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(dvx completion bash)"                             in ~/.bashrc
      eval "$(dvx completion zsh)"                              in ~/.zshrc
      dvx completion fish > ~/.config/fish/completions/dvx.fish
    """
    from click.shell_completion import get_completion_class

    from dvx.cli.root import cli

    shell_class = get_completion_class(shell)
    assert shell_class is not None
    invocation.output.result(shell_class(cli, {}, "dvx", "_DVX_COMPLETE").source())
