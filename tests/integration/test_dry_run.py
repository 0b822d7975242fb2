"""`--dry-run` says what would be done, and not a byte of the repository, of `.git` or of the remote changes."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dvx.cli.boundary import run_guarded
from dvx.cli.invocation import Invocation
from dvx.cli.output import Output
from dvx.cli.root import cli


def _dvx(folder: Path, *args: str) -> tuple[int, str, str]:
    results, messages = io.StringIO(), io.StringIO()
    output = Output(results, messages, uses_colour=False)
    invocation = Invocation(env=dict(os.environ), folder=str(folder), output=output, may_ask=False)

    def invoke() -> int:
        return int(cli.main(list(args), prog_name="dvx", standalone_mode=False, obj=invocation) or 0)

    return run_guarded(invoke, invocation, args=args), results.getvalue(), messages.getvalue()


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def _bytes(folder: Path) -> dict[str, bytes]:
    """Every file and folder below, with its content."""
    return {
        str(path.relative_to(folder)): b"" if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`repo` with data that was pushed, data that changed and data that is new; `clone` without any data."""
    world = tmp_path_factory.mktemp("world")
    repo = world / "repo"
    (repo / "data").mkdir(parents=True)
    _git(repo, "init", "-q")
    (repo / "data" / "a").write_text("first")
    (repo / "data" / "b").write_text("stays")
    (repo / "model").write_text("weights")
    for args in (["init", "--remote", str(world / "store")], ["add", "data", "model"], ["push"]):
        assert _dvx(repo, *args)[0] == 0
    _git(repo, "commit", "-q", "-m", "data")
    subprocess.run(["git", "clone", "-q", str(repo), str(world / "clone")], check=True)
    (repo / "data" / "a").write_text("second")
    assert _dvx(repo, "add", "data")[0] == 0
    _git(repo, "commit", "-q", "-m", "more")
    (repo / "data" / "b").unlink()
    (repo / "new").write_text("new data")
    (repo / "m.json").write_text('{"acc": 1}')
    return world


@pytest.mark.parametrize(
    ("where", "args", "said"),
    [
        ("repo", ["add", "new"], "would store `new` and write `new.dvx` (file, new)"),
        ("repo", ["add", "new", "--push"], "would store `new`"),
        ("repo", ["add", "new", "--metrics", "m.json"], "would store `new`"),
        ("repo", ["add", "--update"], "would store `data`"),
        ("repo", ["push"], "would push 1 version of data to"),
        ("repo", ["push", "-n"], "would push 1 version of data to"),
        ("repo", ["rm", "model"], "would remove 1 file of `model` from the workspace"),
        ("repo", ["mv", "model", "net"], "would move `model` to `net`"),
        ("repo", ["checkout", "--force"], "would write 1 file of `data`"),
        ("clone", ["fetch"], "would fetch 2 versions of data"),
        ("clone", ["pull"], "would fetch 2 versions of data"),
        ("clone", ["pull", "--json"], '"schema": "dvx.dry-run/1"'),
        ("clone", ["pull", "--no-store"], "would write 2 files of `data`"),
    ],
)
def test_a_rehearsal_tells_and_changes_not_a_byte(
    world: Path, where: str, args: list[str], said: str
) -> None:
    before = _bytes(world)
    flags = [] if "-n" in args else ["--dry-run"]
    code, results, messages = _dvx(world / where, *args, *flags)
    assert (code, said in results) == (0, True), (results, messages)
    after = _bytes(world)
    assert [path for path in after.keys() | before.keys() if after.get(path) != before.get(path)] == []


def test_a_refusal_is_the_same_with_a_rehearsal(world: Path) -> None:
    for args in (["rm", "nothing"], ["mv", "model", "data"], ["add", "../x"], ["checkout", "nothing"]):
        assert _dvx(world / "repo", *args, "--dry-run")[0] == _dvx(world / "repo", *args)[0] != 0


def test_a_first_push_would_make_the_store(world: Path, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(world / "repo", repo, symlinks=True)
    assert _dvx(repo, "remote", "add", "other", str(tmp_path / "other"), "--local")[0] == 0
    before = _bytes(tmp_path)
    code, results, _ = _dvx(repo, "push", "-r", "other", "--dry-run")
    assert code == 0
    assert "would make a store at" in results
    assert _bytes(tmp_path) == before
