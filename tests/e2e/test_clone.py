"""`dvx clone`: a Git clone with its data."""

import json
import shutil
from pathlib import Path

from dvx.testing.shell import commit, must_dvx, read_tree, run_dvx, run_git


def test_clone_has_code_and_data(author: Path, tmp_path: Path, tree: dict, model: bytes) -> None:
    ran = must_dvx(tmp_path, "clone", "author", "fresh")
    assert read_tree(tmp_path / "fresh" / "data") == tree
    assert (tmp_path / "fresh" / "model.bin").read_bytes() == model
    assert "Cloning into" in ran.err
    assert "cloned into `fresh` and pulled 2 tracked paths" in ran.err
    assert run_git(tmp_path / "fresh", "status", "--porcelain") == ""


def test_clone_of_some_targets_brings_only_these(author: Path, tmp_path: Path, tree: dict) -> None:
    must_dvx(tmp_path, "clone", "author", "fresh", "data/sub", "--depth", "1")
    fresh = tmp_path / "fresh"
    assert read_tree(fresh / "data") == {name: tree[name] for name in tree if name.startswith("sub/")}
    assert not (fresh / "model.bin").exists()
    assert run_git(fresh, "rev-list", "--count", "HEAD") == "1"


def test_clone_names_its_folder_as_git_does_and_takes_a_branch(
    author: Path, tmp_path: Path, model: bytes
) -> None:
    run_git(author, "branch", "old")
    (author / "model.bin").write_bytes(b"new")
    must_dvx(author, "add", "model.bin")
    commit(author, "new")
    must_dvx(author, "push")
    run_git(tmp_path, "clone", "-q", "--bare", "author", "served.git")
    must_dvx(tmp_path, "clone", f"file://{tmp_path}/served.git", "--branch", "old")
    assert (tmp_path / "served" / "model.bin").read_bytes() == model
    assert run_git(tmp_path / "served", "branch", "--show-current") == "old"


def test_clone_in_ci_keeps_no_copy_in_the_store(author: Path, tmp_path: Path, tree: dict) -> None:
    must_dvx(tmp_path, "clone", "author", "fresh", env={"CI": "true"})
    assert read_tree(tmp_path / "fresh" / "data") == tree
    packs = [path for path in (tmp_path / "fresh" / ".git" / "dvx" / "store").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in packs) < 20_000


def test_clone_of_a_repository_without_data_is_a_clone(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "plain")
    run_git(tmp_path / "plain", "commit", "-q", "--allow-empty", "-m", "empty")
    ran = must_dvx(tmp_path, "clone", "plain", "fresh", "--json")
    assert "it tracks no data" in ran.err
    answer = json.loads(ran.out)
    assert (answer["schema"], answer["folder"], answer["checkout"]) == (
        "dvx.clone/1",
        f"{tmp_path}/fresh",
        None,
    )
    assert (tmp_path / "fresh" / ".git").is_dir()


def test_data_that_cannot_be_pulled_leaves_the_clone_and_the_next_command(
    author: Path, tmp_path: Path, explains, tree: dict
) -> None:
    shutil.move(tmp_path / "remote", tmp_path / "away")
    ran = run_dvx(tmp_path, "clone", "author", "fresh", "data")
    explains(ran, 6, "the clone in `fresh` is complete", "`dvx -C fresh pull data`")
    shutil.move(tmp_path / "away", tmp_path / "remote")
    must_dvx(tmp_path, "-C", "fresh", "pull", "data")
    assert read_tree(tmp_path / "fresh" / "data") == tree


def test_unknown_target_leaves_the_clone(author: Path, tmp_path: Path, explains) -> None:
    explains(run_dvx(tmp_path, "clone", "author", "fresh", "none"), 1, "`none` is not tracked", "is complete")
    assert (tmp_path / "fresh" / "data.dvx").is_file()


def test_folder_in_use_and_bad_addresses_are_refused(author: Path, tmp_path: Path, explains) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_bytes(b"mine")
    explains(run_dvx(tmp_path, "clone", "author", "used"), 2, "`used` is there already")
    explains(run_dvx(tmp_path, "clone", "none", "fresh"), 1, "`git clone` of `none` failed")
    explains(run_dvx(tmp_path, "clone", "--", "--upload-pack=touch x", "fresh"), 2, "is not an address")
    assert (tmp_path / "used" / "file").read_bytes() == b"mine"
    assert not (tmp_path / "fresh").exists()


def test_clone_from_a_hook_does_not_touch_the_repository_of_the_hook(
    author: Path, tmp_path: Path, tree: dict
) -> None:
    run_git(tmp_path, "init", "-q", "hooked")
    env = {"GIT_DIR": str(tmp_path / "hooked" / ".git"), "GIT_WORK_TREE": str(tmp_path / "hooked")}
    must_dvx(tmp_path, "clone", str(author), "fresh", env=env)
    assert read_tree(tmp_path / "fresh" / "data") == tree
    assert {path.name for path in (tmp_path / "hooked").iterdir()} == {".git"}
