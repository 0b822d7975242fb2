"""`dvx checkout`."""

import click

from dvx.cli.checkout_text import say_checkout
from dvx.cli.documents import checkout_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    targets_argument,
)
from dvx.cli.render import format_document
from dvx.cli.targets import choose_targets, say_nothing_tracked


@click.command("checkout", cls=DvxCommand)
@targets_argument
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
@json_option
@pass_invocation
def checkout(invocation: Invocation, targets: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Bring the workspace to what the pointers say, from the local store.

    Use it after `git switch`, `git checkout` or `git reset`. Only files that differ are written; files that
    an older version of the data brought are removed; untracked files stay.

    \b
    Examples:
      git switch experiment && dvx checkout
      dvx checkout --force data/train      give up changes that were not added
    """
    from dvx.ops.pull import checkout as run

    with invocation.project() as project:
        chosen = choose_targets(project, targets)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        result = run(project, chosen, force=force)
    if as_json:
        document = {**checkout_fields(result), "seconds": round(invocation.elapsed_s, 3)}
        invocation.output.result(format_document("dvx.checkout/1", document))
    say_checkout(invocation, result, verb="checked out")
