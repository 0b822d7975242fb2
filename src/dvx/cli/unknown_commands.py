"""What is said of a command that does not exist.

Owns the choice between a lead from another tool and a similar name. Must not run anything.
"""

from collections.abc import Sequence
from difflib import get_close_matches

import click

from dvx.cli.leads import GROUP_LEADS, LEADS

_NAME_CHARACTERS = 80


class UnknownCommandError(click.UsageError):
    """There is no command of this name; `hints` say what there is."""

    def __init__(self, what: str, *, ctx: click.Context, hints: Sequence[str]) -> None:
        super().__init__(what, ctx=ctx)
        self.hints = tuple(hints)


def unknown_command(ctx: click.Context, name: str, names: Sequence[str]) -> UnknownCommandError:
    """The error for `name`, which is none of `names`."""
    leads = LEADS if ctx.parent is None else GROUP_LEADS.get(str(ctx.info_name), {})
    what = f"there is no command `{name[:_NAME_CHARACTERS]}`"
    if name in leads:
        return UnknownCommandError(what, ctx=ctx, hints=[leads[name]])
    near = [f"`{ctx.command_path} {each}`" for each in get_close_matches(name, names, n=2)]
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return UnknownCommandError(what + meant, ctx=ctx, hints=())
