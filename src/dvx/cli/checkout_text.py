"""How the outcome of a checkout reads, for `dvx checkout` and `dvx pull`."""

from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.output import escape
from dvx.cli.render import format_duration, plural
from dvx.core.errors import name_some
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.checkout import CheckoutResult

_MOST_SAID = 5


def say_checkout(invocation: Invocation, result: "CheckoutResult", *, verb: str, received: str = "") -> None:
    """Print the summary line, and which files were kept because of work in them."""
    output = invocation.output
    if result.kept:
        count = plural(len(result.kept), "modified file")
        output.warning(
            f"kept {count} that the newer pointers do not change: {escape(name_some(result.kept))}"
        )
    for error in result.refused[:_MOST_SAID]:
        output.warning(error.what)
    if len(result.refused) > _MOST_SAID:
        output.warning(f"{len(result.refused) - _MOST_SAID} more cannot be tracked: see `dvx status`")
    if not result.written and not result.removed:
        rest = "everything else" if invocation.has_failures else "everything"
        output.summary(f"{rest} is up to date: {plural(result.paths, 'tracked path')}{received}")
        return
    removed = f", {plural(result.removed, 'file')} removed" if result.removed else ""
    output.summary(
        f"{verb} {plural(result.paths, 'tracked path')} in {format_duration(invocation.elapsed_s)}: "
        f"{plural(result.written, 'file')} ({format_size(result.size_bytes)}) written{removed}{received}"
    )
