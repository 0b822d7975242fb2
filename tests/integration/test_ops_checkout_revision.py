"""`dvx checkout --rev`: an older version of tracked data in the workspace, with HEAD where it is."""

import pytest

from dvx.core.errors import DataMissing, NotFound, PathRefused, WorkspaceConflict
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
)

OLD = {"a": ("file", b"old a"), "sub/b": ("file", b"old b" * 1000), "gone": ("file", b"gone")}
NEW = {"a": ("file", b"new a!"), "sub/b": ("file", b"old b" * 1000), "more": ("file", b"more")}


@pytest.fixture
def repo(tmp_path):
    """`data` and `model` in two versions; the tag v1 names the first."""
    repo = make_repo(tmp_path / "repo", remote="../remote")
    for tree, model in ((OLD, b"old model"), (NEW, b"new model")):
        write_tree(repo / "data", tree)
        (repo / "model").write_bytes(model)
        must_dvx(repo, "add", "data", "model")
        commit(repo, "data")
        if tree is OLD:
            run_git(repo, "tag", "v1")
    must_dvx(repo, "push", "--all-refs")
    return repo


def test_old_version_comes_back_with_its_pointer_staged_and_head_stays(repo):
    head = run_git(repo, "rev-parse", "HEAD")
    ran = must_dvx(repo, "checkout", "--rev", "v1", "data")
    assert read_tree(repo / "data") == OLD
    assert (repo / "model").read_bytes() == b"new model"
    assert run_git(repo, "rev-parse", "HEAD") == head
    assert run_git(repo, "diff", "--cached", "--name-only") == "data.dvx"
    assert run_git(repo, "diff", "--cached", "v1", "--", "data.dvx") == ""
    assert run_dvx(repo, "status", "--exit-code").code == 0
    assert "git commit" in ran.err
    commit(repo, "back to v1")
    must_dvx(repo, "checkout", "--rev", "HEAD~1")
    assert read_tree(repo / "data") == NEW


def test_a_path_inside_a_tracked_folder_changes_alone_and_no_pointer_does(repo):
    must_dvx(repo, "checkout", "--rev", "v1", "data/a")
    assert read_tree(repo / "data") == NEW | {"a": OLD["a"]}
    assert run_git(repo, "status", "--porcelain") == ""
    must_dvx(repo, "add", "data")
    must_dvx(repo, "checkout", "--rev", "HEAD", "--force", "data")
    assert read_tree(repo / "data") == NEW


def test_a_path_that_is_no_longer_tracked_comes_back_tracked(repo):
    must_dvx(repo, "rm", "model")
    commit(repo, "no model")
    assert not (repo / "model").exists()
    must_dvx(repo, "checkout", "--rev", "v1", "model")
    assert (repo / "model").read_bytes() == b"old model"
    assert run_git(repo, "status", "--porcelain") == "M  .gitignore\nA  model.dvx"


def test_work_that_is_not_stored_is_kept(repo):
    (repo / "data/a").write_bytes(b"work of today")
    before = read_tree(repo / "data")
    ran = run_dvx(repo, "checkout", "--rev", "v1", "data")
    assert ran.code == WorkspaceConflict.exit_code
    assert "`data/a`" in ran.err
    assert read_tree(repo / "data") == before
    assert run_git(repo, "status", "--porcelain") == ""
    must_dvx(repo, "checkout", "--rev", "v1", "--force", "data")
    assert read_tree(repo / "data") == OLD


def test_a_pointer_that_no_commit_has_is_not_overwritten(repo):
    (repo / "data/a").write_bytes(b"work of today")
    must_dvx(repo, "add", "data")
    pointer = (repo / "data.dvx").read_bytes()
    ran = run_dvx(repo, "checkout", "--rev", "v1", "data")
    assert ran.code == WorkspaceConflict.exit_code
    assert "`data.dvx`" in ran.err
    assert "git commit" in ran.err
    assert (repo / "data.dvx").read_bytes() == pointer
    assert (repo / "data/a").read_bytes() == b"work of today"


def test_data_that_is_not_local_names_the_fetch(repo, tmp_path):
    fresh = clone(repo, tmp_path / "fresh")
    must_dvx(fresh, "pull")
    ran = run_dvx(fresh, "checkout", "--rev", "v1", "data")
    assert ran.code == DataMissing.exit_code
    assert "`dvx fetch --rev v1 data`" in ran.err
    assert read_tree(fresh / "data") == NEW
    assert run_git(fresh, "status", "--porcelain") == ""
    must_dvx(fresh, "fetch", "--rev", "v1", "data")
    must_dvx(fresh, "checkout", "--rev", "v1", "data")
    assert read_tree(fresh / "data") == OLD


def test_two_paths_with_the_same_content_both_come_back(tmp_path):
    repo = make_repo(tmp_path / "repo")
    for content in (b"same", b"other"):
        for name in ("one", "two"):
            (repo / name).write_bytes(content)
        must_dvx(repo, "add", "one", "two")
        commit(repo, "data")
    must_dvx(repo, "checkout", "--rev", "HEAD~1")
    assert [(repo / name).read_bytes() for name in ("one", "two")] == [b"same", b"same"]


def test_unknown_revision_path_and_overlap_are_refused(repo):
    assert run_dvx(repo, "checkout", "--rev", "v9", "data").code == NotFound.exit_code
    assert run_dvx(repo, "checkout", "--rev", "v1", "nothing").code == NotFound.exit_code
    must_dvx(repo, "rm", "--keep", "data")
    must_dvx(repo, "add", "data/sub")
    commit(repo, "only a part is tracked")
    ran = run_dvx(repo, "checkout", "--rev", "v1", "data")
    assert ran.code == PathRefused.exit_code
    assert "`data/sub` is inside `data`" in ran.err
    assert (repo / "data/sub/b").read_bytes() == b"old b" * 1000
    assert store_of(repo).is_dir()


def test_going_back_and_forth_between_committed_versions_needs_no_force(repo):
    for rev, tree in (("v1", OLD), ("HEAD", NEW), ("v1", OLD), ("main", NEW)):
        must_dvx(repo, "checkout", "--rev", rev, "data")
        assert read_tree(repo / "data") == tree
    assert run_git(repo, "status", "--porcelain") == ""


def test_path_that_the_revision_lacks_is_named_with_what_lists_that_revision(repo):
    ran = run_dvx(repo, "checkout", "--rev", "v1", "nothing")
    assert ran.code == 1
    assert "`nothing` is not tracked by dvx at `v1`" in ran.err
    assert "`dvx ls --rev v1`" in ran.err
    assert "dvx add" not in ran.err


def test_revision_that_a_shallow_clone_lacks_is_named_once_with_what_brings_it(repo, tmp_path):
    run_git(tmp_path, "clone", "-q", "--depth=1", repo.as_uri(), "shallow")
    ran = run_dvx(tmp_path / "shallow", "checkout", "--rev", "HEAD~1")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "error: `HEAD~1` names no commit in this repository",
        "  affected: nothing was changed",
        "hint: this clone is shallow, so older commits are not here: `git fetch --unshallow`",
    ]
