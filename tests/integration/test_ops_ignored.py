"""What `.dvxignore` matches and a pointer lists: ignore rules are for what is not tracked, in every use case."""

import os
import shutil

import pytest

from dvx.core.errors import PathRefused, WorkspaceConflict
from dvx.ops.diff import read_diff
from dvx.ops.differences import FileState
from dvx.ops.move import remove_paths
from dvx.ops.status import PathState
from dvx.ops.verify import Scope, verify
from dvx.testing.workspace import make_repo

FILES = {"data/a": b"1", "data/b.tmp": b"old", "data/cache/x": b"3"}


@pytest.fixture
def work(tmp_path):
    """A committed directory whose `.dvxignore` came afterwards and matches two of its three files."""
    work = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    work.write(FILES)
    work.add("data")
    work.commit("v1")
    work.write({".dvxignore": b"*.tmp\ncache/\n"})
    work.git("add", ".dvxignore")
    work.commit("rules")
    return work


def states(work):
    (status,) = work.status("data").paths
    return {item.path: item.state for item in status.differences}


def test_tracked_files_that_rules_match_are_clean_modified_or_deleted_like_others(work):
    assert work.status().is_clean
    work.write({"data/b.tmp": b"edit", "data/new.tmp": b"x", "data/cache/new": b"x"})
    os.unlink(work.path("data/cache/x"))
    assert states(work) == {"data/b.tmp": FileState.MODIFIED, "data/cache/x": FileState.DELETED}


@pytest.mark.parametrize("command", ["checkout", "pull"])
def test_work_in_a_matched_file_is_not_overwritten_without_force(work, command):
    work.push()
    work.write({"data/b.tmp": b"MY WORK"})
    with pytest.raises(WorkspaceConflict, match=r"data/b\.tmp"):
        getattr(work, command)()
    assert work.read("data/b.tmp") == b"MY WORK"
    work.checkout(force=True)
    assert work.snapshot("data") == FILES


@pytest.mark.parametrize("path", ["data", "data/b.tmp"])
def test_add_keeps_matched_files_and_takes_their_change_and_no_new_ones(work, path):
    work.write({"data/b.tmp": b"edit", "data/new.tmp": b"x"})
    work.add(path)
    assert work.pointer("data").files == 3
    assert work.status().is_clean
    os.unlink(work.path("data/b.tmp"))
    work.checkout()
    assert work.read("data/b.tmp") == b"edit"


def test_add_without_the_old_record_in_the_store_keeps_matched_files(work):
    work.push()
    shutil.rmtree(work.path(".git/dvx/store/roots"))
    os.unlink(work.path(".git/dvx/index.db"))
    work.write({"data/a": b"edit"})
    work.add("data")
    assert work.pointer("data").files == 3


def test_named_paths_that_rules_leave_out_are_refused_or_said_by_name(work):
    work.write({"data/new.tmp": b"x", "data/c": b"4"})
    with pytest.raises(PathRefused) as caught:
        work.add("data/new.tmp")
    assert caught.value.kind == "data-ignored"
    work.add("data/new.tmp", "data/c")
    assert work.pointer("data").files == 4


def test_file_in_the_way_of_a_new_version_at_a_matched_path_is_not_overwritten(work):
    work.git("switch", "-q", "-c", "new")
    work.git("rm", "-q", ".dvxignore")
    work.write({"data/other.tmp": b"theirs"})
    work.add("data")
    work.commit("new")
    work.git("switch", "-q", "main")
    work.checkout()
    assert "other.tmp" not in work.snapshot("data")
    work.write({"data/other.tmp": b"MINE"})
    assert work.status().is_clean
    work.git("checkout", "-q", "new", "--", "data.dvx")
    with pytest.raises(WorkspaceConflict, match=r"data/other\.tmp"):
        work.checkout()
    assert work.read("data/other.tmp") == b"MINE"


def test_matched_file_that_a_new_version_no_longer_has_goes_with_the_old_version(work):
    work.git("switch", "-q", "-c", "new")
    os.unlink(work.path("data/b.tmp"))
    work.add("data")
    work.commit("new")
    work.git("switch", "-q", "main")
    work.checkout()
    assert work.read("data/b.tmp") == b"old"
    work.git("switch", "-q", "new")
    work.checkout()
    assert not os.path.exists(work.path("data/b.tmp"))
    work.write({"data/b.tmp": b"mine, and ignored now"})
    work.checkout()
    assert work.read("data/b.tmp") == b"mine, and ignored now"


def test_verify_diff_and_rm_see_matched_files(work):
    work.write({"data/b.tmp": b"edi"})
    with work.open() as project:
        (check,) = verify(project, Scope()).workspace
        assert list(check.deviations) == ["data/b.tmp"]
        assert [change.path for change in read_diff(project, old_rev=None, new_rev=None).changes] == [
            "data/b.tmp"
        ]
        with pytest.raises(WorkspaceConflict, match=r"data/b\.tmp"):
            remove_paths(project, ["data"], keep=False, force=False)
    work.checkout(force=True)
    work.write({"data/mine.tmp": b"x"})
    with work.open() as project:
        assert remove_paths(project, ["data"], keep=False, force=False).files == 3
    assert work.snapshot("data") == {"data/mine.tmp": b"x"}


@pytest.mark.parametrize("rule", ["*.bin", "/model.bin", "*"])
def test_tracked_path_that_rules_match_as_a_whole_is_like_any_other(tmp_path, rule):
    work = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    work.write({"model.bin": b"1", "set.bin/x": b"2", "set.bin/y.tmp": b"3"})
    work.add("model.bin", "set.bin")
    work.commit("v1")
    work.push()
    work.write({".dvxignore": f"{rule}\n*.tmp\n".encode(), "model.bin": b"22", "set.bin/new": b"4"})
    assert [path.state for path in work.status().paths] == [PathState.CHANGED] * 2
    work.add("model.bin", "set.bin")
    assert work.status().is_clean
    assert (work.pointer("model.bin").size, work.pointer("set.bin").files) == (2, 3)
    work.remove("model.bin")
    work.pull()
    assert work.read("model.bin") == b"22"
