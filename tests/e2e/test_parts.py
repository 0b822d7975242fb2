"""A clone with a part of a directory works beside clones with all of it: hooks, branches, merges, what commands say."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, clone, commit, file_bytes, make_repo, must_dvx, run, run_dvx
from dvx.testing.workspace import Workspace

FILES = {
    f"{folder}/{n}.bin": file_bytes(20_000, seed=n + 10 * ord(folder)) for folder in "abc" for n in range(3)
}
Setup = Callable[..., None]


def write(repo: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        place = repo / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def data(repo: Path) -> dict[str, bytes]:
    return {
        path.relative_to(repo / "data").as_posix(): path.read_bytes()
        for path in (repo / "data").rglob("*")
        if path.is_file()
    }


def below(folder: str) -> dict[str, bytes]:
    return {name: content for name, content in FILES.items() if name.startswith(folder + "/")}


def git(repo: Path, *args: str) -> Ran:
    ran = run(["git", *args], repo)
    assert ran.code == 0, f"git {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
    return ran


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """The clone of somebody with all of the data, from which the others fetch."""
    repo = make_repo(tmp_path / "full", remote=str(tmp_path / "remote"))
    write(repo, FILES)
    Workspace(str(repo)).add("data")
    commit(repo, "data")
    must_dvx(repo, "push")
    return repo


@pytest.fixture
def part(full: Path, tmp_path: Path, install_hooks: Setup) -> Path:
    """A clone with `data/a` and all hooks."""
    repo = clone(full, tmp_path / "part")
    install_hooks(
        repo, "post-index-change", "post-checkout", "post-merge", "post-rewrite", "pre-commit", "pre-push"
    )
    must_dvx(repo, "pull", "data/a")
    return repo


def fresh(source: Path, tmp_path: Path) -> dict[str, bytes]:
    """What a new clone of `source` gets from the remote."""
    target = clone(source, tmp_path / "fresh")
    Workspace(str(target)).pull()
    return data(target)


def files_of(repo: Path) -> int:
    files = Workspace(str(repo)).pointer("data").files
    assert files is not None
    return files


def test_status_says_how_much_is_here_and_that_it_is_clean(part: Path) -> None:
    ran = must_dvx(part, "status", "--exit-code")
    assert "clean: data (3 of 9 files checked out, 180 kB)" in ran.out
    assert "deleted" not in ran.out
    assert "dvx pull data`" in ran.err
    document = json.loads(must_dvx(part, "status", "--json").out)
    assert document["clean"] is True
    assert (document["paths"][0]["files_here"], document["paths"][0]["files"]) == (3, 9)
    assert document["paths"][0]["part"] == ["a"]
    assert document["paths"][0]["differences"] == []


def test_add_says_what_it_kept_and_verify_what_is_not_here(part: Path) -> None:
    write(part, {"a/new": b"new"})
    ran = must_dvx(part, "add", "data")
    assert "kept 6 files of data, not here but in the dataset" in ran.err
    assert json.loads(must_dvx(part, "add", "data", "--json").out)["paths"][0]["absent_files"] == 6
    assert "6 files not checked out" in must_dvx(part, "verify").out
    assert must_dvx(part, "diff").out.split()[:2] == ["A", "data/a/new"]


def test_the_hint_of_a_refused_removal_removes(part: Path) -> None:
    ran = run_dvx(part, "rm", "data/b/0.bin")
    assert ran.code != 0
    assert "`dvx add --remove data/b/0.bin`" in ran.err
    must_dvx(part, "add", "--remove", "data/b/0.bin")
    assert files_of(part) == 8


def test_update_and_remove_exclude_each_other(part: Path) -> None:
    ran = run_dvx(part, "add", "--update", "--remove")
    assert ran.code == 2
    assert "dvx add --remove PATH" in ran.err


def test_a_commit_beside_an_untouched_part_passes_and_one_beside_a_deleted_file_does_not(part: Path) -> None:
    git(part, "commit", "-q", "--allow-empty", "-m", "nothing")
    (part / "data/a/0.bin").unlink()
    ran = run(["git", "commit", "-q", "--allow-empty", "-m", "nothing"], part)
    assert ran.code != 0
    assert "dvx add data" in ran.err
    must_dvx(part, "add", "data")
    ran = git(part, "commit", "-q", "-m", "without one")
    assert "not in the local store" not in ran.err
    assert files_of(part) == 8


def test_a_part_is_committed_and_pushed_through_all_hooks(part: Path, full: Path, tmp_path: Path) -> None:
    write(part, {"a/new": b"new"})
    must_dvx(part, "add", "--update", "--push")
    git(part, "commit", "-q", "-m", "new")
    git(full, "checkout", "-q", "--detach")
    git(part, "push", "-q", "origin", "HEAD:main")
    git(full, "checkout", "-q", "main")
    assert fresh(full, tmp_path) == {**FILES, "a/new": b"new"}


def test_the_part_follows_the_branches_and_stays_a_part(part: Path) -> None:
    git(part, "switch", "-q", "-c", "other")
    write(part, {"a/0.bin": b"other", "a/new": b"new"})
    must_dvx(part, "add", "data")
    git(part, "commit", "-q", "-m", "other")
    git(part, "switch", "-q", "main")
    assert data(part) == below("a")
    git(part, "switch", "-q", "other")
    assert data(part) == {**below("a"), "a/0.bin": b"other", "a/new": b"new"}
    must_dvx(part, "status", "--exit-code")
    assert files_of(part) == 10


def test_the_part_comes_back_with_its_pointer(part: Path) -> None:
    git(part, "switch", "-q", "-c", "without")
    git(part, "rm", "-q", "data.dvx")
    git(part, "commit", "-q", "-m", "without")
    git(part, "switch", "-q", "main")
    assert data(part) == below("a")
    git(part, "switch", "-q", "without")
    assert not (part / "data").exists()
    git(part, "switch", "-q", "main")
    assert data(part) == below("a")
    must_dvx(part, "status", "--exit-code")
    must_dvx(part, "add", "data")
    assert files_of(part) == 9


def test_a_stash_of_the_part_goes_and_comes(part: Path) -> None:
    write(part, {"a/0.bin": b"stashed"})
    must_dvx(part, "add", "data")
    git(part, "stash", "-q")
    assert data(part) == below("a")
    git(part, "stash", "pop", "-q")
    assert data(part) == {**below("a"), "a/0.bin": b"stashed"}
    assert files_of(part) == 9


def test_a_pull_of_git_with_hooks_that_fetch_brings_no_more_than_the_part(part: Path, full: Path) -> None:
    must_dvx(part, "config", "hooks.fetch", "true", "--local")
    write(full, {"a/later": b"later", "b/later": b"later", "b/0.bin": b"changed"})
    must_dvx(full, "add", "--push", "data")
    commit(full, "later")
    git(part, "pull", "-q")
    assert data(part) == {**below("a"), "a/later": b"later"}
    must_dvx(part, "status", "--exit-code")
    must_dvx(part, "add", "data")
    assert files_of(part) == 11


def test_a_part_and_the_whole_merge_and_nothing_is_fetched_for_it(
    part: Path, full: Path, tmp_path: Path
) -> None:
    write(full, {"b/0.bin": b"changed", "c/new": b"full"})
    (full / "data/c/1.bin").unlink()
    must_dvx(full, "add", "--push", "data")
    commit(full, "full")
    write(part, {"a/0.bin": b"part", "a/new": b"part"})
    (part / "data/a/2.bin").unlink()
    must_dvx(part, "add", "data")
    commit(part, "part")
    store = sum(
        place.stat().st_size for place in (part / ".git/dvx/store/packs").rglob("*") if place.is_file()
    )
    git(part, "pull", "-q", "--no-rebase", "--no-edit")
    expected = {
        **FILES, "b/0.bin": b"changed", "c/new": b"full", "a/0.bin": b"part", "a/new": b"part",
    }  # fmt: skip
    del expected["c/1.bin"], expected["a/2.bin"]
    assert files_of(part) == len(expected)
    assert data(part) == {name: content for name, content in expected.items() if name.startswith("a/")}
    after = sum(
        place.stat().st_size for place in (part / ".git/dvx/store/packs").rglob("*") if place.is_file()
    )
    assert after < store + 20_000
    must_dvx(part, "status", "--exit-code")
    must_dvx(part, "push")
    assert "remote" in must_dvx(part, "status", "--exit-code", "--remote").out
    must_dvx(part, "verify", "--remote")
    assert fresh(part, tmp_path) == expected


def test_the_whole_merges_what_a_part_pushed(part: Path, full: Path, tmp_path: Path) -> None:
    write(part, {"a/0.bin": b"part"})
    must_dvx(part, "add", "--push", "data")
    commit(part, "part")
    must_dvx(full, "hooks", "install", "--files")
    write(full, {"b/0.bin": b"full"})
    must_dvx(full, "add", "data")
    commit(full, "full")
    git(full, "pull", "-q", "--no-rebase", "--no-edit", str(part), "main")
    must_dvx(full, "pull")
    expected = {**FILES, "a/0.bin": b"part", "b/0.bin": b"full"}
    assert data(full) == expected
    must_dvx(full, "push")
    assert fresh(full, tmp_path) == expected


def test_a_conflict_inside_the_part_is_resolved_there(part: Path, full: Path, tmp_path: Path) -> None:
    write(full, {"a/0.bin": b"full", "b/0.bin": b"full"})
    must_dvx(full, "add", "--push", "data")
    commit(full, "full")
    write(part, {"a/0.bin": b"part"})
    must_dvx(part, "add", "data")
    commit(part, "part")
    assert run(["git", "pull", "-q", "--no-rebase", "--no-edit"], part).code != 0
    must_dvx(part, "resolve", "--ours", "data/a/0.bin")
    git(part, "commit", "-q", "--no-edit")
    assert data(part) == {**below("a"), "a/0.bin": b"part"}
    must_dvx(part, "push")
    assert fresh(part, tmp_path) == {**FILES, "a/0.bin": b"part", "b/0.bin": b"full"}


def test_worktrees_have_parts_of_their_own(part: Path, tmp_path: Path) -> None:
    git(part, "worktree", "add", "-q", str(tmp_path / "tree"))
    tree = tmp_path / "tree"
    must_dvx(tree, "pull", "data/b")
    assert data(tree) == below("b")
    assert data(part) == below("a")
    must_dvx(tree, "status", "--exit-code")
    must_dvx(tree, "add", "data")
    assert files_of(tree) == 9


def test_an_unreachable_remote_is_named_where_something_is_needed_from_it(full: Path, tmp_path: Path) -> None:
    repo = clone(full, tmp_path / "clone")
    os.rename(tmp_path / "remote", tmp_path / "away")
    write(repo, {"a/0.bin": b"mine"})
    before = (repo / "data.dvx").read_bytes()
    ran = run_dvx(repo, "add", "data")
    assert ran.code != 0
    assert ran.err.startswith("error: ")
    assert (repo / "data.dvx").read_bytes() == before
    assert data(repo) == {"a/0.bin": b"mine"}
    os.rename(tmp_path / "away", tmp_path / "remote")
    must_dvx(repo, "add", "data")
    assert files_of(repo) == 9


def test_part_brought_to_another_version_loses_nothing_after_git_reset(full: Path, tmp_path: Path) -> None:
    write(full, {"a/later": b"later"})
    must_dvx(full, "add", "data")
    commit(full, "later")
    must_dvx(full, "push")
    repo = clone(full, tmp_path / "other")
    must_dvx(repo, "pull", "data/a")
    must_dvx(repo, "checkout", "--rev", "HEAD~1", "data/a")
    assert "a/later" not in data(repo)
    git(repo, "reset", "-q", "--hard")
    ran = run_dvx(repo, "status")
    assert "outdated" in ran.out, ran
    run_dvx(repo, "add", "--update")
    assert git(repo, "status", "--porcelain").out == ""
    must_dvx(repo, "pull")
    assert data(repo) == {**FILES, "a/later": b"later"}
