"""Hooks in Git's configuration, with a Git that reads them: that of DVX_TEST_GIT, else of PATH."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dvx.ops.hooks import HookMode, read_hooks
from dvx.repo.hook_files import HookState
from dvx.repo.hook_place import CONFIG_HOOKS_SINCE
from dvx.repo.repository import Repository
from dvx.testing.hooks import Recorder, listing, must_git, uninstall
from dvx.testing.shell import must_dvx, run

_GIT = os.environ.get("DVX_TEST_GIT") or shutil.which("git") or "git"  # read before tests clear DVX_*


def _version() -> tuple[int, ...]:
    text = subprocess.run([_GIT, "version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", text)[:2]))


pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script"),
    pytest.mark.skipif(_version() < CONFIG_HOOKS_SINCE, reason="needs Git 2.54 on PATH or in DVX_TEST_GIT"),
]


@pytest.fixture(autouse=True)
def _new_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every `git` be the one to test."""
    folder = tmp_path / "git"
    folder.mkdir()
    (folder / "git").symlink_to(_GIT)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def python(tmp_path: Path) -> Recorder:
    """What hooks start in place of Python."""
    return Recorder.make(tmp_path / "it's a folder")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two versions of a pointer, in a folder whose name needs quoting."""
    root = tmp_path / "my 'repo\" $HOME ü"
    root.mkdir()
    must_git(root, "init", "-q")
    for text in ("one", "two"):
        (root / "data.dvx").write_text(text)
        must_git(root, "add", "data.dvx")
        must_git(root, "commit", "-q", "-m", text)
    return root


def _hook(root: Path, name: str, body: str) -> Path:
    path = root / ".git/hooks" / name
    path.write_text(f"#!/bin/sh\n{body}")
    path.chmod(0o755)
    return path


def test_hooks_run_beside_files_that_are_not_touched(repo: Path, python: Recorder, tmp_path: Path) -> None:
    _hook(repo, "pre-commit", f'echo theirs >> "{tmp_path}/theirs"\n')
    _hook(repo, "pre-push", f'cat >> "{tmp_path}/theirs"\n')
    before = listing(repo)
    change = python.install(repo, as_files=False)
    assert change.report.mode is HookMode.CONFIG
    assert change.report.is_working
    assert (
        listing(repo / ".git/hooks").items()
        <= {path.removeprefix(".git/hooks/"): what for path, what in before.items()}.items()
    )
    assert not python.install(repo, as_files=False).changed
    uninstall(repo)
    assert listing(repo) == before

    python.install(repo, as_files=False)
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]
    must_git(repo, "init", "-q", "--bare", "../bare")
    must_git(repo, "push", "-q", "../bare", "HEAD:refs/heads/main")
    name, line = python.take()
    assert name == "pre-push ../bare ../bare"
    assert (tmp_path / "theirs").read_text().splitlines() == ["theirs", line.strip()]


def test_every_event_reaches_dvx(repo: Path, python: Recorder) -> None:
    python.install(repo, as_files=False)
    must_git(repo, "checkout", "-q", "-b", "other", "HEAD~1")
    assert [line.split()[0] for line in python.take()] == ["post-index-change", "post-checkout"]
    must_git(repo, "merge", "-q", "-")
    assert "post-merge 0" in python.take()
    must_git(repo, "commit", "-q", "--amend", "-m", "again")
    assert "post-rewrite amend" in python.take()
    must_git(repo, "reset", "-q", "--hard", "HEAD~1")
    assert python.take() == ["post-index-change 1 0"]
    must_git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/data.dvx")
    assert python.take() == ["post-index-change 0 0"]
    must_git(repo, "sparse-checkout", "disable")
    python.take()
    os.utime(repo / "data.dvx", (1, 1))
    must_git(repo, "status")
    assert python.take() == []


def test_sparse_checkout_of_a_worktree_reaches_dvx(repo: Path, python: Recorder) -> None:
    python.install(repo, as_files=False)
    must_git(repo, "worktree", "add", "-q", "../other", "-b", "other")
    python.take()
    must_git(repo.parent / "other", "sparse-checkout", "set", "--no-cone", "/*", "!/data.dvx")
    assert "post-index-change 0 0" in python.take()


@pytest.mark.parametrize("who", ["theirs", "ours"])
def test_either_hook_blocks(repo: Path, python: Recorder, who: str) -> None:
    _hook(repo, "pre-commit", "exit 1\n" if who == "theirs" else "exit 0\n")
    python.install(repo, as_files=False)
    if who == "ours":
        python.fail(1)
    assert run(["git", "commit", "--allow-empty", "-m", "x"], repo).code == 1
    assert run(["git", "commit", "--no-verify", "--allow-empty", "-qm", "x"], repo).code == 0


def test_configured_hooks_folder_and_worktrees_need_nothing_special(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    must_git(repo, "config", "core.hooksPath", ".githooks")
    must_git(repo, "worktree", "add", "-q", "../tree")
    python.install(repo, as_files=False)
    for root in (repo, tmp_path / "tree"):
        must_git(root, "commit", "-q", "--allow-empty", "-m", "x")
        assert python.take() == ["pre-commit"]
    assert not (repo / ".githooks").exists()


def test_moved_repository_keeps_its_hooks(repo: Path, python: Recorder, tmp_path: Path) -> None:
    python.install(repo, as_files=False)
    moved = tmp_path / "moved"
    shutil.move(repo, moved)
    must_git(moved, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]


def test_state_folder_that_was_removed_does_not_break_git(repo: Path, python: Recorder) -> None:
    python.install(repo, as_files=False)
    shutil.rmtree(repo / ".git/dvx")
    ran = must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert len(ran.err.splitlines()) == 1
    assert "dvx hooks install" in ran.err


def test_hook_that_a_person_disabled_stays_disabled_and_is_shown(repo: Path, python: Recorder) -> None:
    python.install(repo, as_files=False)
    must_git(repo, "config", "hook.dvx-pre-commit.enabled", "false")
    assert not python.install(repo, as_files=False).changed
    report = read_hooks(Repository.discover(str(repo)))
    assert [hook.state for hook in report.hooks][:2] == [HookState.DISABLED, HookState.INSTALLED]
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == []
    uninstall(repo)
    assert run(["git", "config", "--get-regexp", "^hook"], repo).out == ""


def test_hooks_installed_as_files_stay_files(repo: Path, python: Recorder) -> None:
    assert python.install(repo, as_files=True).report.mode is HookMode.FILES
    assert not python.install(repo, as_files=False).changed
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]


def test_files_replace_entries_where_asked_for(repo: Path, python: Recorder) -> None:
    python.install(repo, as_files=False)
    assert python.install(repo, as_files=True).report.mode is HookMode.FILES
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]
    assert b"[hook " not in (repo / ".git/config").read_bytes()


def test_command_line_installs_and_reports(repo: Path) -> None:
    assert "in Git's configuration" in must_dvx(repo, "hooks", "install").err
    document = json.loads(must_dvx(repo, "hooks", "status", "--json").out)
    assert document["schema"] == "dvx.hooks-status/1"
    assert document["mode"] == "config"
    assert document["working"] is True
