"""`dvx pull`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
    targets_argument,
)
from dvx.cli.pull_action import run_pull


@click.command("pull", cls=DvxCommand)
@targets_argument
@remote_option
@click.option(
    "--no-store/--store", "no_store", default=None,
    help="Do not keep a copy in the local store (default where the variable CI is set and the store is empty).",
)  # fmt: skip
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def pull(
    invocation: Invocation,
    targets: tuple[str, ...],
    remote_name: str | None,
    no_store: bool | None,
    force: bool,
    as_json: bool,
) -> None:
    """Get the data that the pointers name into the workspace.

    Fetches what the local store lacks, then checks it out. Files whose content is not stored anywhere are
    never overwritten without --force. Every byte is verified before it gets its final name.

    \b
    Examples:
      dvx pull
      dvx pull data/train
      dvx pull 'data/train/part-1*.csv'     a part of a tracked folder
      dvx pull --no-store                   straight into the workspace, half the disk
    """
    run_pull(invocation, targets, remote_name=remote_name, no_store=no_store, force=force, as_json=as_json)
