"""`dvx checkout`."""

from typing import TYPE_CHECKING

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
from dvx.cli.targets import choose_targets, say_nothing_tracked, typed_paths

if TYPE_CHECKING:
    from dvx.ops.checkout import CheckoutResult


@click.command("checkout", cls=DvxCommand)
@targets_argument
@click.option(
    "--rev", metavar="REV", help="Bring back what REV has, with its pointers, staged. HEAD stays where it is."
)
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
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
    from dvx.ops.checkout_revision import checkout_revision
    from dvx.ops.pull import checkout as run

    with invocation.project() as project:
        if rev is not None:
            result, git_files = checkout_revision(
                project, typed_paths(project, targets), rev=rev, force=force
            )
            _report(invocation, result, git_files, as_json=as_json)
            return
        chosen = choose_targets(project, targets)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        result = run(project, chosen, force=force)
    _report(invocation, result, [], as_json=as_json)


def _report(invocation: Invocation, result: "CheckoutResult", git_files: list[str], *, as_json: bool) -> None:
    if as_json:
        document = {
            **checkout_fields(result),
            "git_files": git_files,
            "seconds": round(invocation.elapsed_s, 3),
        }
        invocation.output.result(format_document("dvx.checkout/1", document))
    say_checkout(invocation, result, verb="checked out")
    if git_files:
        invocation.output.hint("`git diff --cached` shows the pointers; `git commit` keeps this version")
