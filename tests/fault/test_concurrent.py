"""Several commands at once (promise P6): the worst case is a wait or a clean failure."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.disk.lock import hold_lock
from dvx.testing.shell import (
    Ran,
    clone,
    commit,
    debris,
    file_bytes,
    make_repo,
    must_dvx,
    read_tree,
    run_dvx,
    run_git,
    start_dvx,
    store_of,
    wait_for,
    write_tree,
)  # fmt: skip
from dvx.testing.store_scan import check_pointers, scan_store


def at_once(*commands: tuple[Path, list[str]]) -> list[Ran]:
    """Start all commands, then wait for all."""
    started = [start_dvx(cwd, *args) for cwd, args in commands]
    return [wait_for(process) for process in started]


def all_succeeded(ran: list[Ran]) -> None:
    assert [one.code for one in ran] == [0] * len(ran), ran


def test_adds_of_different_paths_at_once_all_succeed(scene: Callable, contents: dict) -> None:
    author = scene("edited").author
    trees = {f"more{n}": {"x.bin": ("file", file_bytes(500_000, seed=40 + n))} for n in range(3)}
    for name, tree in trees.items():
        write_tree(author / name, tree)
    all_succeeded(at_once((author, ["add", "data"]), *((author, ["add", name]) for name in trees)))
    stored = check_pointers(author, store_of(author))
    assert stored["data"] == contents["new"]
    assert {name: stored[name] for name in trees} == trees
    staged = run_git(author, "diff", "--cached", "--name-only").split()
    assert {"data.dvx", *(f"{name}.dvx" for name in trees)} <= set(staged)


def test_adds_of_the_same_path_at_once_both_succeed(scene: Callable, contents: dict) -> None:
    author = scene("edited").author
    all_succeeded(at_once((author, ["add", "data", "model.bin"]), (author, ["add", "data", "model.bin"])))
    assert check_pointers(author, store_of(author))["data"] == contents["new"]
    must_dvx(author, "status", "--exit-code")


def test_pushes_at_once_both_succeed(scene: Callable, contents: dict) -> None:
    copy = scene("added")
    all_succeeded(at_once((copy.author, ["push"]), (copy.author, ["push"])))
    assert check_pointers(copy.author, copy.remote)["data"] == contents["new"]


def test_first_pushes_of_two_clones_to_an_empty_remote_both_succeed(tmp_path: Path) -> None:
    remote, repos = tmp_path / "remote", []
    for number in range(2):
        repo = make_repo(tmp_path / f"repo{number}", remote=str(remote))
        write_tree(repo / "data", {"x.bin": ("file", file_bytes(700_000, seed=number)), "same": b"same"})
        must_dvx(repo, "add", "data")
        commit(repo, "data")
        repos.append(repo)
    all_succeeded(at_once(*((repo, ["push"]) for repo in repos)))
    for repo in repos:
        assert check_pointers(repo, remote)["data"] == read_tree(repo / "data")
        must_dvx(repo, "status", "--remote", "--exit-code")


def test_push_and_fetch_and_add_at_once_in_one_clone_all_succeed(scene: Callable, contents: dict) -> None:
    copy = scene("added")
    shutil.rmtree(copy.colleague)
    write_tree(copy.author / "more", {"y.bin": ("file", file_bytes(900_000, seed=50))})
    all_succeeded(
        at_once(
            (copy.author, ["push"]),
            (copy.author, ["fetch", "--rev", "HEAD~1"]),
            (copy.author, ["add", "more"]),
            (copy.author, ["status"]),
        )
    )
    stored = check_pointers(copy.author, store_of(copy.author))
    assert stored["data"] == contents["new"]
    assert stored["more"] == read_tree(copy.author / "more")
    scan_store(copy.remote)


def test_pulls_of_two_clones_with_one_shared_store_both_succeed(
    scene: Callable, contents: dict, tmp_path: Path
) -> None:
    copy = scene("pushed")
    shared = {"DVX_STORE_PATH": str(tmp_path / "shared")}
    clones = [clone(copy.author, copy.folder / f"clone{number}") for number in range(2)]
    started = [start_dvx(one, "pull", env=shared) for one in clones]
    all_succeeded([wait_for(process) for process in started])
    for one in clones:
        assert read_tree(one / "data") == contents["new"]
        assert debris(one) == []
    assert check_pointers(clones[0], tmp_path / "shared")["data"] == contents["new"]


def test_pulls_at_once_in_one_clone_both_succeed(scene: Callable, contents: dict) -> None:
    colleague = scene("pushed").colleague
    all_succeeded(at_once((colleague, ["pull"]), (colleague, ["pull"])))
    assert read_tree(colleague / "data") == contents["new"]
    assert debris(colleague) == []


def test_worktrees_of_one_repository_add_at_once_into_their_common_store(
    scene: Callable, contents: dict
) -> None:
    copy = scene("edited")
    run_git(copy.author, "worktree", "add", "-q", "-b", "side", str(copy.folder / "side"))
    side = copy.folder / "side"
    new = {"only-here.bin": ("file", file_bytes(800_000, seed=60))}
    write_tree(side / "data", new)
    all_succeeded(at_once((copy.author, ["add", "data"]), (side, ["add", "data"])))
    assert store_of(side) == store_of(copy.author)
    assert check_pointers(copy.author, store_of(side))["data"] == contents["new"]
    # The files of the version that this work tree never checked out are not deleted.
    assert check_pointers(side, store_of(side))["data"] == {**contents["old"], **new}


@pytest.mark.parametrize("command", ["add data", "checkout --force", "pull --force", "mv model.bin m"])
def test_command_that_needs_the_workspace_waits_and_then_says_busy(
    scene: Callable, contents: dict, command: str
) -> None:
    author = scene("edited").author
    pointers = (author / "data.dvx").read_bytes()
    with hold_lock(lock_path(author), timeout_s=1, describe="the workspace"):
        ran = run_dvx(author, *command.split(), env={"DVX_LOCK_TIMEOUT_S": "1"})
    assert ran.code == 8, ran
    assert "another dvx command is still using the workspace" in ran.err
    assert "affected: nothing was changed" in ran.err
    assert "DVX_LOCK_TIMEOUT_S=" in ran.err
    assert (author / "data.dvx").read_bytes() == pointers
    assert read_tree(author / "data") == contents["new"]


def test_commands_that_only_look_do_not_wait_for_the_lock(scene: Callable) -> None:
    author = scene("edited").author
    with hold_lock(lock_path(author), timeout_s=1, describe="the workspace"):
        for args in (["status"], ["ls"], ["diff"], ["fetch"], ["push"]):
            must_dvx(author, *args, env={"DVX_LOCK_TIMEOUT_S": "0"})


def lock_path(repo: Path) -> str:
    from dvx.repo.repository import Repository

    return Repository.discover(str(repo), env=os.environ).lock_path
