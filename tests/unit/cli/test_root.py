"""The table of commands, their help, and the options they share."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dvx.backends.location import RECOGNISED_OPTIONS
from dvx.cli.root import COMMANDS, cli


def _all_commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, info_name="dvx")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())


ALL = dict(_all_commands())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_every_command_has_usage_and_an_example_of_it(name: str, flag: str) -> None:
    result = CliRunner().invoke(cli, [*name.split(), flag], prog_name="dvx")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: dvx {name}")
    examples = result.output.partition("Examples:\n")[2]
    assert f"dvx {name}" in examples.partition("Options:")[0]


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_the_global_options(name: str) -> None:
    spellings = {spelling for parameter in ALL[name].params for spelling in parameter.opts}
    assert {"-C", "-v", "--verbose", "-q", "--quiet", "--no-input"} <= spellings


@pytest.mark.parametrize("name", ALL)
def test_no_option_is_spelled_twice(name: str) -> None:
    spellings = [
        s for p in ALL[name].params if isinstance(p, click.Option) for s in p.opts + p.secondary_opts
    ]
    assert len(spellings) == len(set(spellings))


def test_list_of_commands_has_every_command_with_its_summary() -> None:
    result = CliRunner().invoke(cli, ["--help"], prog_name="dvx")
    width = max(map(len, COMMANDS))
    for name, entry in COMMANDS.items():
        assert f"  {name.ljust(width)}  {entry.summary}" in result.output


def test_misspelt_command_names_the_similar_one() -> None:
    result = CliRunner().invoke(cli, ["psh"], prog_name="dvx")
    assert result.exit_code == 2
    assert "there is no command `psh`; did you mean `dvx push`?" in result.output


def test_remote_add_has_a_flag_for_every_option_of_a_store() -> None:
    flags = {p.name for p in ALL["remote add"].params if isinstance(p, click.Option)}
    assert {spec.name for spec in RECOGNISED_OPTIONS} <= flags


def test_reference_pages_are_what_the_code_says() -> None:
    from dvx.cli.reference import reference_pages

    folder = Path(__file__).resolve().parents[3] / "docs" / "reference"
    for name, text in reference_pages().items():
        assert (folder / name).read_text(encoding="utf-8") == text, "run scripts/generate-reference"
