"""`git dvx`: Git finds the command `git-dvx` on PATH and runs it as its own."""

import os
import sys
from pathlib import Path

import pytest

import dvx
from dvx.testing.shell import Ran, dvx_environment, run


@pytest.fixture
def git_dvx(tmp_path: Path):
    """Runs `git ARGUMENTS` in a folder, with `git-dvx` on PATH as an installation puts it there."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "git-dvx").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dvx "$@"\n')
    (folder / "git-dvx").chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])

    def git(cwd: Path, *arguments: str) -> Ran:
        return run(["git", *arguments], cwd, env=dvx_environment({"PATH": path}))

    return git


def test_git_dvx_is_dvx(git_dvx, author: Path) -> None:
    assert git_dvx(author, "dvx", "--version").out == f"dvx {dvx.__version__}\n"
    assert git_dvx(author, "dvx", "-h").out.startswith("Usage: dvx [OPTIONS] COMMAND")
    assert git_dvx(author / "data", "dvx", "status").out.startswith("clean: 2 tracked paths")


def test_options_of_git_before_the_command_hold_for_dvx(git_dvx, author: Path) -> None:
    (author / "data" / "new").write_text("x")
    found = git_dvx(author.parent, "-C", "author", "dvx", "status", "--exit-code")
    assert found.code == 5
    assert "untracked: data/new" in found.out
