"""Command lines that make no sense, over the real table of commands: each has an exit code and a message."""

import io
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dvx.cli.boundary import run_guarded
from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.plain import parse_plain, run_plain
from dvx.cli.root import COMMANDS, cli
from dvx.core.errors import ExitCode

SEED = 20260101
LINES = 1000
LINES_IN_A_REPOSITORY = 100
_VALUES = (
    "", "-", "--", "-x", "x", "data", "x.dvx", "0", "-1", "99999999999999999999", "1.5", "nan", "a=b", "=", "a.b",
    "*", "[", "**/x", "..", "../..", "/", "\\", "HEAD", "HEAD~1", "a..b", "...", "@{u}", "s3://", "s3://b/p",
    "ftp://x", "file:///x", "é\u202e", "\udcff", "x" * 5000, "a\nb", "a\x1b[31m", "%", "50%", "1-", "{}", "(((",
    "lr <", "-n", "--json", "NAME",
)  # fmt: skip
_FORMS = ("{option}", "{option}={value}", "{option}|{value}", "{value}|{option}", "{option}{value}")
# These run other programs, wait for an answer or write outside of the folder whatever is named.
_LEFT_OUT = {"clone", "hooks run"}


def _leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        yield from _leaves(inner, f"{path} {name}".strip())


COMMAND_TABLE = [item for item in _leaves(cli, "") if item[0] not in _LEFT_OUT]
ALL_OPTIONS = sorted(
    {
        name
        for _, command in COMMAND_TABLE
        for each in command.params
        for name in each.opts
        if name.startswith("-")
    }
)


def _line(rng: random.Random) -> list[str]:
    """A command, or something like one, with options and values of any command."""
    path, command = rng.choice(COMMAND_TABLE)
    own = [name for each in command.params for name in each.opts if name.startswith("-")]
    words = path.split() if rng.random() < 0.95 else [rng.choice(_VALUES), *path.split()]
    for _ in range(rng.randrange(5)):
        option = rng.choice(own if rng.random() < 0.7 else ALL_OPTIONS)
        value = rng.choice(_VALUES)
        words += (
            rng.choice(_FORMS).format(option=option, value=value).split("|")
            if rng.random() < 0.7
            else [value]
        )
    return words


def _run(folder: Path, args: list[str]) -> tuple[int, str, str]:
    results, messages = io.StringIO(), io.StringIO()
    output = Output(results, messages, uses_colour=False)
    env = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    invocation = Invocation(env=env, folder=str(folder), output=output, may_ask=False)

    def invoke() -> int:
        line = parse_plain(args, env=env)
        if line is not None:
            return run_plain(line, invocation)
        return int(cli.main(args=args, prog_name="dvx", standalone_mode=False, obj=invocation) or 0)

    code = run_guarded(invoke, invocation, args=args)
    return code, results.getvalue(), messages.getvalue()


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is in no repository, so that what is well-formed has nothing to work on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def test_a_malformed_command_line_is_no_bug_and_says_what_is_wrong(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(SEED)
    known = {int(code) for code in ExitCode} - {ExitCode.BUG, ExitCode.INTERRUPTED}
    codes = set()
    for _ in range(LINES):
        args = _line(rng)
        code, results, messages = _run(folder, args)
        assert code in known, (args, messages)
        assert "this is a bug" not in messages, args
        if code == ExitCode.DONE:
            continue
        codes.add(code)
        said = (
            messages + capfd.readouterr().err
        )  # Git's textconv writes to the process, not to the invocation
        assert "error: " in said or "Usage: " in said, args
        if "--json" in args[: args.index("--") if "--" in args else None] and results:
            assert json.loads(results)["schema"].startswith("dvx."), args
    assert {ExitCode.USAGE, ExitCode.NOT_A_REPOSITORY} <= codes
    assert {path.split()[0] for path, _ in COMMAND_TABLE} | {"clone"} == set(COMMANDS)


def test_a_strange_command_line_is_no_bug_in_a_repository_either(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer lines, which get as far as their values do."""
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "data").mkdir()
    (folder / "data" / "x").write_text("content")
    for args in (["init"], ["add", "data"]):
        assert _run(folder, args)[0] == ExitCode.DONE
    rng = random.Random(SEED)
    known = {int(code) for code in ExitCode} - {ExitCode.BUG, ExitCode.INTERRUPTED}
    for _ in range(LINES_IN_A_REPOSITORY):
        args = _line(rng)
        code, _, messages = _run(folder, args)
        assert code in known, (args, messages)
