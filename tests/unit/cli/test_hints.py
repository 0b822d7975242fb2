"""Every command that dvx can name exists: those in its messages, hints, help and docstrings.

A text is read from the source, with a stand-in for each part that is only known when it is said. The command in it is
parsed as the command line would be, so a subcommand or an option that does not exist is found too.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import dvx
from dvx.cli.root import cli

SOURCE = Path(dvx.__file__).parent
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^|(?:&&|\||;)\s*)((?:git )?dvx(?: [^&|;]*)?)")
_STAND_IN = "X0X"


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in a module, parts of f-strings joined."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(part) for part in ast.walk(node) if part is not node)
            parts = [part.value if isinstance(part, ast.Constant) else _STAND_IN for part in node.values]
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _named_commands() -> list[tuple[str, str]]:
    return [
        (f"{path.relative_to(SOURCE).as_posix()}:{line}", command.strip())
        for path in sorted(SOURCE.rglob("*.py"))
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        for span in _SPAN.findall(text)
        for command in _COMMAND.findall(span)
    ]


def _problem(command: str) -> str | None:
    """What the command line would refuse in it, or None. Values are not looked at."""
    try:
        words = shlex.split(command.removeprefix("git "))[1:]
    except ValueError:
        return "its quotes do not match"
    current: click.Command = cli
    # With the settings of the real one: click keeps the help option that it makes for the first context of a command.
    context = click.Context(cli, info_name="dvx", **cli.context_settings)
    while isinstance(current, click.Group):
        _, rest = _split_options(current, words, context)
        if not rest:
            return None
        name, words = rest[0], rest[1:]
        if name in (_STAND_IN, "...", "…", "COMMAND"):
            return None
        found = current.get_command(context, name)
        if found is None:
            return f"there is no command `{name}`"
        current = found
        context = click.Context(current, parent=context, info_name=name)
    try:
        current.make_parser(context).parse_args([word for word in words if word != "..."])
    except click.BadOptionUsage as error:
        # Prose names an option without its value: `dvx add --from`.
        return None if words[-1] == error.option_name else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return None


def _split_options(
    group: click.Group, words: list[str], context: click.Context
) -> tuple[dict[str, object], list[str]]:
    parser = group.make_parser(context)
    parser.allow_interspersed_args = False
    options, rest, _ = parser.parse_args(list(words))
    return dict(options), rest


def test_a_command_that_does_not_exist_is_found() -> None:
    assert _problem("dvx nothing") == "there is no command `nothing`"
    assert _problem("dvx remote nothing") == "there is no command `nothing`"
    assert _problem("dvx push --no-such-option") is not None
    assert _problem("dvx -C X0X push -r X0X X0X") is None


def test_there_are_many_commands_in_messages() -> None:
    assert len(_named_commands()) > 300


@pytest.mark.parametrize(
    "part", ["backends", "cli", "core", "disk", "formats", "ops", "repo", "store", "testing"]
)
def test_every_command_that_a_message_names_exists(part: str) -> None:
    wrong = [
        f"{place}: `{command}`: {problem}"
        for place, command in _named_commands()
        if place.startswith(part) and (problem := _problem(command))
    ]
    assert wrong == []
