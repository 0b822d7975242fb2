"""What hooks say. It appears between Git's own lines, so each message starts with `dvx:`.

Owns the words. Must not decide anything.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.output import escape
from dvx.cli.render import plural
from dvx.core.errors import DvxError, name_some
from dvx.core.shell_words import quote_all
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.follow import FollowResult
    from dvx.ops.push_guard import GuardResult
    from dvx.ops.staged_check import StagedReport

# Longer lists do not fit on a line; `dvx pull` without paths gets everything.
_MOST_NAMED = 5


def say_follow(invocation: Invocation, result: "FollowResult") -> None:
    """Say what moved in one line, and one line with its command for everything that did not."""
    output = invocation.output
    if result.is_busy:
        output.message("dvx: another dvx command is using the workspace; when it has ended: `dvx checkout`")
        return
    done = _done(result)
    if done:
        output.summary(f"dvx: {done}")
    for error in [*result.kept, *result.problems]:
        say_error(invocation, error)
    if result.checkout.kept:
        output.message(
            f"dvx: kept modified {escape(name_some(result.checkout.kept))}: the pointers do not change them"
        )
    if result.absent:
        count = plural(len(result.absent), "tracked path")
        names = escape(name_some(result.absent))
        output.message(f"dvx: the data of {count} is not here yet ({names}): {escape(_pull(result.absent))}")


def say_error(invocation: Invocation, error: DvxError) -> None:
    """One line for what went wrong, and one for each next command."""
    invocation.output.message(f"dvx: {escape(error.what)}")
    for hint in error.hints:
        invocation.output.message(f"     {escape(hint)}")


def _done(result: "FollowResult") -> str:
    parts = []
    checkout = result.checkout
    if checkout.written:
        parts.append(f"{plural(checkout.written, 'file')} ({format_size(checkout.size_bytes)}) written")
    removed = checkout.removed + result.removed
    if removed:
        parts.append(f"{plural(removed, 'file')} removed")
    return ", ".join(parts)


def _pull(paths: Sequence[str]) -> str:
    return f"`dvx pull {quote_all(paths)}`" if len(paths) <= _MOST_NAMED else "`dvx pull`"


def say_guard(invocation: Invocation, result: "GuardResult") -> None:
    """Name what the remote lacks, and the command that pushes it; or what was pushed just now."""
    output = invocation.output
    if result.pushed is not None and result.pushed.roots:
        sent = format_size(result.pushed.size_bytes)
        output.summary(
            f"dvx: pushed {plural(result.pushed.roots, 'root')} ({sent}) to {escape(result.place)}"
        )
    if not result.missing:
        return
    count = len({(item.path, item.pointer.id) for item in result.missing})
    names = escape(name_some(dict.fromkeys(item.path for item in result.missing)))
    blocked = "these commits were not pushed" if result.is_blocked else "the commits are pushed all the same"
    output.message(
        f"dvx: {escape(result.place)} lacks the data of {plural(count, 'pointer version')}: {names}"
    )
    output.message(f"  affected: {blocked}")
    for hint in result.hints:
        output.message(f"{output.paint_message('hint', 'blue')}: {escape(hint)}")


def say_check(invocation: Invocation, report: "StagedReport") -> None:
    """Name every problem with the command that fixes it, and what was rewritten."""
    output = invocation.output
    for path in report.fixed:
        output.message(f"dvx: rewrote and staged `{escape(path)}`")
    for problem in report.problems:
        level = "error" if problem.is_error else "warning"
        output.message(f"dvx: {output.paint_message(level, 'red')}: {escape(problem.what)}")
        if problem.command:
            output.message(f"     fix: {escape(problem.command)}")
