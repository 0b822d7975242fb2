"""Global options: before the command, after it, and repeated."""

import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, jobs_option, pass_invocation
from dvx.cli.output import Output


@click.group(cls=DvxGroup)
def group() -> None:
    """A group."""


@group.command("show")
@jobs_option
@pass_invocation
def show(invocation: Invocation) -> None:
    """A command."""


def _run(folder: Path, *args: str) -> tuple[int, Invocation]:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    invocation = Invocation(env={}, folder=str(folder), output=output)
    return CliRunner().invoke(group, list(args), obj=invocation).exit_code, invocation


@pytest.mark.parametrize("args", [("-q", "-v", "--no-input", "show"), ("show", "-q", "-v", "--no-input")])
def test_options_count_before_and_after_the_command(tmp_path: Path, args: tuple[str, ...]) -> None:
    code, invocation = _run(tmp_path, *args)
    assert code == 0
    assert (invocation.output.is_quiet, invocation.verbosity, invocation.may_ask) == (True, 1, False)


def test_without_options_nothing_is_set(tmp_path: Path) -> None:
    code, invocation = _run(tmp_path, "show")
    assert code == 0
    assert (invocation.output.is_quiet, invocation.verbosity, invocation.may_ask) == (False, 0, True)
    assert invocation.overrides == {}


def test_verbose_before_and_after_adds_up(tmp_path: Path) -> None:
    assert _run(tmp_path, "-v", "show", "-vv")[1].verbosity == 3


def test_folders_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    code, invocation = _run(tmp_path, "-C", "a", "show", "-C", "b")
    assert code == 0
    assert Path(invocation.folder) == tmp_path / "a" / "b"


def test_folder_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    assert _run(tmp_path, "-C", "nowhere", "show")[0] == 2


def test_jobs_become_a_setting(tmp_path: Path) -> None:
    assert _run(tmp_path, "show", "--jobs", "3")[1].overrides == {"core.jobs": "3"}


def test_no_jobs_at_all_is_a_usage_error(tmp_path: Path) -> None:
    assert _run(tmp_path, "show", "--jobs", "0")[0] == 2
