"""What `dvx pull` does once its command line has been read.

Owns what is said about a pull. Imports no click, so that a plain `dvx pull` does without it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.checkout_text import say_checkout
from dvx.cli.invocation import Invocation
from dvx.cli.targets import choose_targets, explaining_names, say_nothing_tracked
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.pull import PullResult


def run_pull(
    invocation: Invocation,
    targets: Sequence[str],
    *,
    remote_name: str | None = None,
    no_store: bool | None = None,
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Pull everything, or the targets, and say what was written. `no_store` None: as the environment suggests."""
    from dvx.ops.pull import pull_each

    with invocation.project(remote=remote_name) as project:
        with explaining_names(project, targets, verb="pull"):
            chosen = choose_targets(project, targets)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        is_direct = invocation.is_ci and not project.has_local_roots if no_store is None else no_store
        result = pull_each(project, chosen, remote_name=remote_name, no_store=is_direct, force=force)
    if as_json:
        _print_document(invocation, result)
    received = f"; {format_size(result.fetched.size_bytes)} received" if result.fetched is not None else ""
    say_checkout(invocation, result.checkout, verb="pulled", received=received)


def _print_document(invocation: Invocation, result: "PullResult") -> None:
    from dvx.cli.documents import checkout_fields, fetch_fields  # not for those who read the text
    from dvx.cli.failure_text import failure_fields
    from dvx.cli.render import format_document

    document = {
        "direct": result.is_direct,
        "fetched": fetch_fields(result.fetched) if result.fetched is not None else None,
        "checkout": checkout_fields(result.checkout),
        **failure_fields(invocation),
        "seconds": round(invocation.elapsed_s, 3),
    }
    invocation.output.result(format_document("dvx.pull/1", document))
