"""Where a repository can be: worktrees, submodules, subdirectories, odd paths, detached HEAD, SHA-256, shallow."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import (
    clone,
    commit,
    make_repo,
    must_dvx,
    read_tree,
    run_dvx,
    run_git,
    store_of,
    write_tree,
)  # fmt: skip
from dvx.testing.store_scan import check_pointers, pack_paths

TREE = {"x.bin": ("file", bytes(range(256)) * 500), "deep/er/y": ("file", b"y")}


def full_circle(repo: Path, top: Path, *args: str) -> None:
    """add, commit, push, clone, pull, verify."""
    write_tree(repo / "data", TREE)
    must_dvx(repo, *args, "add", "data")
    commit(repo, "data")
    must_dvx(repo, *args, "push")
    fresh = clone(repo, top / "fresh clone")
    must_dvx(fresh, "pull")
    assert read_tree(fresh / "data") == TREE
    assert run_git(fresh, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["with spaces", "Gewürz-数据-🚀", "quo'te\"s", "-dash", "a;b&c$d", "%41[x]*?"]
)
def test_repository_below_an_odd_path(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / name, remote=str(tmp_path / f"{name} remote"))
    full_circle(repo, tmp_path)


@pytest.mark.parametrize("name", ["with spaces", "Gewürz-数据-🚀", "quo'te\"s", "-dash", "a;b&c$d", "%41[x]"])
def test_tracked_folder_with_an_odd_name(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    write_tree(repo / name, TREE)
    must_dvx(repo, "add", f"./{name}")
    commit(repo, "data")
    must_dvx(repo, "push")
    assert run_git(repo, "status", "--porcelain") == ""
    fresh = clone(repo, tmp_path / "fresh")
    must_dvx(fresh, "pull", f"./{name}")
    assert read_tree(fresh / name) == TREE


def test_repository_with_sha256_object_names(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"), options=["--object-format=sha256"])
    assert len(run_git(repo, "rev-parse", "HEAD")) == 64
    full_circle(repo, tmp_path)
    must_dvx(repo, "diff", "HEAD~1", "HEAD")
    must_dvx(repo, "fetch", "--rev", "HEAD")


def test_commands_from_a_subdirectory_and_with_another_folder(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    write_tree(repo / "exp" / "data", TREE)
    (repo / "exp" / "deep").mkdir()
    must_dvx(repo / "exp" / "deep", "add", "../data")
    assert (repo / "exp" / "data.dvx").is_file()
    commit(repo, "data")
    must_dvx(tmp_path, "-C", "repo", "push")
    must_dvx(tmp_path, "-C", "repo", "-C", "exp", "status", "data", "--exit-code")
    (repo / "exp" / "data" / "x.bin").unlink()
    must_dvx(tmp_path, "checkout", "data", "-C", "repo/exp")
    assert read_tree(repo / "exp" / "data") == TREE
    assert "exp/data" in must_dvx(repo, "ls").out
    assert run_dvx(tmp_path, "-C", "nowhere", "status").code == 2


def test_detached_head(author: Path, tree: dict, tmp_path: Path) -> None:
    fresh = clone(author, tmp_path / "fresh")
    run_git(fresh, "checkout", "-q", "--detach")
    must_dvx(fresh, "pull")
    assert read_tree(fresh / "data") == tree
    (fresh / "data" / "a.bin").write_bytes(b"changed")
    must_dvx(fresh, "add", "data")
    commit(fresh, "on no branch")
    must_dvx(fresh, "push")
    must_dvx(fresh, "status", "--remote", "--exit-code")


def test_shallow_clone(author: Path, tree: dict, tmp_path: Path) -> None:
    (author / "data" / "a.bin").write_bytes(b"second version")
    must_dvx(author, "add", "data")
    commit(author, "second")
    must_dvx(author, "push")
    run_git(tmp_path, "clone", "-q", "--depth=1", f"file://{author}", "shallow")
    must_dvx(tmp_path / "shallow", "pull", env={"CI": "true"})
    assert read_tree(tmp_path / "shallow" / "data") == tree | {"a.bin": ("file", b"second version")}
    assert pack_paths(store_of(tmp_path / "shallow"), kind=1) == []  # the listing alone is kept
    (tmp_path / "shallow" / "data" / "a.bin").write_bytes(b"third version")
    must_dvx(tmp_path / "shallow", "add", "data")
    commit(tmp_path / "shallow", "third")
    must_dvx(tmp_path / "shallow", "push")
    must_dvx(tmp_path / "shallow", "status", "--remote", "--exit-code")


def test_worktree_shares_the_store_and_has_its_own_files(author: Path, tree: dict, tmp_path: Path) -> None:
    run_git(author, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = tmp_path / "side"
    (author.parent / "remote").rename(tmp_path / "unplugged")
    must_dvx(side, "checkout")
    assert read_tree(side / "data") == tree
    (side / "data" / "a.bin").write_bytes(b"side")
    must_dvx(side, "add", "data")
    commit(side, "side")
    assert read_tree(author / "data") == tree
    must_dvx(author, "status", "--exit-code")
    assert check_pointers(side, store_of(author))["data"]["a.bin"] == ("file", b"side")


def test_submodule_is_a_repository_of_its_own(author: Path, tree: dict, tmp_path: Path) -> None:
    outer = make_repo(tmp_path / "outer", remote=str(tmp_path / "outer-remote"))
    run_git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(author), "sub")
    commit(outer, "submodule")
    inner_remote = {"DVX_REMOTE_ORIGIN_URL": str(author.parent / "remote")}
    must_dvx(outer / "sub", "pull", env=inner_remote)
    assert read_tree(outer / "sub" / "data") == tree
    assert "data" not in must_dvx(outer, "ls").out
    assert run_dvx(outer, "add", "sub").code == 2
    write_tree(outer / "own", TREE)
    must_dvx(outer, "add", "own")
    commit(outer, "own")
    must_dvx(outer, "push")
    must_dvx(outer, "status", "--remote", "--exit-code")


def test_sparse_checkout_leaves_out_the_data_of_pointers_that_are_not_there(
    author: Path, tree: dict, tmp_path: Path
) -> None:
    write_tree(author / "far/more", TREE)
    must_dvx(author, "add", "far/more")
    commit(author, "more data")
    must_dvx(author, "push")
    run_git(tmp_path, "clone", "-q", "--no-checkout", str(author), "sparse")
    sparse = tmp_path / "sparse"
    run_git(sparse, "sparse-checkout", "set", "--no-cone", "/*", "!/far")
    run_git(sparse, "checkout", "-q")
    must_dvx(sparse, "pull")
    assert read_tree(sparse / "data") == tree
    assert not (sparse / "far").exists()
    assert run_dvx(sparse, "status", "--exit-code").code == 0
    must_dvx(sparse, "push")
    (sparse / "model.bin").write_bytes(b"a new model")
    must_dvx(sparse, "add", "--update")
    assert run_git(sparse, "diff", "--cached", "--name-only") == "model.bin.dvx"
    run_git(sparse, "sparse-checkout", "disable")
    must_dvx(sparse, "pull", "far")
    assert read_tree(sparse / "far/more") == TREE


@pytest.mark.parametrize("what", ["blob:none", "tree:0"])
def test_partial_clone(author: Path, tree: dict, tmp_path: Path, what: str) -> None:
    (author / "model.bin").write_bytes(b"another model")
    must_dvx(author, "add", "model.bin")
    commit(author, "change")
    must_dvx(author, "push")
    run_git(author, "config", "uploadpack.allowFilter", "true")
    run_git(author, "config", "uploadpack.allowAnySHA1InWant", "true")
    run_git(tmp_path, "clone", "-q", f"--filter={what}", f"file://{author}", "partial")
    partial = tmp_path / "partial"
    must_dvx(partial, "pull")
    assert read_tree(partial / "data") == tree
    assert (partial / "model.bin").read_bytes() == b"another model"
    assert must_dvx(partial, "diff", "--name-only", "HEAD~1", "HEAD").out == "model.bin\n"
    must_dvx(partial, "fetch", "--rev", "HEAD~1")
    must_dvx(partial, "checkout", "--rev", "HEAD~1", "model.bin")
    assert len((partial / "model.bin").read_bytes()) == 120_000


def test_path_outside_of_the_sparse_checkout_is_named_as_such_and_left_alone(
    tmp_path: Path, explains: Callable[..., None]
) -> None:
    repo = make_repo(tmp_path / "repo")
    for folder in ("a", "b"):
        write_tree(repo / folder, {"data/x": folder.encode(), "code": b"1"})
        must_dvx(repo, "add", f"{folder}/data")
        run_git(repo, "add", f"{folder}/code")
    commit(repo, "data")
    run_git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/b/data.dvx")
    assert "outside of the sparse checkout: 1 pointer" in must_dvx(repo, "status").out
    assert json.loads(must_dvx(repo, "status", "--json").out)["left_out"] == ["b/data.dvx"]
    (repo / "b" / "data" / "x").write_bytes(b"work")
    for command in ("status", "checkout", "add"):
        ran = run_dvx(repo, command, "b/data")
        explains(ran, 1, "outside of the sparse checkout", "git sparse-checkout add b")
    assert not (repo / "b" / "data.dvx").exists()
    assert (repo / "b" / "data" / "x").read_bytes() == b"work"
    assert run_git(repo, "status", "--porcelain") == ""
    run_git(repo, "sparse-checkout", "disable")
    must_dvx(repo, "add", "b/data")
    assert run_git(repo, "status", "--porcelain") == "M  b/data.dvx"
