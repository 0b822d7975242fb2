"""What a shell is told: names that exist, quickly, and nothing where something is wrong."""

import io
import os
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from dvx.cli.completions import complete_path
from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.root import cli


@pytest.fixture(name="repo")
def _repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    git("init", "-q", "-b", "main")
    (tmp_path / ".dvx").mkdir()
    (tmp_path / ".dvx" / "config.toml").write_text('[remote.backup]\nurl = "s3://b/p"\n')
    (tmp_path / "data" / "train" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "train" / "a b.csv").write_text("x")
    (tmp_path / "data" / "train.dvx").write_text("")
    (tmp_path / "model.bin.dvx").write_text("")
    (tmp_path / "train.py").write_text("")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1.0")
    git("branch", "topic/x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _words(*args: str, incomplete: str = "") -> list[str]:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    invocation = Invocation(env={}, folder=os.getcwd(), output=output)
    found = ShellComplete(cli, {"obj": invocation}, "dvx", "_DVX_COMPLETE").get_completions(
        list(args), incomplete
    )
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize(
    ("args", "incomplete", "words"),
    [
        (["push", "-r"], "", ["backup"]),
        (["remote", "remove"], "b", ["backup"]),
        (["checkout", "--rev"], "", ["HEAD", "main", "topic/x", "v1.0"]),
        (["diff"], "main..v", ["main..v1.0"]),
        (["compare"], "t", ["topic/x"]),
        (["rm"], "", ["data/", "model.bin"]),
        (["push"], "data/", ["data/train", "data/train/"]),
        (["pull", "--", "x"], "data/train/", ["data/train/a b.csv", "data/train/sub/"]),
        (["-C", "data", "status"], "", ["train", "train/"]),
        (["status", "-C", "data"], "tr", ["train", "train/"]),
        (["config", "get"], "core.j", ["core.jobs"]),
        (["config", "set"], "remote.backup.u", ["remote.backup.url"]),
        (["hooks", "run"], "pre", ["pre-commit", "pre-push"]),
        ([], "remo", ["remote"]),
        (["remote"], "li", ["list"]),
        (["config"], "uns", ["unset"]),
        (["track"], "x", []),
    ],
)
def test_a_word_is_completed_with_what_there_is(
    repo: Path, args: list[str], incomplete: str, words: list[str]
) -> None:
    assert set(words) <= set(_words(*args, incomplete=incomplete))
    assert "train.py" not in _words(*args, incomplete=incomplete)


def test_where_nothing_is_tracked_the_shell_completes_files(repo: Path) -> None:
    context = click.Context(click.Command("rm"))
    [item] = complete_path(context, click.Argument(["path"]), "train.p")
    assert item.type == "file"


@pytest.mark.parametrize("args", [["checkout", "--rev"], ["push", "-r"], ["config", "get"], ["rm"]])
def test_what_is_wrong_is_not_told_to_a_shell(
    repo: Path, args: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / ".dvx" / "config.toml").write_text("[broken")
    monkeypatch.setenv("PATH", str(repo))  # no Git either
    _words(*args)
    (repo / ".git" / "HEAD").write_text("nonsense")
    _words(*args)
    os.rename(repo / ".git", repo / "no-git")
    assert _words(*args) == []
    assert capfd.readouterr() == ("", "")
