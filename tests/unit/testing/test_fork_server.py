"""Forked commands are what `python -m dvx` is: same output, code, folder and environment."""

import os
from pathlib import Path

import pytest

import dvx
from dvx.testing.fork_server import is_available
from dvx.testing.shell import dvx_command, dvx_environment, make_repo, run, run_dvx

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repository", remote=str(tmp_path / "store"))


@pytest.mark.parametrize(
    "args",
    [
        ("--version",),
        ("status",),
        ("status", "--json"),
        ("ls", "nowhere"),
        ("push", "--no-such-option"),
        ("-C", "missing", "status"),
        ("add", "größe \udcff"),
    ],
)
def test_a_forked_command_says_and_answers_what_a_new_process_does(
    repository: Path, args: tuple[str, ...]
) -> None:
    assert run_dvx(repository, *args) == run(dvx_command(*args), repository)


def test_a_forked_command_has_the_environment_of_its_call_only(repository: Path) -> None:
    assert run_dvx(repository, "config", "get", "core.jobs", env={"DVX_JOBS": "7"}).out == "7\n"
    assert run_dvx(repository, "config", "get", "core.jobs").out != "7\n"


def test_a_command_that_a_signal_ends_has_a_negative_code(repository: Path) -> None:
    (repository / "x").write_text("x")
    hook = repository.parent / "git"
    hook.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    hook.chmod(0o755)
    assert (
        run_dvx(repository, "add", "x", env={"PATH": f"{hook.parent}{os.pathsep}{os.environ['PATH']}"}).code
        == -9
    )
    assert run_dvx(repository, "--version").out == f"dvx {dvx.__version__}\n"


def test_a_python_of_another_kind_is_not_forked() -> None:
    assert is_available(dvx_environment())
    assert not is_available(dvx_environment({"PYTHONUTF8": "0"}))
    assert not is_available(dvx_environment({"LC_ALL": "de_DE.ISO-8859-1"}))
