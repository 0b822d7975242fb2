"""Command lines so plain that they are read without click, whose import takes as long as a status of clean data.

Owns which command lines these are: one of a few commands, then operands and flags, each flag by itself. click has the
one definition of every command, and all other command lines are read by it; tests compare the two. Must not report
anything: a mistake is click's to explain.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from dvx.cli.invocation import Invocation

# click answers the questions of a shell that completes a command line.
_COMPLETION: Final = "_DVX_COMPLETE"
_REMOTE: Final = "--remote"
_JSON: Final = {"--json": ("as_json", True)}
_FORCE: Final = {"-f": ("force", True), "--force": ("force", True)}
_SHORT: Final = {"-s": ("short", True), "--short": ("short", True)}
_STORE: Final = {"--no-store": ("no_store", True), "--store": ("no_store", False)}
# Place of the function that does the work, and the arguments that flags give it.
_COMMANDS: Final[Mapping[str, tuple[str, Mapping[str, tuple[str, bool]]]]] = {
    "status": (
        "dvx.cli.status_action:run_status",
        _JSON | _SHORT | {"--exit-code": ("exit_code", True), _REMOTE: ("with_remote", True)},
    ),
    "push": (
        "dvx.cli.push_action:run_push",
        _JSON | {"--all": ("all_refs", True)},
    ),
    "pull": ("dvx.cli.pull_action:run_pull", _JSON | _FORCE | _STORE),
    "checkout": ("dvx.cli.checkout_action:run_checkout", _JSON | _FORCE),
}
_VERBOSE: Final = frozenset({"-v", "--verbose"})
_QUIET: Final = frozenset({"-q", "--quiet"})
_NO_INPUT: Final = "--no-input"


class PlainLine(NamedTuple):
    """A command line as it was read: `flags` are arguments of the function at `place`."""

    place: str
    operands: tuple[str, ...]
    flags: dict[str, bool]
    verbosity: int
    is_quiet: bool
    may_ask: bool


def parse_plain(args: Sequence[str], *, env: Mapping[str, str]) -> PlainLine | None:
    """Read a command line, or return None where that is for click."""
    if not args or args[0] not in _COMMANDS or _COMPLETION in env:
        return None
    place, known = _COMMANDS[args[0]]
    operands: list[str] = []
    flags: dict[str, bool] = {}
    shared: list[str] = []
    for arg, following in zip(args[1:], [*args[2:], "-"], strict=False):
        if arg == _REMOTE and not following.startswith("-"):
            return None  # the name of a remote, or an operand: that takes the settings to tell
        if arg in known:
            name, value = known[arg]
            flags[name] = value
        elif arg in _VERBOSE or arg in _QUIET or arg == _NO_INPUT:
            shared.append(arg)
        elif not arg or arg.startswith("-"):
            return None
        else:
            operands.append(arg)
    verbosity = sum(arg in _VERBOSE for arg in shared)
    is_quiet = not _QUIET.isdisjoint(shared)
    return PlainLine(place, tuple(operands), flags, verbosity, is_quiet, may_ask=_NO_INPUT not in shared)


def run_plain(line: PlainLine, invocation: Invocation) -> int:
    """Run the command and return its exit code."""
    invocation.verbosity += line.verbosity
    invocation.output.is_quiet = line.is_quiet
    invocation.may_ask = line.may_ask
    module, _, name = line.place.partition(":")
    action = getattr(import_module(module), name)
    return int(action(invocation, line.operands, **line.flags) or 0)
