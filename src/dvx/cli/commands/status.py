"""`dvx status`."""

import click

from dvx.cli.completions import complete_path, complete_remote
from dvx.cli.invocation import Invocation
from dvx.cli.options import RemoteFlagCommand, jobs_option, json_option, pass_invocation
from dvx.cli.status_action import run_status


@click.command("status", cls=RemoteFlagCommand)
@click.argument("paths", nargs=-1, metavar="[TARGET]...", type=click.Path(), shell_complete=complete_path)
@click.option(
    "--remote",
    "with_remote",
    is_flag=True,
    help="Also ask the remote for every object, or that of a NAME behind it.",
)
@click.option(
    "-r", "remote_name", metavar="NAME", shell_complete=complete_remote,
    help="The remote to ask, in place of the default remote; implies --remote.",
)  # fmt: skip
@click.option("-s", "--short", is_flag=True, help="One line for each path: its state, then the path.")
@click.option("--exit-code", is_flag=True, help="Exit with 5 if anything differs.")
@jobs_option
@json_option
@pass_invocation
def status(
    invocation: Invocation,
    paths: tuple[str, ...],
    with_remote: bool,
    remote_name: str | None,
    short: bool,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Compare the workspace with its pointers, and the pointers with HEAD.

    Lists modified, deleted and untracked files inside tracked data, at most 10 of each kind (all with -v).

    With --short, the first letter is that of the pointer against HEAD: A new, M modified, D removed, U unmerged; the
    second that of the data: M changed, D not here, < older than the pointer, ! cannot be told. ?? is an untracked file
    inside of tracked data, !! a broken pointer.

    \b
    Examples:
      dvx status
      dvx status data/train -v
      dvx status --remote           is everything pushed?
      dvx status --short
      dvx status --exit-code -q     for scripts
    """
    return run_status(
        invocation,
        paths,
        with_remote=with_remote,
        remote_name=remote_name,
        short=short,
        exit_code=exit_code,
        as_json=as_json,
    )
