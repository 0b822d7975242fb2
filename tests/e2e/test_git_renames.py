"""Pointers that Git or dvx renames and removes: the data is where its pointer is, before and after going back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import commit, make_repo, must_dvx, read_tree, run, run_dvx, run_git, write_tree

TREE = {"a.bin": ("file", b"a" * 5000), "sub/b": ("file", b"b")}


@pytest.fixture
def repo(tmp_path: Path, install_hooks: Callable[..., None]) -> Path:
    """`exp/data` and `model.bin` tracked and committed, all hooks that follow installed and run once."""
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    write_tree(repo / "exp" / "data", TREE)
    (repo / "exp" / "code.py").write_text("code\n")
    (repo / "model.bin").write_bytes(b"model")
    must_dvx(repo, "add", "exp/data", "model.bin")
    run_git(repo, "add", "exp/code.py")
    commit(repo, "data")
    install_hooks(repo, "pre-commit", "post-index-change", "post-checkout", "post-merge", "post-rewrite")
    run_git(repo, "switch", "-q", "--detach")  # the workspace is followed now, and that is recorded
    run_git(repo, "switch", "-q", "main")
    return repo


def _check_start(repo: Path) -> None:
    assert read_tree(repo / "exp" / "data") == TREE
    assert (repo / "model.bin").read_bytes() == b"model"
    assert run_git(repo, "status", "--porcelain") == ""
    must_dvx(repo, "status", "--exit-code")


def test_dvx_mv_is_undone_by_reset_hard(repo: Path) -> None:
    must_dvx(repo, "mv", "model.bin", "weights.bin")
    run_git(repo, "reset", "-q", "--hard")
    _check_start(repo)
    assert not (repo / "weights.bin").exists()


def test_work_added_to_the_new_place_of_dvx_mv_is_kept_when_it_is_undone(repo: Path) -> None:
    must_dvx(repo, "mv", "model.bin", "weights.bin")
    (repo / "weights.bin").write_bytes(b"mine")
    run_git(repo, "reset", "-q", "--hard")
    assert (repo / "weights.bin").read_bytes() == b"mine"
    assert (repo / "model.bin").read_bytes() == b"model"


def test_dvx_mv_of_data_that_no_commit_has_keeps_it_when_it_is_undone(repo: Path) -> None:
    (repo / "extra.bin").write_bytes(b"extra")
    must_dvx(repo, "add", "extra.bin")
    must_dvx(repo, "mv", "extra.bin", "more.bin")
    run_git(repo, "reset", "-q", "--hard")
    assert (repo / "more.bin").read_bytes() == b"extra"


def test_dvx_mv_follows_the_commits_there_and_back(repo: Path) -> None:
    must_dvx(repo, "mv", "exp/data", "exp/images")
    commit(repo, "moved")
    run_git(repo, "switch", "-q", "--detach", "HEAD~1")
    _check_start(repo)
    assert not (repo / "exp" / "images").exists()
    run_git(repo, "switch", "-q", "main")
    assert read_tree(repo / "exp" / "images") == TREE
    assert not (repo / "exp" / "data").exists()


@pytest.mark.parametrize("command", [("mv", "exp/data", "images"), ("rm", "exp/data")])
def test_ignore_file_that_git_does_not_know_goes_with_its_last_line(
    repo: Path, command: tuple[str, ...]
) -> None:
    run_git(repo, "rm", "-q", "--cached", "exp/.gitignore")
    must_dvx(repo, *command)
    assert not (repo / "exp" / ".gitignore").exists()
    assert not (repo / "exp" / "data.dvx").exists()
    assert "D  exp/data.dvx" in run_git(repo, "status", "--porcelain", "--no-renames")


def test_dvx_rm_follows_the_commits_there_and_back(repo: Path) -> None:
    must_dvx(repo, "rm", "model.bin")
    commit(repo, "removed")
    run_git(repo, "switch", "-q", "--detach", "HEAD~1")
    _check_start(repo)
    run_git(repo, "switch", "-q", "main")
    assert not (repo / "model.bin").exists()


def test_data_kept_by_rm_is_taken_up_when_its_pointer_returns(repo: Path) -> None:
    must_dvx(repo, "rm", "--keep", "model.bin")
    (repo / "model.bin").write_bytes(b"mine")
    ran = run(["git", "reset", "-q", "--hard"], repo)
    assert (ran.code, (repo / "model.bin").read_bytes()) == (0, b"mine")
    assert "model.bin" in ran.err


def test_folder_that_git_mv_renamed_goes_back_with_its_data(repo: Path) -> None:
    run_git(repo, "mv", "exp", "exp2")
    commit(repo, "renamed")
    assert read_tree(repo / "exp2" / "data") == TREE
    run_git(repo, "reset", "-q", "--hard", "HEAD~1")
    _check_start(repo)
    assert not (repo / "exp2").exists()


def test_work_in_a_renamed_folder_is_kept(repo: Path) -> None:
    run_git(repo, "mv", "exp", "exp2")
    commit(repo, "renamed")
    (repo / "exp2" / "data" / "new").write_bytes(b"mine")
    ran = run(["git", "reset", "-q", "--hard", "HEAD~1"], repo)
    assert ran.code == 0
    assert "new" in ran.err
    assert (repo / "exp2" / "data" / "new").read_bytes() == b"mine"


def test_pointer_moved_by_git_mv_is_warned_of_and_the_printed_command_brings_data_and_ignore_line(
    repo: Path,
) -> None:
    run_git(repo, "mv", "model.bin.dvx", "weights.bin.dvx")
    ran = run_dvx(repo, "hooks", "check")
    assert ran.code == 0
    assert "no line in `.gitignore` keeps `weights.bin` out of Git" in ran.err
    assert "fix: dvx checkout weights.bin && dvx add weights.bin" in ran.err
    must_dvx(repo, "checkout", "weights.bin")
    must_dvx(repo, "add", "weights.bin")
    commit(repo, "moved")
    assert (repo / "weights.bin").read_bytes() == b"model"
    assert run_git(repo, "status", "--porcelain") == ""
    run_git(repo, "switch", "-q", "--detach", "HEAD~1")
    _check_start(repo)
    assert not (repo / "weights.bin").exists()
