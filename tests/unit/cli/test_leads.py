"""What is said to a command that other tools have, and whether all of it exists here."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from dvx.cli.leads import GROUP_LEADS, LEADS
from dvx.cli.root import COMMANDS, cli
from dvx.cli.unknown_commands import UnknownCommandError

_COMMAND = re.compile(r"`dvx ([^`]+)`")
ALL_LEADS = [*LEADS.values(), *(lead for leads in GROUP_LEADS.values() for lead in leads.values())]


def _error(*args: str) -> UnknownCommandError:
    result = CliRunner().invoke(cli, list(args), prog_name="dvx", standalone_mode=False)
    assert isinstance(result.exception, UnknownCommandError)
    assert result.exception.exit_code == 2
    return result.exception


@pytest.mark.parametrize("line", sorted({line for lead in ALL_LEADS for line in _COMMAND.findall(lead)}))
def test_every_command_line_of_a_lead_is_one_that_dvx_reads(line: str) -> None:
    words = shlex.split(line)
    context: click.Context = click.Context(cli, info_name="dvx")
    command: click.Command | None = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(context, words.pop(0))
    assert command is not None
    if words != ["--version"]:
        command.make_context(line, words, resilient_parsing=False)


@pytest.mark.parametrize("verb", LEADS)
def test_a_verb_of_another_tool_leads_to_what_does_its_work(verb: str) -> None:
    assert verb not in COMMANDS
    error = _error(verb, "x", "--some-option")
    assert (error.format_message(), error.hints) == (f"there is no command `{verb}`", (LEADS[verb],))


def test_a_verb_inside_of_a_group_leads_too() -> None:
    assert _error("remote", "rm", "x").hints == ("`dvx remote remove NAME`",)
    assert "did you mean `dvx remote check`?" in _error("remote", "chek").format_message()
    assert _error("psuh").format_message() == "there is no command `psuh`; did you mean `dvx push`?"
    for name, leads in GROUP_LEADS.items():
        group = cli.get_command(click.Context(cli), name)
        assert isinstance(group, click.Group)
        assert leads.keys().isdisjoint(group.commands)
