"""The reference of the commands: what its examples say is what the commands take."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile

import click
import pytest
from pages.tree import ROOT

from dvx.cli.options import DvxGroup
from dvx.cli.root import cli

# An example is a command, and behind two blanks or more what it does.
_EXAMPLE = re.compile(r"^(?:\S+=\S+ )*dvx ((?:(?! {2,}).)+)", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _examples() -> Iterator[str]:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for block in _BLOCK.findall(text):
        yield from _EXAMPLE.findall(block)


def _first_command(line: str) -> list[str]:
    """The words up to a redirection or the next command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&><")
    lexer.whitespace_split = True
    return list(takewhile(lambda word: not set(word) <= set("|&><"), lexer))


EXAMPLES = sorted(set(_examples()))


def test_there_are_examples_of_every_kind() -> None:
    assert len(EXAMPLES) > 80
    assert "add --update" in EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_a_command_line_that_dvx_takes(example: str) -> None:
    words = _first_command(example)
    command: click.Command = cli
    context = click.Context(command, info_name="dvx")
    while isinstance(command, click.Group):
        words = command.rewrite(words) if isinstance(command, DvxGroup) else words
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    # Reads options and arguments with all their types, and runs nothing.
    command.make_context("dvx", words, parent=context)
