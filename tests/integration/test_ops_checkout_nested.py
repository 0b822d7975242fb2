"""A folder above tracked data has become a repository of its own: nothing is written into it, or taken from it."""

import os
import shutil

import pytest

from dvx.ops.follow import follow_pointers
from dvx.testing.shell import must_dvx, read_tree, run_dvx
from dvx.testing.workspace import make_repo, open_project


@pytest.fixture
def work(tmp_path):
    """`outer/d` and `m` are committed and pushed."""
    made = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    made.write({"outer/d/a": b"1", "outer/d/s/b": b"2", "m": b"model"})
    made.add("outer/d", "m")
    made.git("commit", "-qm", "data")
    must_dvx(made.root, "push")
    return made


@pytest.fixture
def taken(work):
    """The data is gone, and `outer` was made a repository."""
    shutil.rmtree(work.path("outer/d"))
    os.unlink(work.path("m"))
    work.git("init", "-q", "outer")
    return work


@pytest.mark.parametrize("command", [["checkout"], ["checkout", "--force"], ["pull"], ["pull", "--no-store"]])
def test_data_is_not_written_into_another_repository_and_the_others_are(taken, command):
    ran = run_dvx(taken.root, *command)
    assert (ran.code, taken.read("m")) == (3, b"model")
    assert "`outer/d` is in `outer`, a Git repository of its own by now" in ran.err
    assert not os.path.lexists(taken.path("outer/d"))


def test_hook_does_not_write_into_another_repository(taken):
    with open_project(taken.root) as project:
        result = follow_pointers(project)
    assert [error.kind for error in result.problems] == ["nested-repository"]
    assert not os.path.lexists(taken.path("outer/d"))
    assert taken.read("m") == b"model"


def test_data_that_is_a_repository_itself_is_not_written_to(work):
    os.unlink(work.path("outer/d/a"))
    work.git("init", "-q", "outer/d")
    ran = run_dvx(work.root, "checkout", "--force")
    assert ran.code != 0
    assert not os.path.exists(work.path("outer/d/a"))
    assert os.path.exists(work.path("outer/d/.git/HEAD"))


def test_hook_takes_nothing_from_another_repository(work):
    work.git("rm", "-q", "outer/d.dvx")
    work.git("commit", "-qm", "without d")
    work.git("init", "-q", "outer")
    before = read_tree(work.path("outer/d"))
    with open_project(work.root) as project:
        result = follow_pointers(project)
    assert [error.kind for error in result.kept] == ["nested-repository"]
    assert read_tree(work.path("outer/d")) == before == {"a": ("file", b"1"), "s/b": ("file", b"2")}
