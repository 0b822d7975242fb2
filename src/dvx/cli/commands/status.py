"""`dvx status`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, complete_remote, jobs_option, json_option, pass_invocation
from dvx.cli.status_action import run_status


@click.command("status", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[TARGET]...", type=click.Path())
@click.option("--remote", "with_remote", is_flag=True, help="Also ask the remote for every object.")
@click.option(
    "-r", "remote_name", metavar="NAME", shell_complete=complete_remote,
    help="The remote to ask, in place of the default remote; implies --remote.",
)  # fmt: skip
@click.option("--exit-code", is_flag=True, help="Exit with 5 if anything differs.")
@jobs_option
@json_option
@pass_invocation
def status(
    invocation: Invocation,
    paths: tuple[str, ...],
    with_remote: bool,
    remote_name: str | None,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Compare the workspace with its pointers, and the pointers with HEAD.

    Lists modified, deleted and untracked files inside tracked data, at most 10 of each kind (all with -v).

    \b
    Examples:
      dvx status
      dvx status data/train -v
      dvx status --remote           is everything pushed?
      dvx status --exit-code -q     for scripts
    """
    return run_status(
        invocation,
        paths,
        with_remote=with_remote,
        remote_name=remote_name,
        exit_code=exit_code,
        as_json=as_json,
    )
