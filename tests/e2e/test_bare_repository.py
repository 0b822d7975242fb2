"""dvx in a bare repository: fetch, push, ls and diff by revision, and a clear answer from everything else."""

import json
from pathlib import Path

import pytest

from dvx.core.errors import ExitCode
from dvx.testing.shell import clone, commit, must_dvx, read_tree, run_dvx, run_git, write_tree


@pytest.fixture
def bare(author: Path, tmp_path: Path) -> Path:
    """A mirror of `author` with one more commit, in which `data/a.bin` has changed."""
    (author / "data/a.bin").write_bytes(b"changed")
    must_dvx(author, "add", "data")
    commit(author, "change")
    must_dvx(author, "push")
    run_git(tmp_path, "clone", "-q", "--mirror", str(author), "mirror.git")
    return tmp_path / "mirror.git"


def test_listing_and_diff_by_revision(bare: Path) -> None:
    found = json.loads(must_dvx(bare, "ls", "-R", "--json").out)
    assert found["rev"] == "HEAD"
    assert {entry["path"] for entry in found["entries"]} >= {"data/a.bin", "data/sub/b.txt", "model.bin"}
    changed = json.loads(must_dvx(bare, "diff", "--json", "HEAD~1", "HEAD").out)
    assert [(item["change"], item["path"]) for item in changed["changes"]] == [("modified", "data/a.bin")]
    assert must_dvx(bare, "diff", "--name-only", "HEAD~1..HEAD", "model.bin").out == ""


def test_diff_with_the_work_tree_that_is_not_there_is_refused(bare: Path, explains) -> None:
    explains(run_dvx(bare, "diff"), ExitCode.USAGE, "two revisions", affected=False)
    explains(run_dvx(bare, "diff", "HEAD~1"), ExitCode.USAGE, "two revisions", affected=False)


def test_data_moves_from_one_remote_to_another_through_a_bare_repository(bare: Path, tmp_path: Path) -> None:
    must_dvx(bare, "fetch", "--all-refs")
    must_dvx(bare, "push", "--all-refs", "-r", "copy", env={"DVX_REMOTE_COPY_URL": str(tmp_path / "copy")})
    fresh = clone(bare, tmp_path / "fresh")
    ran = must_dvx(fresh, "pull", "-r", "copy", env={"DVX_REMOTE_COPY_URL": str(tmp_path / "copy")})
    assert "pulled" in ran.err
    assert read_tree(fresh / "data")["a.bin"] == ("file", b"changed")
    assert not (bare / "data").exists()


def test_fetch_without_a_revision_means_head(bare: Path) -> None:
    assert json.loads(must_dvx(bare, "fetch", "--json").out)["roots"] == 2
    assert json.loads(must_dvx(bare, "fetch", "--json").out)["present"] == 2


def test_commands_that_need_files_say_so_and_name_what_works(bare: Path, tmp_path: Path) -> None:
    before = read_tree(bare)
    for command in (["status"], ["add", "x"], ["checkout"], ["pull"], ["rm", "data"], ["mv", "data", "b"]):
        ran = run_dvx(bare, *command)
        assert ran.code == ExitCode.NOT_A_REPOSITORY, ran.err
        assert "without a work tree" in ran.err
        assert "dvx diff A B" in ran.err
    assert read_tree(bare) == before


def test_bare_repository_without_dvx_or_commits(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "--bare", "empty.git")
    ran = run_dvx(tmp_path / "empty.git", "fetch")
    assert ran.code == ExitCode.FAILED
    assert "`HEAD` names no commit" in ran.err
    write_tree(tmp_path / "plain", {"a": b"a"})
    run_git(tmp_path / "plain", "init", "-q")
    run_git(tmp_path / "plain", "add", "a")
    commit(tmp_path / "plain", "no dvx")
    run_git(tmp_path, "clone", "-q", "--bare", "plain", "plain.git")
    assert must_dvx(tmp_path / "plain.git", "ls").out == ""
