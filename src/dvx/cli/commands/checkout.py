"""`dvx checkout`."""

import click

from dvx.cli.checkout_action import run_checkout
from dvx.cli.completions import complete_revision
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    targets_argument,
)


@click.command("checkout", cls=DvxCommand)
@targets_argument
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revision,
    help="Bring back what REV has, with its pointers, staged. HEAD stays where it is.",
)
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def checkout(
    invocation: Invocation, targets: tuple[str, ...], rev: str | None, force: bool, as_json: bool
) -> None:
    """Bring the workspace to what the pointers say, from the local store.

    Use it after `git switch`, `git checkout` or `git reset`. Only files that differ are written; files that
    an older version of the data brought are removed; untracked files stay.

    \b
    Examples:
      git switch experiment && dvx checkout
      dvx checkout --force data/train      give up changes that were not added
      dvx checkout --rev v1.0 data/train   an older version, ready to be committed again
    """
    run_checkout(invocation, targets, rev=rev, force=force, as_json=as_json)
