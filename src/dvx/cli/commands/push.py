"""`dvx push`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dvx.cli.documents import push_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
    revisions_options,
    targets_argument,
)
from dvx.cli.output import escape
from dvx.cli.push_text import push_summary
from dvx.cli.render import format_document, without_password
from dvx.cli.targets import choose_for_transfer, say_nothing_tracked

if TYPE_CHECKING:
    from dvx.repo.targets import Target


@click.command("push", cls=DvxCommand)
@targets_argument
@remote_option
@revisions_options
@jobs_option
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
    goes as a whole, also when only a part of it is named. With --rev or --all-refs the work tree is not read.

    \b
    Examples:
      dvx push
      dvx push data/train -r backup
      dvx push --rev v1.0
      dvx push --all-refs            every version on every branch and tag
    """
    from dvx.ops.push import push as run

    with invocation.project(allows_bare=True) as project:
        chosen = choose_for_transfer(project, targets, revs=revs, all_refs=all_refs)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        _say_whole(invocation, chosen)
        result = run(project, [target.tracked for target in chosen], remote_name=remote_name)
        place = project.remote_config(remote_name).url
    if as_json:
        document = push_fields(result, remote=place, seconds=invocation.elapsed_s)
        invocation.output.result(format_document("dvx.push/1", document))
    invocation.output.summary(
        push_summary(result, place=escape(without_password(place)), seconds=invocation.elapsed_s)
    )


def _say_whole(invocation: Invocation, chosen: "Sequence[Target]") -> None:
    for target in chosen:
        if target.inside and invocation.verbosity:
            invocation.output.message(f"`{escape(target.tracked.path)}` is pushed whole")
