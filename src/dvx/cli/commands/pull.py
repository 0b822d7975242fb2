"""`dvx pull`."""

import click

from dvx.cli.checkout_text import say_checkout
from dvx.cli.documents import checkout_fields, fetch_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
    targets_argument,
)
from dvx.cli.render import format_document
from dvx.cli.targets import choose_targets, say_nothing_tracked
from dvx.core.sizes import format_size


@click.command("pull", cls=DvxCommand)
@targets_argument
@remote_option
@click.option(
    "--no-store/--store", "no_store", default=None,
    help="Do not keep a copy in the local store (default where the variable CI is set and the store is empty).",
)  # fmt: skip
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
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
    from dvx.ops.pull import pull as run

    with invocation.project() as project:
        chosen = choose_targets(project, targets)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        is_direct = invocation.is_ci and not project.has_local_roots if no_store is None else no_store
        result = run(project, chosen, remote_name=remote_name, no_store=is_direct, force=force)
    if as_json:
        document = {
            "direct": result.is_direct,
            "fetched": fetch_fields(result.fetched) if result.fetched is not None else None,
            "checkout": checkout_fields(result.checkout),
            "seconds": round(invocation.elapsed_s, 3),
        }
        invocation.output.result(format_document("dvx.pull/1", document))
    received = f"; {format_size(result.fetched.size_bytes)} received" if result.fetched is not None else ""
    say_checkout(invocation, result.checkout, verb="pulled", received=received)
