"""The data follows the commit through Git's own commands: the bytes in the workspace afterwards are what counts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvx.testing.shell import (
    Ran,
    commit,
    debris,
    dvx_environment,
    make_repo,
    must_dvx,
    read_tree,
    run,
    run_git,
    write_tree,
)

ONE = {"a.bin": ("file", b"one" * 5000), "sub/same": ("file", b"same")}
TWO = {"a.bin": ("file", b"two" * 5000), "sub/same": ("file", b"same"), "new": ("file", b"new")}


def git(repo: Path, *args: str) -> Ran:
    """Run a Git command that has to succeed, and see what its hooks said."""
    ran = run(["git", *args], repo)
    assert ran.code == 0, f"git {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
    assert "Traceback" not in ran.err, ran.err
    return ran


def data(repo: Path) -> dict:
    return read_tree(repo / "data")


def save(repo: Path, tree: dict, model: bytes, message: str) -> None:
    write_tree(repo / "data", tree)
    (repo / "model.bin").write_bytes(model)
    must_dvx(repo, "add", "data", "model.bin")
    (repo / "code.py").write_text(message + "\n")
    git(repo, "add", "code.py")
    commit(repo, message)


def _make_repo(folder: Path, install_hooks: Callable[..., None]) -> None:
    repo = make_repo(folder / "repo", remote="../remote")
    install_hooks(repo)
    (repo / "code.py").write_text("0\n")
    git(repo, "add", "code.py")
    commit(repo, "zero")
    save(repo, ONE, b"one", "one")
    save(repo, TWO, b"two", "two")
    git(repo, "branch", "one", "HEAD~1")
    git(repo, "branch", "zero", "HEAD~2")


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory, install_hooks: Callable[..., None]) -> Path:
    folder = tmp_path_factory.mktemp("follow")
    _make_repo(folder, install_hooks)
    return folder


@pytest.fixture
def repo(tmp_path: Path, _made: Path) -> Iterator[Path]:
    """Two commits: on `main` data is TWO and model.bin "two", in the commit before ONE and "one", then nothing."""
    repo = tmp_path / "repo"
    shutil.copytree(_made, tmp_path, symlinks=True, dirs_exist_ok=True)
    # To Git the files of a copy may have changed, and such files stay outside of a sparse checkout.
    run(["git", "-c", f"core.hooksPath={os.devnull}", "update-index", "-q", "--refresh"], repo)
    yield repo
    assert debris(repo) == []


def check_one(repo: Path) -> None:
    assert data(repo) == ONE
    assert (repo / "model.bin").read_bytes() == b"one"
    assert run_git(repo, "status", "--porcelain") == ""
    must_dvx(repo, "status", "--exit-code")


def check_two(repo: Path) -> None:
    assert data(repo) == TWO
    assert (repo / "model.bin").read_bytes() == b"two"
    assert run_git(repo, "status", "--porcelain") == ""
    must_dvx(repo, "status", "--exit-code")


def check_none(repo: Path) -> None:
    assert not (repo / "data").exists()
    assert not (repo / "model.bin").exists()
    assert run_git(repo, "status", "--porcelain") == ""


def test_branch_switch_there_and_back(repo: Path) -> None:
    ran = git(repo, "switch", "-q", "one")
    assert "dvx: 2 files" in ran.err
    assert ran.err.count("dvx:") == 1
    check_one(repo)
    git(repo, "switch", "-q", "main")
    check_two(repo)


def test_pointers_gone_on_another_branch_and_back(repo: Path) -> None:
    ran = git(repo, "switch", "-q", "zero")
    assert "4 files removed" in ran.err
    check_none(repo)
    git(repo, "switch", "-q", "main")
    check_two(repo)


def test_detached_head(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach", "HEAD~1")
    check_one(repo)
    git(repo, "checkout", "-q", "-")
    check_two(repo)


def test_reset_hard(repo: Path) -> None:
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    check_one(repo)
    git(repo, "reset", "-q", "--hard", "ORIG_HEAD")
    check_two(repo)


def test_reset_hard_before_the_first_pointer_that_was_just_added(repo: Path) -> None:
    (repo / "extra.bin").write_bytes(b"extra")
    must_dvx(repo, "add", "extra.bin")
    commit(repo, "extra")
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    assert not (repo / "extra.bin").exists()
    check_two(repo)
    git(repo, "reset", "-q", "--hard", "HEAD@{1}")
    assert (repo / "extra.bin").read_bytes() == b"extra"


def test_return_to_the_pointers_that_were_followed_last(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")  # follows `main`, and records that
    save(repo, ONE, b"one", "one again")
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    check_two(repo)


def test_stash_and_pop_of_a_changed_and_a_new_pointer(repo: Path) -> None:
    write_tree(repo / "data", ONE)
    (repo / "extra.bin").write_bytes(b"extra")
    must_dvx(repo, "add", "data", "extra.bin")
    git(repo, "stash", "-q")
    assert not (repo / "extra.bin").exists()
    check_two(repo)
    git(repo, "stash", "pop", "-q")
    assert data(repo) == ONE
    assert (repo / "extra.bin").read_bytes() == b"extra"
    must_dvx(repo, "status", "--exit-code")


@pytest.mark.parametrize("undo", [("stash", "-q"), ("reset", "-q", "--hard")])
def test_pointer_that_a_pop_left_unstaged_goes_away_with_its_data(repo: Path, undo: tuple[str, ...]) -> None:
    """`git stash pop` changes the pointer in the work tree, and not in the staging area: that stays the same."""
    write_tree(repo / "data", ONE)
    must_dvx(repo, "add", "data")
    git(repo, "stash", "-q")
    check_two(repo)
    git(repo, "stash", "pop", "-q")
    assert data(repo) == ONE
    assert run_git(repo, "status", "--porcelain") == " M data.dvx"
    git(repo, *undo)
    check_two(repo)


def test_cherry_pick_and_revert(repo: Path) -> None:
    git(repo, "switch", "-q", "one")
    git(repo, "cherry-pick", "main")
    check_two(repo)
    git(repo, "revert", "--no-edit", "HEAD")
    check_one(repo)


def test_merge_fast_forward_and_real(repo: Path) -> None:
    git(repo, "switch", "-q", "one")
    git(repo, "merge", "-q", "main")
    check_two(repo)
    git(repo, "switch", "-q", "-c", "side", "zero")
    check_none(repo)
    (repo / "other.txt").write_text("x")
    git(repo, "add", "other.txt")
    commit(repo, "other")
    git(repo, "merge", "-q", "--no-edit", "main")
    check_two(repo)


def test_rebase_and_its_abort(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "side", "zero")
    (repo / "side").mkdir()
    (repo / "side" / "side.bin").write_bytes(b"side")
    must_dvx(repo, "add", "side/side.bin")
    commit(repo, "side")
    git(repo, "rebase", "-q", "main")
    check_two(repo)
    assert (repo / "side" / "side.bin").read_bytes() == b"side"
    git(repo, "switch", "-q", "-c", "clash", "one")
    save(repo, ONE | {"c": ("file", b"clash")}, b"clash", "clash")
    ran = run(["git", "rebase", "-q", "main"], repo)
    assert ran.code != 0
    assert "Traceback" not in ran.err
    git(repo, "rebase", "--abort")
    assert data(repo) == ONE | {"c": ("file", b"clash")}
    assert (repo / "model.bin").read_bytes() == b"clash"


def test_bisect_run_sees_the_data_of_each_commit(repo: Path) -> None:
    for number in range(4):
        save(repo, TWO, b"good" if number < 2 else b"bad", f"more {number}")
    git(repo, "bisect", "start", "main", "one")
    git(repo, "bisect", "run", "sh", "-c", "! grep -q bad model.bin")
    assert run_git(repo, "log", "-1", "--format=%s", "refs/bisect/bad") == "more 2"
    git(repo, "bisect", "reset")
    assert (repo / "model.bin").read_bytes() == b"bad"


def test_checkout_of_one_pointer_from_another_commit(repo: Path) -> None:
    git(repo, "checkout", "-q", "one", "--", "data.dvx")
    assert data(repo) == ONE
    assert (repo / "model.bin").read_bytes() == b"two"
    git(repo, "checkout", "-q", "HEAD", "--", "data.dvx")
    check_two(repo)


def test_checkout_of_a_pointer_that_was_not_staged(repo: Path) -> None:
    must_dvx(repo, "config", "set", "--local", "core.autostage", "false")
    write_tree(repo / "data", ONE)
    must_dvx(repo, "add", "data")
    assert run_git(repo, "status", "--porcelain") == " M data.dvx"
    git(repo, "checkout", "-q", "--", "data.dvx")
    check_two(repo)


def test_work_that_is_not_stored_is_kept_through_every_switch(repo: Path) -> None:
    (repo / "model.bin").write_bytes(b"work")
    ran = git(repo, "switch", "-q", "one")
    assert (repo / "model.bin").read_bytes() == b"work"
    assert data(repo) == ONE
    assert "model.bin" in ran.err
    assert "dvx add model.bin" in ran.err
    assert "dvx checkout --force model.bin" in ran.err
    ran = git(repo, "switch", "-q", "zero")
    assert (repo / "model.bin").read_bytes() == b"work"
    assert not (repo / "data").exists()
    assert "kept `model.bin`, which has no pointer here" in ran.err
    git(repo, "switch", "-q", "main")
    assert (repo / "model.bin").read_bytes() == b"work"
    assert data(repo) == TWO


def test_untracked_file_in_a_folder_without_pointer_keeps_all_of_it(repo: Path) -> None:
    (repo / "data" / "mine").write_bytes(b"mine")
    ran = git(repo, "switch", "-q", "zero")
    assert data(repo) == TWO | {"mine": ("file", b"mine")}
    assert "`data/mine`" in ran.err
    git(repo, "switch", "-q", "main")
    assert data(repo) == TWO | {"mine": ("file", b"mine")}


def test_folder_in_place_of_a_file_without_pointer_is_kept_and_named(repo: Path) -> None:
    (repo / "model.bin").unlink()
    write_tree(repo / "model.bin", {"mine": b"mine"})
    ran = git(repo, "switch", "-q", "zero")
    assert "kept `model.bin`, which has no pointer here" in ran.err
    assert "3 files removed" in ran.err  # those of `data`
    assert read_tree(repo / "model.bin") == {"mine": ("file", b"mine")}


def test_data_kept_on_purpose_stays(repo: Path) -> None:
    must_dvx(repo, "rm", "--keep", "model.bin")
    commit(repo, "not tracked any more")
    git(repo, "switch", "-q", "zero")
    assert (repo / "model.bin").read_bytes() == b"two"


def test_pointer_deleted_by_hand_before_git_had_it_keeps_the_data(repo: Path) -> None:
    (repo / "extra.bin").write_bytes(b"extra")
    must_dvx(repo, "config", "set", "--local", "core.autostage", "false")
    must_dvx(repo, "add", "extra.bin")
    (repo / "extra.bin.dvx").unlink()
    git(repo, "stash", "-q")
    git(repo, "switch", "-q", "one")
    assert (repo / "extra.bin").read_bytes() == b"extra"


def test_file_becomes_a_folder_and_back(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "kinds")
    must_dvx(repo, "rm", "model.bin")
    write_tree(repo / "model.bin", ONE)
    must_dvx(repo, "add", "model.bin")
    commit(repo, "a folder")
    assert "kept" not in git(repo, "switch", "-q", "main").err
    check_two(repo)
    git(repo, "switch", "-q", "kinds")
    assert read_tree(repo / "model.bin") == ONE


def test_folder_split_into_two_tracked_folders_and_back(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "split")
    must_dvx(repo, "rm", "--keep", "data")
    must_dvx(repo, "add", "data/sub", "data/a.bin", "data/new")
    commit(repo, "split")
    git(repo, "switch", "-q", "main")
    check_two(repo)
    git(repo, "switch", "-q", "split")
    assert (repo / "data" / "a.bin").read_bytes() == b"two" * 5000
    assert (repo / "data" / "sub" / "same").read_bytes() == b"same"
    must_dvx(repo, "status", "--exit-code")
    assert run_git(repo, "status", "--porcelain") == ""


def test_data_that_another_branch_has_in_git_is_left_to_git(repo: Path) -> None:
    git(repo, "switch", "-q", "zero")
    git(repo, "switch", "-q", "-c", "plain")
    (repo / "model.bin").write_bytes(b"two")
    git(repo, "add", "model.bin")
    commit(repo, "in Git")
    git(repo, "switch", "-q", "main")
    check_two(repo)
    git(repo, "switch", "-q", "plain")
    assert (repo / "model.bin").read_bytes() == b"two"
    assert run_git(repo, "status", "--porcelain") == ""


def test_conflict_markers_are_left_alone(repo: Path) -> None:
    (repo / ".git/info/attributes").unlink()  # plain Git: without the driver both pointers are in conflict
    git(repo, "switch", "-q", "-c", "other", "one")
    save(repo, ONE | {"c": ("file", b"c")}, b"other", "other")
    ran = run(["git", "merge", "-q", "main"], repo)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert (repo / "model.bin").read_bytes() == b"other"
    git(repo, "checkout", "--theirs", "model.bin.dvx", "data.dvx")
    git(repo, "checkout", "-q", "--theirs", "code.py")
    git(repo, "add", "-A", "--", "*.dvx", "code.py")
    git(repo, "commit", "-q", "-m", "merged")
    git(repo, "checkout", "-q", "--", "data.dvx")
    check_two(repo)


def test_data_of_a_pointer_that_a_resolved_merge_removed_comes_back_with_it(repo: Path) -> None:
    git(repo, "switch", "-q", "-c", "without", "one")
    must_dvx(repo, "rm", "model.bin")
    commit(repo, "removed")
    git(repo, "switch", "-q", "-c", "merged", "main")
    (repo / "model.bin").unlink()
    assert run(["git", "merge", "-q", "without"], repo).code == 1
    must_dvx(repo, "resolve", "--theirs", "model.bin")
    commit(repo, "merged")
    git(repo, "switch", "-q", "main")
    check_two(repo)


def test_data_that_is_not_local_is_one_command(
    repo: Path, tmp_path: Path, install_hooks: Callable[..., None]
) -> None:
    must_dvx(repo, "push", "--all-refs")
    run_git(tmp_path, "clone", "-q", str(repo), "fresh")
    fresh = tmp_path / "fresh"
    install_hooks(fresh)
    must_dvx(fresh, "pull")
    ran = git(fresh, "switch", "-q", "one")
    assert "dvx pull data model.bin" in ran.err
    assert ran.err.count("dvx:") == 1
    assert data(fresh) == TWO
    assert git(fresh, "switch", "-q", "main").err == ""
    git(fresh, "switch", "-q", "one")
    must_dvx(fresh, "pull")
    check_one(fresh)


def test_setting_hooks_fetch_brings_what_is_not_local(
    repo: Path, tmp_path: Path, install_hooks: Callable[..., None]
) -> None:
    must_dvx(repo, "push", "--all-refs")
    run_git(tmp_path, "clone", "-q", str(repo), "fresh")
    fresh = tmp_path / "fresh"
    install_hooks(fresh)
    must_dvx(fresh, "config", "set", "--local", "hooks.fetch", "true")
    git(fresh, "switch", "-q", "one")
    check_one(fresh)


def test_nothing_is_asked_of_a_remote(repo: Path, tmp_path: Path) -> None:
    must_dvx(repo, "push", "--all-refs")
    (tmp_path / "remote").rename(tmp_path / "unplugged")
    env = {"DVX_REMOTE_ORIGIN_URL": "s3://nowhere/x", "DVX_REMOTE_ORIGIN_ENDPOINT": "http://127.0.0.1:9"}
    (repo / "model.bin").write_bytes(b"work")
    ran = run(["git", "switch", "-q", "one"], repo, env=env)
    assert ran.code == 0
    assert "trying again" not in ran.err
    assert data(repo) == ONE
    assert (repo / "model.bin").read_bytes() == b"work"


def test_new_worktree_gets_its_data_from_the_shared_store(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", str(tmp_path / "side"), "one")
    check_one(tmp_path / "side")
    git(tmp_path / "side", "checkout", "-q", "--detach", "main")
    check_two(tmp_path / "side")
    check_two(repo)


def test_submodule_is_followed_by_its_own_hooks(
    repo: Path, tmp_path: Path, install_hooks: Callable[..., None]
) -> None:
    outer = make_repo(tmp_path / "outer")
    run_git(outer, "submodule", "add", "-q", str(repo), "sub")
    commit(outer, "two")
    install_hooks(outer / "sub")
    must_dvx(repo, "push", "--all-refs")
    env = {"DVX_REMOTE_ORIGIN_URL": str(tmp_path / "remote")}
    must_dvx(outer / "sub", "pull", env=env)
    must_dvx(outer / "sub", "fetch", "--all-refs", env=env)
    run_git(outer / "sub", "checkout", "-q", "origin/one")
    check_one(outer / "sub")
    git(outer, "submodule", "update", "-q")
    check_two(outer / "sub")


def test_sparse_checkout_keeps_data_and_follows_when_the_pointer_returns(repo: Path) -> None:
    git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/data.dvx")
    assert not (repo / "data.dvx").exists()
    assert data(repo) == TWO
    git(repo, "switch", "-q", "one")
    assert data(repo) == TWO
    assert (repo / "model.bin").read_bytes() == b"one"
    git(repo, "sparse-checkout", "disable")  # runs no hook that says so
    git(repo, "checkout", "-q", "--detach")
    check_one(repo)


def test_data_of_a_folder_that_joins_the_sparse_cone_again_comes_back(repo: Path) -> None:
    """In cone mode Git deletes folders that leave, with the files in them that it ignores."""
    for folder in ("a", "b"):
        write_tree(repo / folder / "data", ONE)
        must_dvx(repo, "add", f"{folder}/data")
        (repo / folder / "code.py").write_text("1")
        git(repo, "add", f"{folder}/code.py")
    commit(repo, "folders")
    git(repo, "sparse-checkout", "set", "a")
    assert not (repo / "b").exists()
    must_dvx(repo, "status", "--exit-code")
    git(repo, "sparse-checkout", "add", "b")
    assert read_tree(repo / "b" / "data") == ONE
    assert read_tree(repo / "a" / "data") == ONE
    must_dvx(repo, "status", "--exit-code")


def test_unborn_branch_removes_and_returns(repo: Path) -> None:
    git(repo, "switch", "-q", "--orphan", "empty")
    assert not (repo / "data").exists()
    git(repo, "switch", "-q", "main")
    check_two(repo)


def test_repository_without_dvx_is_left_alone(tmp_path: Path, install_hooks: Callable[..., None]) -> None:
    repo = tmp_path / "plain"
    repo.mkdir()
    run_git(repo, "init", "-q")
    install_hooks(repo)
    (repo / "x").write_text("x")
    git(repo, "add", "x")
    commit(repo, "x")
    assert git(repo, "checkout", "-q", "-b", "other").err == ""
    assert git(repo, "checkout", "-q", "--", "x").err == ""
    assert sorted(os.listdir(repo / ".git" / "dvx")) == ["drivers.json", "followed", "workspace.lock"]


def test_another_command_in_the_way_is_one_line_and_made_up_for_later(repo: Path) -> None:
    code = (
        "import sys; from dvx.disk.lock import hold_lock\n"
        f"with hold_lock({str(repo / '.git' / 'dvx' / 'workspace.lock')!r}, timeout_s=5, describe='x'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dvx_environment()
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        ran = run(["git", "switch", "-q", "one"], repo, env={"DVX_LOCK_TIMEOUT_S": "0"})
        assert holder.stdin is not None
        holder.stdin.close()
    assert ran.code == 0
    assert "another dvx command is using the workspace; when it has ended: `dvx checkout`" in ran.err
    assert data(repo) == TWO
    git(repo, "checkout", "-q", "--", "code.py")
    check_one(repo)


def test_damaged_settings_do_not_make_git_fail(repo: Path) -> None:
    (repo / ".git" / "dvx" / "config.toml").write_text("core = [")
    ran = git(repo, "switch", "-q", "one")
    assert "is not valid TOML" in ran.err
    (repo / ".git" / "dvx" / "config.toml").unlink()
    git(repo, "checkout", "-q", "--", "code.py")
    check_one(repo)


def test_post_checkout_alone_is_enough_for_switches(repo: Path) -> None:
    for name in ("post-index-change", "post-merge", "post-rewrite"):
        (repo / ".git" / "hooks" / name).unlink()
    git(repo, "switch", "-q", "zero")
    check_none(repo)
    git(repo, "switch", "-q", "one")
    check_one(repo)
