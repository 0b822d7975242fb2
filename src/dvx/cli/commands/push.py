"""`dvx push`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
    revisions_options,
    targets_argument,
)
from dvx.cli.push_action import run_push


@click.command("push", cls=DvxCommand)
@targets_argument
@remote_option
@revisions_options
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def push(
    invocation: Invocation,
    targets: tuple[str, ...],
    remote_name: str | None,
    revs: tuple[str, ...],
    all_refs: bool,
    as_json: bool,
) -> None:
    """Copy data from the local store to a remote.

    Sends only what the remote lacks, and ends when the remote has confirmed every object. A tracked folder
    goes as a whole, also when only a part of it is named. With --rev or --all the work tree is not read.

    Without a target that is what the work tree names, and every version in commits that `git push` has not sent yet.

    \b
    Examples:
      dvx push
      dvx push data/train -r backup
      dvx push --rev v1.0
      dvx push --all                 every version on every branch and tag
    """
    run_push(invocation, targets, remote_name=remote_name, revs=revs, all_refs=all_refs, as_json=as_json)
