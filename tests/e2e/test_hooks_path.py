"""`dvx hooks install` where core.hooksPath leads to a folder that dvx must not write to."""

import os
import shutil
from pathlib import Path

import pytest

from dvx.ops.hooks import HookMode, read_hooks
from dvx.repo.hook_files import HookState
from dvx.repo.repository import Repository
from dvx.testing.hooks import Recorder, listing, must_git, uninstall
from dvx.testing.shell import run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


@pytest.fixture
def python(tmp_path: Path) -> Recorder:
    """What hooks start in place of Python."""
    return Recorder.make(tmp_path / "python")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit, in a folder with signs that Git takes for a pattern."""
    root = tmp_path / 're [po]*\\ "ü'
    root.mkdir()
    must_git(root, "init", "-q")
    must_git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def _write(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}")
    path.chmod(0o755)
    return path


def _commit(root: Path) -> None:
    must_git(root, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize("kind", ["relative", "absolute", "outside"])
def test_hooks_of_a_configured_folder_run_first_and_the_folder_is_not_touched(
    repo: Path, python: Recorder, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "company hooks" if kind == "outside" else repo / ".githooks"
    _write(folder / "pre-commit", f'echo "$0" >> "{tmp_path}/theirs"\n')
    _write(folder / "commit-msg", f'echo commit-msg >> "{tmp_path}/theirs"\n')
    value = ".githooks" if kind == "relative" else str(folder)
    must_git(repo, "config", "core.hooksPath", value)
    before = (listing(repo), listing(folder))
    change = python.install(repo)
    assert change.report.is_working
    assert change.report.mode is HookMode.REDIRECT
    assert listing(folder) == before[1]
    _commit(repo)
    assert python.take() == ["pre-commit"]
    assert (tmp_path / "theirs").read_text() == f"{value}/pre-commit\ncommit-msg\n"
    assert not python.install(repo).changed
    must_git(repo, "reset", "-q", "--soft", "HEAD~1")
    uninstall(repo)
    assert _unversioned(listing(repo)) == _unversioned(before[0])
    assert must_git(repo, "config", "core.hooksPath").out.strip() == value


def _unversioned(found: dict) -> dict:
    """Without what a commit leaves: objects, logs, references."""
    volatile = (".git/objects", ".git/logs", ".git/refs", ".git/COMMIT_EDITMSG", ".git/ORIG_HEAD")
    return {path: what for path, what in found.items() if not path.startswith(volatile)}


def test_global_folder_serves_other_repositories_as_before(
    repo: Path, python: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(Path(os.environ["GIT_CONFIG_GLOBAL"]).read_text())
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    folder = tmp_path / "global"
    _write(folder / "pre-commit", f'echo theirs >> "{tmp_path}/theirs"\n')
    must_git(repo, "config", "--global", "core.hooksPath", str(folder))
    before = (settings.read_bytes(), listing(folder), listing(repo))
    python.install(repo)
    assert (settings.read_bytes(), listing(folder)) == before[:2]
    _commit(repo)
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    assert python.take() == ["pre-commit"]
    must_git(tmp_path, "init", "-q", "other")
    _commit(tmp_path / "other")
    assert python.take() == []
    uninstall(repo)
    assert _unversioned(listing(repo)) == _unversioned(before[2])


def test_hook_that_blocks_in_a_configured_folder_still_blocks(repo: Path, python: Recorder) -> None:
    _write(repo / ".githooks/commit-msg", "exit 1\n")
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    assert run(["git", "commit", "--allow-empty", "-m", "x"], repo).code == 1
    assert python.take() == ["pre-commit"]


def _husky(root: Path) -> None:
    """What husky 9 makes: generated files in .husky/_, which run the committed ones."""
    _write(root / ".husky/_/h", 'n=${0##*/}\ns=.husky/$n\n[ ! -f "$s" ] || sh -e "$s" "$@"\n')
    for name in ("pre-commit", "commit-msg", "post-checkout"):
        _write(root / f".husky/_/{name}", '. "$(dirname "$0")/h"\n')
    (root / ".husky/_/.gitignore").write_text("*")
    must_git(root, "config", "core.hooksPath", ".husky/_")


def test_husky_keeps_working_and_may_set_its_folder_again(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    _husky(repo)
    (repo / ".husky/pre-commit").write_text(f'echo husky >> "{tmp_path}/theirs"\n')
    python.install(repo)
    _husky(repo)  # `npm install` does this every time
    _commit(repo)
    assert (tmp_path / "theirs").read_text() == "husky\n"
    assert python.take() == ["pre-commit"]
    assert read_hooks(Repository.discover(str(repo))).is_working


def test_dvx_that_husky_runs_is_not_run_twice(repo: Path, python: Recorder, tmp_path: Path) -> None:
    _husky(repo)
    _write(tmp_path / "bin/dvx", f'echo "$*" >> "{tmp_path}/theirs"\n')
    (repo / ".husky/pre-commit").write_text('dvx hooks run pre-commit "$@"\n')
    change = python.install(repo)
    assert {hook.name: hook.state for hook in change.report.hooks}["pre-commit"] is HookState.CALLED
    path = f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x", env={"PATH": path})
    assert (tmp_path / "theirs").read_text() == "hooks run pre-commit\n"
    assert python.take() == []


def test_worktrees_of_a_redirected_repository_run_dvx_as_well(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    _write(repo / ".githooks/pre-commit", f'pwd >> "{tmp_path}/theirs"\n')
    must_git(repo, "add", ".githooks")
    _commit(repo)
    must_git(repo, "config", "core.hooksPath", ".githooks")
    must_git(repo, "worktree", "add", "-q", "../tree")
    python.install(repo)
    _commit(tmp_path / "tree")
    assert python.take() == ["pre-commit"]
    assert (tmp_path / "theirs").read_text() == f"{tmp_path}/tree\n"


def test_repository_that_was_moved_has_the_hooks_it_had_before(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    _write(repo / ".githooks/pre-commit", f'echo theirs >> "{tmp_path}/theirs"\n')
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    moved = tmp_path / "moved"
    shutil.move(repo, moved)
    _commit(moved)
    assert python.take() == []
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    assert not read_hooks(Repository.discover(str(moved))).is_working
    assert python.install(moved).report.is_working
    _commit(moved)
    assert python.take() == ["pre-commit"]


def test_hooks_follow_a_folder_that_was_set_later(repo: Path, python: Recorder, tmp_path: Path) -> None:
    python.install(repo)
    _write(repo / ".githooks/pre-commit", f'echo theirs >> "{tmp_path}/theirs"\n')
    must_git(repo, "config", "core.hooksPath", ".githooks")
    assert read_hooks(Repository.discover(str(repo))).mode is None
    assert python.install(repo).report.is_working
    _commit(repo)
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    assert python.take() == ["pre-commit"]


def test_uninstall_finds_files_from_before_the_folder_was_set(repo: Path, python: Recorder) -> None:
    before = listing(repo / ".git/hooks")
    python.install(repo)
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    uninstall(repo)
    assert listing(repo / ".git/hooks") == before
    assert not (repo / ".git/dvx").exists()


def test_hooks_move_to_files_once_the_folder_is_unset(repo: Path, python: Recorder) -> None:
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    must_git(repo, "config", "--unset", "core.hooksPath")
    change = python.install(repo)
    assert change.report.mode is HookMode.FILES
    assert not (repo / ".git/dvx/hooks").exists()
    _commit(repo)
    assert python.take() == ["pre-commit"]


def test_hook_added_to_the_folder_later_is_reported_until_installed_again(
    repo: Path, python: Recorder
) -> None:
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    _write(repo / ".githooks/commit-msg", "exit 1\n")
    (problem,) = read_hooks(Repository.discover(str(repo))).problems
    assert "`commit-msg`" in problem
    assert python.install(repo).report.is_working
    assert run(["git", "commit", "--allow-empty", "-m", "x"], repo).code == 1


def test_hook_that_another_tool_wrote_into_the_folder_of_dvx_stays(repo: Path, python: Recorder) -> None:
    must_git(repo, "config", "core.hooksPath", ".githooks")
    python.install(repo)
    theirs = _write(repo / ".git/dvx/hooks/post-commit", "git lfs post-commit\n")
    (note,) = uninstall(repo).notes
    assert str(theirs) in note
    assert theirs.exists()
    assert must_git(repo, "config", "core.hooksPath").out == ".githooks\n"


def test_hooks_path_of_a_single_worktree_is_respected(repo: Path, python: Recorder, tmp_path: Path) -> None:
    must_git(repo, "config", "extensions.worktreeConfig", "true")
    must_git(repo, "worktree", "add", "-q", "../tree")
    tree = tmp_path / "tree"
    _write(tmp_path / "hooks/pre-commit", f'echo theirs >> "{tmp_path}/theirs"\n')
    must_git(tree, "config", "--worktree", "core.hooksPath", str(tmp_path / "hooks"))
    before = listing(repo / ".git")
    python.install(tree)
    _commit(tree)
    assert python.take() == ["pre-commit"]
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    _commit(repo)
    assert python.take() == []
    uninstall(tree)
    settings = [path for path in before if path.endswith(("config", "config.worktree"))]
    after = listing(repo / ".git")
    assert {path: after[path] for path in settings} == {path: before[path] for path in settings}
