"""cli.plain: a command line that it reads means what click says; any other is for click."""

import inspect
from importlib import import_module
from io import StringIO
from itertools import chain, pairwise, permutations
from typing import Any

import click
import pytest

from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.plain import _COMMANDS, PlainLine, parse_plain, run_plain
from dvx.cli.root import cli

SHARED = ["-v", "--verbose", "-q", "--quiet", "--no-input"]
# Options that take a value: they are for click.
VALUED = {"remote_name": None, "revs": (), "rev": None}


def invocation() -> Invocation:
    output = Output(StringIO(), StringIO(), uses_colour=False)
    return Invocation(env={}, folder=".", output=output)


def read_by_click(name: str, args: list[str]) -> tuple[dict[str, Any], Invocation]:
    """The arguments of the command's function, with its targets under that name, and what the global options set."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    told = invocation()
    context = command.make_context(name, list(args), obj=told)
    params = dict(context.params)
    (operands,) = [param.name for param in command.params if isinstance(param, click.Argument)]
    params["targets"] = params.pop(operands)
    return params, told


def read_plainly(name: str, args: list[str]) -> tuple[dict[str, Any], PlainLine]:
    line = parse_plain([name, *args], env={})
    assert line is not None
    module, _, function = line.place.partition(":")
    parameters = inspect.signature(getattr(import_module(module), function)).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return {**defaults, **line.flags, "targets": line.operands}, line


@pytest.mark.parametrize("name", _COMMANDS)
def test_plain_command_line_gives_the_arguments_that_click_gives(name: str) -> None:
    flags = [*_COMMANDS[name][1], *SHARED]
    some = chain.from_iterable(permutations(flags, count) for count in range(3))
    for args in [["data", "a b/*", *chosen, "model.bin"] for chosen in some] + [[], ["x"], ["-v", "-v"]]:
        if any(pair[0] == "--remote" and not pair[1].startswith("-") for pair in pairwise(args)):
            assert parse_plain([name, *args], env={}) is None  # it may be the name of a remote
            continue
        meant, told = read_by_click(name, args)
        found, line = read_plainly(name, args)
        assert found == meant, args
        assert (line.verbosity, line.is_quiet, line.may_ask) == (
            told.verbosity,
            told.output.is_quiet,
            told.may_ask,
        )


@pytest.mark.parametrize("name", _COMMANDS)
def test_plain_knows_every_flag_of_its_commands(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = [option for option in command.params if isinstance(option, click.Option)]
    flags = {
        spelling
        for option in options
        if option.is_flag and option.expose_value
        for spelling in [*option.opts, *option.secondary_opts]
    }
    assert set(_COMMANDS[name][1]) == flags
    assert {option.name for option in options if option.expose_value and not option.is_flag} <= set(VALUED)


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["add", "data"],
        ["-v", "status"],
        ["status", "--help"],
        ["status", "-h"],
        ["status", "-r", "backup"],
        ["status", "-rbackup"],
        ["status", "-vv"],
        ["status", "-qv"],
        ["status", "-C", "folder"],
        ["status", "--jso"],
        ["status", "--json=1"],
        ["status", "--", "-q"],
        ["status", "-"],
        ["status", ""],
        ["status", "--force"],
        ["push", "--rev", "v1"],
        ["push", "-j", "2"],
        ["pull", "--all-refs"],
        ["checkout", "--rev=v1"],
    ],
)
def test_other_command_lines_are_for_click(args: list[str]) -> None:
    assert parse_plain(args, env={}) is None


def test_questions_of_a_shell_are_for_click() -> None:
    assert parse_plain(["status"], env={"_DVX_COMPLETE": "bash_complete"}) is None


def test_run_plain_tells_the_invocation_and_returns_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []

    def action(told: Invocation, targets: tuple[str, ...], **flags: bool) -> int:
        said.append((told.verbosity, told.output.is_quiet, told.may_ask, targets, flags))
        return 5

    monkeypatch.setattr("dvx.cli.status_action.run_status", action)
    line = parse_plain(["status", "-v", "data", "-q", "--exit-code", "--no-input"], env={})
    assert line is not None
    assert run_plain(line, invocation()) == 5
    assert said == [(1, True, False, ("data",), {"exit_code": True})]
