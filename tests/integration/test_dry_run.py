"""`--dry-run` says what would be done, and not a byte of repositories, of `.git`, of remotes or of the home changes."""

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
    _make_importer(world)
    subprocess.run(["git", "clone", "-q", str(repo), str(world / "clone")], check=True)
    (repo / "data" / "a").write_text("second")
    assert _dvx(repo, "add", "data")[0] == 0
    _git(repo, "commit", "-q", "-m", "more")
    (repo / "data" / "b").unlink()
    (repo / "new").write_text("new data")
    (repo / "m.json").write_text('{"acc": 1}')
    (world / "bare").mkdir()
    _git(world / "bare", "init", "-q")
    (world / "got").mkdir()
    (world / "got" / "b").write_text("other")
    assert _dvx(world / "clone", "hooks", "install", "--files")[0] == 0
    _make_conflict(world)
    return world


def _make_importer(world: Path) -> None:
    """`importer` tracks data of `repo` as it is now."""
    importer = world / "importer"
    importer.mkdir()
    _git(importer, "init", "-q")
    for args in (["init", "--remote", str(world / "store-2")], ["import", "../repo", "data", "-o", "in"]):
        assert _dvx(importer, *args)[0] == 0
    assert _dvx(importer, "meta", "set", "in", "meta.licence=MIT")[0] == 0
    _git(importer, "commit", "-q", "-m", "import")


def _make_conflict(world: Path) -> None:
    """`merging` has a merge in which both sides changed `data/a`, and one of them `data/b`."""
    merging = world / "merging"
    (merging / "data").mkdir(parents=True)
    _git(merging, "init", "-q", "-b", "main")
    assert _dvx(merging, "init")[0] == 0
    for branch, text in (("main", "base"), ("other", "theirs"), ("main", "ours")):
        if text != "base":
            _git(merging, "switch", "-q", *(["-c"] if branch == "other" else []), branch)
            assert _dvx(merging, "checkout", "--force")[0] == 0
        (merging / "data" / "a").write_text(text)
        (merging / "data" / "b").write_text("changed" if branch == "other" else "same")
        assert _dvx(merging, "add", "data")[0] == 0
        _git(merging, "commit", "-q", "-m", text)
    subprocess.run(["git", "merge", "-q", "other"], cwd=merging, check=False, capture_output=True)


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
        ("bare", ["init"], "would write `.dvx/config.toml`"),
        ("bare", ["init", "--remote", "../store-3"], "would stage `.dvx/config.toml`, `.gitattributes`"),
        ("bare", ["hooks", "install"], "would write `"),
        ("bare", ["hooks", "install", "--files"], "hooks/pre-push`"),
        ("bare", ["hooks", "uninstall"], ""),
        ("clone", ["hooks", "install", "--files"], ""),
        ("clone", ["hooks", "uninstall"], "would take the hook out of `"),
        ("repo", ["remote", "add", "backup", "s3://bucket/x"], "would write `.dvx/config.toml`"),
        ("repo", ["remote", "add", "backup", "s3://bucket/x", "--local"], "/.git/dvx/config.toml`"),
        ("repo", ["remote", "add", "origin", "s3://bucket/x", "--force"], "would write `.dvx/config.toml`"),
        ("repo", ["remote", "remove", "origin"], "would write `.dvx/config.toml`"),
        ("repo", ["remote", "default", "origin", "--local"], "/.git/dvx/config.toml`"),
        ("repo", ["config", "set", "core.jobs", "2"], "would write `.dvx/config.toml`"),
        ("repo", ["config", "core.jobs", "2", "--local"], "/.git/dvx/config.toml`"),
        ("repo", ["config", "set", "core.jobs", "2", "--user"], "would write `"),
        ("repo", ["config", "unset", "core.remote"], "would write `.dvx/config.toml`"),
        ("importer", ["meta", "set", "in", "meta.a=1"], "would write `in.dvx`"),
        ("importer", ["meta", "unset", "in", "meta.licence"], "would write `in.dvx`"),
        ("importer", ["update"], "would check out `in`"),
        ("importer", ["update", "in", "--json"], '"schema": "dvx.dry-run/1"'),
        ("importer", ["import", "../clone", "model"], "would fetch 1 version of data"),
        ("importer", ["import", "../repo", "data", "-o", "new"], "would write `new.dvx`"),
        ("importer", ["import", "../clone", "data/b", "-o", "b"], "would write `b.dvx`"),
        ("clone", ["import", "../repo", "data", "-o", "new"], "would add a line to `.gitignore`"),
        ("merging", ["resolve", "--ours", "data/a"], "would write `data.dvx`"),
        ("merging", ["resolve", "--theirs"], "would check out `data`"),
        ("merging", ["resolve"], "data"),
        ("got", ["get", "../repo", "data"], "would write 2 files below `"),
        ("got", ["get", "../clone", "data/*", "--force"], "would replace `"),
        ("got", ["clone", "../repo"], "would pull 2 tracked paths, "),
        ("got", ["clone", "../repo", "x", "data/a"], "would clone commit "),
    ],
)
def test_a_rehearsal_tells_and_changes_not_a_byte(
    world: Path, where: str, args: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(world / "home"))
    before = _bytes(world)
    flags = [] if "-n" in args else ["--dry-run"]
    code, results, messages = _dvx(world / where, *args, *flags)
    assert (code, said in results) == (0, True), (results, messages)
    after = _bytes(world)
    assert [path for path in after.keys() | before.keys() if after.get(path) != before.get(path)] == []


