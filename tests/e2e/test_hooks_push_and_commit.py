"""The pre-commit and pre-push hooks in real Git: what stops, what passes, and what is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, must_dvx, run, run_dvx, run_git


def git(repo: Path, *args: str, env: dict[str, str] | None = None) -> Ran:
    ran = run(["git", *args], repo, env=env)
    assert "Traceback" not in ran.err, ran.err
    return ran


@pytest.fixture
def hub(author: Path, install_hooks: Callable[..., None]) -> Path:
    """A bare repository that is the Git remote `origin` of `author`, still empty; the hooks are installed."""
    run_git(author.parent, "init", "-q", "--bare", "hub")
    run_git(author, "remote", "add", "origin", str(author.parent / "hub"))
    install_hooks(author, "pre-commit", "pre-push")
    return author.parent / "hub"


def change_model(author: Path, data: bytes, message: str) -> None:
    (author / "model.bin").write_bytes(data)
    must_dvx(author, "add", "model.bin")
    assert git(author, "commit", "-q", "-m", message).code == 0


def test_push_stops_until_the_data_is_there(author: Path, hub: Path) -> None:
    assert git(author, "push", "-q", "-u", "origin", "main").code == 0
    change_model(author, b"second", "second")
    ran = git(author, "push", "-q")
    assert ran.code == 1
    assert "lacks the data of 1 pointer version: `model.bin`" in ran.err
    assert "hint: push the data first: `dvx push`" in ran.err
    assert run_git(hub, "log", "--format=%s", "-1", "main") == "data"
    must_dvx(author, "push")
    assert git(author, "push", "-q").code == 0
    assert run_git(hub, "log", "--format=%s", "-1", "main") == "second"


def test_setting_push_sends_the_data_with_the_commits(author: Path, hub: Path) -> None:
    change_model(author, b"second", "second")
    ran = git(author, "push", "-q", "-u", "origin", "main", env={"DVX_HOOKS_PUSH": "push"})
    assert ran.code == 0, ran.err
    assert "dvx: pushed 1 root" in ran.err
    must_dvx(author, "status", "--remote", "--exit-code")


def test_setting_warn_only_says_so(author: Path, hub: Path) -> None:
    change_model(author, b"second", "second")
    ran = git(author, "push", "-q", "-u", "origin", "main", env={"DVX_HOOKS_PUSH": "warn"})
    assert ran.code == 0
    assert "the commits are pushed all the same" in ran.err
    shutil.rmtree(author.parent / "remote")
    ran = git(author, "push", "-q", "origin", "main:again", env={"DVX_HOOKS_PUSH": "warn"})
    assert ran.code == 0


def test_branches_tags_and_deletions_in_one_push(author: Path, hub: Path) -> None:
    assert git(author, "push", "-q", "-u", "origin", "main", "main:old").code == 0
    change_model(author, b"second", "second")
    run_git(author, "tag", "-a", "-m", "x", "v2")
    ran = git(author, "push", "-q", "origin", "main", "v2", ":old")
    assert ran.code == 1
    must_dvx(author, "push", "--rev", "v2")
    assert git(author, "push", "-q", "origin", "main", "v2", ":old").code == 0
    assert run_git(hub, "for-each-ref", "--format=%(refname)") == "refs/heads/main\nrefs/tags/v2"


def test_forced_push_over_a_colleague(author: Path, hub: Path, tmp_path: Path) -> None:
    assert git(author, "push", "-q", "-u", "origin", "main").code == 0
    other = tmp_path / "other"
    run_git(tmp_path, "clone", "-q", "-b", "main", str(hub), str(other))
    (other / "note").write_text("x")
    run_git(other, "add", "note")
    run_git(other, "commit", "-q", "-m", "theirs")
    run_git(other, "push", "-q")
    change_model(author, b"second", "second")
    assert git(author, "push", "-q", "--force").code == 1
    must_dvx(author, "push")
    assert git(author, "push", "-q", "--force").code == 0


def test_remote_that_is_away_stops_the_push_and_names_the_way_round(author: Path, hub: Path) -> None:
    shutil.rmtree(author.parent / "remote")
    ran = git(author, "push", "-q", "origin", "main")
    assert ran.code == 1
    assert "error: " in ran.err
    assert "git push --no-verify" in ran.err
    assert git(author, "push", "-q", "--no-verify", "origin", "main").code == 0


def test_commit_of_forgotten_data_stops_and_the_fix_works(author: Path, hub: Path) -> None:
    (author / "data" / "a.bin").write_bytes(b"edited")
    (author / "code.py").write_text("x")
    run_git(author, "add", "code.py")
    ran = git(author, "commit", "-q", "-m", "forgotten")
    assert ran.code == 1
    assert "`data` has changed since its pointer was written" in ran.err
    assert "fix: dvx add data" in ran.err
    must_dvx(author, "add", "data")
    assert git(author, "commit", "-q", "-m", "remembered").code == 0


def test_commit_of_one_path_is_checked_with_its_own_staging_area(author: Path, hub: Path) -> None:
    (author / "model.bin").write_bytes(b"second")
    must_dvx(author, "add", "model.bin")
    (author / "bad.dvx").write_text("nonsense")
    run_git(author, "add", "bad.dvx")
    assert git(author, "commit", "-q", "-m", "x").code == 1
    ran = git(author, "commit", "-q", "-m", "only the model", "--", "model.bin.dvx")
    assert ran.code == 0, ran.err
    assert run_git(author, "show", "--format=", "--name-only", "HEAD") == "model.bin.dvx"


def test_worktree_and_detached_head_are_guarded_too(author: Path, hub: Path, tmp_path: Path) -> None:
    assert git(author, "push", "-q", "-u", "origin", "main").code == 0
    side = tmp_path / "side"
    run_git(author, "worktree", "add", "-q", "--detach", str(side))
    (side / "new.bin").write_bytes(b"new")
    must_dvx(side, "add", "new.bin")
    assert git(side, "commit", "-q", "-m", "detached").code == 0
    assert git(side, "push", "-q", "origin", "HEAD:refs/heads/side").code == 1
    must_dvx(side, "push")
    assert git(side, "push", "-q", "origin", "HEAD:refs/heads/side").code == 0


def test_check_and_large_files_answer_in_json(author: Path, hub: Path) -> None:
    document = json.loads(must_dvx(author, "hooks", "check", "--json").out)
    assert document["schema"] == "dvx.hooks-check/1"
    assert (document["clean"], document["pointers"], document["problems"]) == (True, 2, [])
    (author / "big.bin").write_bytes(b"x" * 20_000)
    run_git(author, "add", "big.bin")
    ran = run_dvx(author, "hooks", "large-files", "--maxkb=10", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["files"] == [{"path": "big.bin", "kb": 20, "staged": True}]


@pytest.mark.parametrize(
    "text", ["[core\n", "[core]\njobs = 'many'\nportable = 3\n", "[future]\nfeature = true\n"]
)
def test_commit_of_code_alone_is_not_stopped_by_settings(author: Path, hub: Path, text: str) -> None:
    (author / ".dvx/config.toml").write_text(text)
    (author / "code.py").write_text("x = 1\n")
    run_git(author, "add", "code.py")
    ran = git(author, "commit", "-qm", "code")
    assert ran.code == 0, ran.err
    assert ("is not valid TOML" in ran.err) == (text == "[core\n")
    assert run_git(author, "log", "--format=%s", "-1") == "code"
