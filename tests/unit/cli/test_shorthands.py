"""Shorthands and old names: what people type means what they meant."""

import io
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.root import cli
from dvx.cli.unknown_commands import UnknownCommandError
from dvx.core.errors import UsageError


def _invocation(folder: str) -> Invocation:
    return Invocation(env={}, folder=folder, output=Output(io.StringIO(), io.StringIO(), uses_colour=False))


def _read(*args: str) -> tuple[str, dict[str, Any]]:
    """The command and its parameters."""
    context = cli.make_context("dvx", list(args))
    command: click.Command = cli
    words = [*context._protected_args, *context.args]
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, found.make_context(name, list(words), parent=context)
        words = [*context._protected_args, *context.args]
    return context.command_path.removeprefix("dvx "), context.params


@pytest.mark.parametrize(
    ("typed", "spelled"),
    [
        ("remote", "remote list"),
        ("remote -v", "remote list -v"),
        ("remote --json", "remote list --json"),
        ("config -l", "config list"),
        ("config --list --show-origin", "config list --show-origin"),
        ("config core.jobs", "config get core.jobs"),
        ("config core.jobs 4", "config set core.jobs 4"),
        ("config --local core.jobs 4", "config set --local core.jobs 4"),
        ("config --unset core.jobs", "config unset core.jobs"),
        ("push --all-refs", "push --all"),
        ("fetch --all-refs", "fetch --all"),
        ("get REPO x --out y", "get REPO x --output y"),
        ("import REPO x --out y", "import REPO x -o y"),
        ("clone REPO --rev v1", "clone REPO --branch v1"),
        ("add x -f", "add x --force"),
        ("status --remote=backup", "status -r backup"),
        ("verify --remote=backup x", "verify -r backup x"),
        ("status --remote data", "status data --remote"),
    ],
)
def test_a_shorthand_is_the_command_spelled_out(typed: str, spelled: str) -> None:
    assert _read(*typed.split()) == _read(*spelled.split())


def test_the_name_of_a_remote_behind_remote_is_no_target(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both").write_text("a file of that name")
    monkeypatch.setattr("dvx.cli.options.known_remotes", lambda _: ["backup", "both"])
    for name in ("status", "verify"):
        assert _read(name, "--remote", "backup", "x") == _read(name, "-r", "backup", "x")
        assert _read(name, "--remote", "both") == _read(name, "both", "--remote")
        assert _read(name, "--remote", "--", "backup")[1]["remote_name"] is None


@pytest.mark.parametrize("option", ["--out", "--all-refs"])
def test_names_of_earlier_releases_are_in_no_help(option: str) -> None:
    for name in ("get", "import", "push", "fetch"):
        text = CliRunner().invoke(cli, [name, "--help"], prog_name="dvx").output
        assert option not in text.replace("--output", "")


@pytest.mark.parametrize("words", ["", "push", "remote add", "config"])
def test_help_is_a_command_too(words: str) -> None:
    invocation = _invocation(".")
    results = invocation.output._results
    assert isinstance(results, io.StringIO)
    CliRunner().invoke(cli, ["help", *words.split()], prog_name="dvx", obj=invocation)
    assert results.getvalue().startswith(f"Usage: dvx {words}")
    assert (
        results.getvalue().strip()
        == CliRunner().invoke(cli, [*words.split(), "--help"], prog_name="dvx").output.strip()
    )


def test_help_of_what_is_no_command_says_so() -> None:
    result = CliRunner().invoke(
        cli, ["help", "track"], prog_name="dvx", standalone_mode=False, obj=_invocation(".")
    )
    assert isinstance(result.exception, UnknownCommandError)


def test_options_of_a_remote_without_its_address_are_refused(tmp_path: Path) -> None:
    invocation = _invocation(str(tmp_path))
    with pytest.raises(UsageError, match="`--endpoint` is about a remote"):
        cli.main(["init", "--endpoint", "http://x"], prog_name="dvx", standalone_mode=False, obj=invocation)