def test_a_refusal_is_the_same_with_a_rehearsal(world: Path) -> None:
    for args in (["rm", "nothing"], ["mv", "model", "data"], ["add", "../x"], ["checkout", "nothing"]):
        assert _dvx(world / "repo", *args, "--dry-run")[0] == _dvx(world / "repo", *args)[0] != 0


@pytest.mark.parametrize(
    ("where", "args"),
    [
        ("bare", ["init", "--remote", "s3://bucket/x", "--endpoint", "ftp://example.com"]),
        ("bare", ["init", "--remote", "../store-3", "--region", "eu"]),
        ("bare", ["init", "--remote", ".git/store"]),
        ("bare", ["meta", "set", "model", "meta.a=1"]),
        ("repo", ["remote", "add", "origin", "s3://bucket/x"]),
        ("repo", ["remote", "remove", "nothing"]),
        ("repo", ["config", "set", "core.jobs", "many", "--local"]),
        ("repo", ["config", "unset", "core.jobs"]),
        ("repo", ["resolve", "data"]),
        ("importer", ["meta", "unset", "in", "meta.nothing"]),
        ("importer", ["import", "../repo", "model", "-o", "in/model"]),
        ("importer", ["import", "../repo", "nothing"]),
        ("importer", ["update", "nothing"]),
        ("got", ["get", "../repo", "data", "-o", "."]),
        ("got", ["clone", "../repo", "."]),
        ("got", ["clone", "../repo", "x", "--branch", "nothing"]),
    ],
)
def test_what_is_refused_is_refused_alike_and_nothing_is_written(
    world: Path, where: str, args: list[str]
) -> None:
    before = _bytes(world)
    code, _, messages = _dvx(world / where, *args, "--dry-run")
    assert code != 0, messages
    assert _bytes(world) == before
    assert _dvx(world / where, *args)[0] == code
    files = [name for name in os.listdir(world / "bare") if name != ".git"]
    assert files == []


def test_an_update_with_work_in_the_way_is_refused_before_it_begins(world: Path, tmp_path: Path) -> None:
    for name in ("repo", "importer"):
        shutil.copytree(world / name, tmp_path / name, symlinks=True)
    (tmp_path / "importer" / "in" / "a").write_text("not stored")
    before = _bytes(tmp_path)
    rehearsed = _dvx(tmp_path / "importer", "update", "--dry-run")
    assert _bytes(tmp_path) == before
    done = _dvx(tmp_path / "importer", "update")
    assert (rehearsed[0], rehearsed[2].splitlines()[-1]) == (done[0], done[2].splitlines()[-1])
    assert rehearsed[0] != 0


def test_a_first_push_would_make_the_store(world: Path, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(world / "repo", repo, symlinks=True)
    assert _dvx(repo, "remote", "add", "other", str(tmp_path / "other"), "--local")[0] == 0
    before = _bytes(tmp_path)
    code, results, _ = _dvx(repo, "push", "-r", "other", "--dry-run")
    assert code == 0
    assert "would make a store at" in results
    assert _bytes(tmp_path) == before
