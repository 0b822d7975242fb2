"""ops.status, ops.diff, ops.listing, ops.move, ops.init and ops.remotes over real Git repositories."""

import os
import shutil

import pytest

from dvx.core.errors import DataMissing, FormatError, NotFound, PathRefused, UsageError, WorkspaceConflict
from dvx.ops.diff import Change, ChangeKind, read_diff
from dvx.ops.init import initialise
from dvx.ops.listing import list_paths
from dvx.ops.move import move_path, remove_paths
from dvx.ops.remotes import add_remote, check_remote, choose_remote, remove_remote
from dvx.testing.workspace import EMPTY_FOLDER, Workspace, clone_repo, make_repo, store_objects

ADDED, MODIFIED, REMOVED, RENAMED = (
    ChangeKind.ADDED,
    ChangeKind.MODIFIED,
    ChangeKind.REMOVED,
    ChangeKind.RENAMED,
)


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


def differences(work):
    return {item.path: str(item.state) for status in work.status().paths for item in status.differences}


def diff(work, old=None, new=None, *paths):
    with work.open() as project:
        return read_diff(project, old_rev=old, new_rev=new, paths=paths).changes


def listed(work, path=None, *, rev=None, recursive=False):
    with work.open() as project:
        found = list_paths(project, path, rev=rev, recursive=recursive, remote_name=None)
        return [(item.path, item.kind, item.size, item.files) for item in found]


def remove(work, *paths, keep=False, force=False):
    with work.open() as project:
        return remove_paths(project, paths, keep=keep, force=force)


def move(work, source, target):
    with work.open() as project:
        return move_path(project, source, target)


# status


def test_status_names_each_kind_of_difference(work):
    work.write({f"data/{name}": name.encode() * 10 for name in ("a", "b", "c", "d")})
    work.add("data")
    work.write({"data/a": b"longer than before", "data/b": b"B" * 10, "data/new": b"1"})
    work.remove("data/c")
    os.chmod(work.path("data/d"), 0o755)
    assert differences(work) == {
        "data/a": "modified",
        "data/b": "modified",
        "data/c": "deleted",
        "data/d": "modified",
        "data/new": "untracked",
    }


def test_status_tells_new_modified_and_removed_pointers(work):
    work.write({"a": b"1", "b": b"2", "c": b"3"})
    work.add("a", "b", "c")
    work.commit()
    work.write({"b": b"22", "d": b"4"})
    work.add("b", "d")
    work.git("rm", "-q", "c.dvx")
    report = work.status()
    assert {status.tracked.path: status.git for status in report.paths} == {
        "a": "unchanged",
        "b": "modified",
        "d": "new",
    }
    assert report.removed == ["c.dvx"]


def test_status_of_data_that_is_not_checked_out(work):
    work.write({"data/a": b"1"})
    work.add("data")
    work.remove("data")
    report = work.status()
    assert [status.state for status in report.paths] == ["not checked out"]
    assert not report.is_clean


def test_status_reports_broken_pointers_beside_the_others(work):
    work.write({"a": b"1", "b": b"2"})
    work.add("a", "b")
    work.write({"a.dvx": b"<<<<<<< HEAD\n=======\n>>>>>>> x\n"})
    report = work.status()
    assert list(report.broken) == ["a.dvx"]
    assert isinstance(report.broken["a.dvx"], FormatError)
    assert [status.tracked.path for status in report.paths] == ["b"]
    assert [status.tracked.path for status in work.status("b").paths] == ["b"]
    with pytest.raises(FormatError):
        work.status("a")


def test_status_before_the_first_commit_and_after(work):
    assert work.status().paths == []
    assert work.status().is_clean


def test_status_of_a_target_inside_a_directory_looks_only_there(work):
    work.write({"data/a": b"1", "data/sub/b": b"2"})
    work.add("data")
    work.write({"data/a": b"11", "data/sub/b": b"22"})
    assert [item.path for item in work.status("data/sub").paths[0].differences] == ["data/sub/b"]


def test_status_sees_a_change_that_keeps_size_and_mtime(work):
    work.write({"data/a": b"before"})
    os.utime(work.path("data/a"), (1_000_000, 1_000_000))
    work.add("data")
    assert work.status().is_clean
    work.write({"data/a": b"after!"})
    os.utime(work.path("data/a"), (1_000_000, 1_000_000))
    assert differences(work) == {"data/a": "modified"}


def test_status_of_a_not_fetched_directory_reads_its_listing_from_the_remote(work, tmp_path):
    work.write({"data/a": b"1", "data/b": b"2"})
    work.add("data")
    work.commit()
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.write({"data/a": b"1"})
    assert differences(clone) == {"data/b": "missing"}


# diff


def test_diff_of_the_workspace_against_head_names_every_kind(work):
    work.write({f"data/{name}": name.encode() * 100 for name in "abcd"})
    work.add("data")
    work.commit()
    work.write({"data/a": b"changed", "data/e": b"d" * 100, "data/f": b"new"})
    work.remove("data/c")
    work.remove("data/d")
    assert diff(work) == [
        Change(MODIFIED, "data/a", 100, 7),
        Change(REMOVED, "data/c", 100, None),
        Change(RENAMED, "data/e", 100, 100, "data/d"),
        Change(ADDED, "data/f", None, 3),
    ]


def test_diff_between_revisions_needs_no_data(work, tmp_path):
    work.write({"data/a": b"1", "data/b": b"22", "single": b"x", "gone": b"y"})
    work.add("data", "single", "gone")
    work.commit()
    work.git("tag", "one")
    work.push()
    work.write({"data/a": b"111", "single": b"xx", "fresh": b"z"})
    os.rename(work.path("data/b"), work.path("data/c"))
    work.add("data", "single", "fresh")
    remove(work, "gone")
    work.commit()
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    assert diff(clone, "one", "HEAD") == [
        Change(MODIFIED, "data/a", 1, 3),
        Change(RENAMED, "data/c", 2, 2, "data/b"),
        Change(ADDED, "fresh", None, 1),
        Change(REMOVED, "gone", 1, None),
        Change(MODIFIED, "single", 1, 2),
    ]
    assert diff(clone, "HEAD", "one", "data/a") == [Change(MODIFIED, "data/a", 3, 1)]
    assert diff(clone) == []


def test_diff_without_the_listing_anywhere_says_so(work, tmp_path):
    work.write({"data/a": b"1"})
    work.add("data")
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    with pytest.raises(DataMissing):
        diff(clone, "HEAD~1", "HEAD")


def test_diff_before_the_first_pointer_is_all_added(work):
    work.write({"a": b"1"})
    work.add("a")
    assert diff(work) == [Change(ADDED, "a", None, 1)]
    with pytest.raises(NotFound):
        diff(work, "no-such-revision")


def test_diff_of_file_that_becomes_a_directory(work):
    work.write({"data": b"1"})
    work.add("data")
    work.commit()
    work.remove("data")
    work.write({"data/a": b"22"})
    work.add("data")
    assert diff(work) == [Change(REMOVED, "data", 1, None), Change(ADDED, "data/a", None, 2)]


def test_diff_lays_the_workspace_over_added_changes(work):
    work.write({"data/a": b"1", "data/b": b"2", "data/c": b"3", "data/d": b"4"})
    work.add("data")
    work.commit()
    work.write({"data/a": b"staged", "data/new": b"staged", "data/b": b"staged"})
    work.remove("data/c")
    work.add("data")
    # Against HEAD: a is as it was, new is gone again, b is changed once more, c is back, d differs here only.
    work.write({"data/a": b"1", "data/b": b"twice!", "data/c": b"3", "data/d": b"44"})
    work.remove("data/new")
    assert diff(work) == [Change(MODIFIED, "data/b", 1, 6), Change(MODIFIED, "data/d", 1, 2)]


# ls


def test_ls_lists_tracked_paths_levels_and_everything(work):
    work.write(
        {"data/a": b"1", "data/sub/b": b"22", "data/sub/deep/c": b"333", "data/e": EMPTY_FOLDER, "m": b"x"}
    )
    work.add("data", "m")
    work.commit()
    assert listed(work) == [("data", "directory", 6, 3), ("m", "file", 1, 1)]
    assert listed(work, "data") == [
        ("data/a", "file", 1, 1),
        ("data/e", "directory", 0, 1),
        ("data/sub", "directory", 5, 2),
    ]
    assert listed(work, "data/sub") == [("data/sub/b", "file", 2, 1), ("data/sub/deep", "directory", 3, 1)]
    assert [item[0] for item in listed(work, recursive=True)] == [
        "data/a",
        "data/e",
        "data/sub/b",
        "data/sub/deep/c",
        "m",
    ]
    work.write({"data/a": b"changed"})
    work.add("data")
    assert listed(work, "data/a", rev="HEAD") == [("data/a", "file", 1, 1)]
    assert listed(work, "data/a") == [("data/a", "file", 7, 1)]
    with pytest.raises(NotFound):
        listed(work, "data/nope")
    with pytest.raises(NotFound):
        listed(work, "nope")


# rm


def test_rm_removes_data_pointer_and_ignore_line(work):
    work.write({"data/a": b"1", "data/sub/b": b"2", "keep": b"3"})
    work.add("data", "keep")
    work.commit()
    assert remove(work, "data").files == 2
    assert work.snapshot() == {"keep": b"3"}
    assert work.read(".gitignore") == b"/keep\n"
    assert work.git("status", "--porcelain").splitlines() == ["M  .gitignore", "D  data.dvx"]


def test_rm_keep_leaves_the_data(work):
    work.write({"data/a": b"1"})
    work.add("data")
    remove(work, "data.dvx", keep=True)
    assert work.snapshot() == {"data/a": b"1"}
    assert not os.path.exists(work.path("data.dvx"))


@pytest.mark.parametrize("change", [{"data/a": b"edited"}, {"data/new": b"untracked"}])
def test_rm_with_work_that_is_not_stored_is_refused(work, change):
    work.write({"data/a": b"1"})
    work.add("data")
    work.write(change)
    before = work.snapshot()
    with pytest.raises(WorkspaceConflict):
        remove(work, "data")
    assert work.snapshot() == before
    assert os.path.exists(work.path("data.dvx"))
    remove(work, "data", force=True)
    assert work.snapshot() == {}


def test_rm_does_not_delete_the_last_copy_of_data_that_the_store_lost(work):
    work.write({"data/a": b"1"})
    work.add("data")
    shutil.rmtree(work.path(".git/dvx/store"))
    with pytest.raises((WorkspaceConflict, DataMissing)):
        remove(work, "data")
    assert work.snapshot() == {"data/a": b"1"}
    work.write({"single": b"2"})
    work.add("single")
    for place in store_objects(work.path(".git/dvx/store")):
        os.unlink(place)
    with pytest.raises(WorkspaceConflict):
        remove(work, "single")
    assert work.read("single") == b"2"
    remove(work, "single", force=True)
    assert not os.path.exists(work.path("single"))


def test_rm_inside_a_directory_is_refused(work):
    work.write({"data/a": b"1", "data/b": b"2"})
    work.add("data")
    with pytest.raises(PathRefused, match="data/a"):
        remove(work, "data/a")
    assert len(work.snapshot()) == 2


# mv


def test_mv_moves_data_pointer_and_ignore_line(work):
    work.write({"data/a": b"1"})
    work.add("data")
    work.commit()
    assert move(work, "data", "sets/train") == "sets/train"
    assert work.snapshot() == {"sets/train/a": b"1"}
    assert not os.path.exists(work.path(".gitignore"))
    assert work.read("sets/.gitignore") == b"/train\n"
    assert "R  data.dvx -> sets/train.dvx" in work.git("status", "--porcelain").splitlines()
    assert work.status().is_clean


def test_mv_into_a_folder_and_of_data_that_is_not_checked_out(work):
    work.write({"a": b"1", "sub/x": b"2"})
    work.add("a")
    work.remove("a")
    assert move(work, "a.dvx", "sub") == "sub/a"
    assert work.pointer("sub/a").size == 1
    work.checkout()
    assert work.read("sub/a") == b"1"


def test_mv_to_the_name_of_a_pointer_means_the_data(work):
    work.write({"a": b"1"})
    work.add("a")
    assert move(work, "a.dvx", "b.dvx") == "b"
    assert work.pointer("b").size == 1
    assert work.snapshot() == {"b": b"1"}


@pytest.mark.parametrize("target", ["taken", "data/inside", "data", "tracked/inside", ".git/x", ".dvx/x"])
def test_mv_to_a_bad_place_is_refused_and_moves_nothing(work, target):
    work.write({"data/a": b"1", "taken": b"2", "tracked/b": b"3"})
    work.add("data", "tracked")
    before = work.snapshot()
    with pytest.raises((PathRefused, UsageError)):
        move(work, "data", target)
    assert work.snapshot() == before
    assert os.path.exists(work.path("data.dvx"))


def test_mv_where_gitignore_would_hide_the_pointer_is_refused(work):
    work.write({"data/a": b"1", ".gitignore": b"/out/\n"})
    work.add("data")
    with pytest.raises(UsageError) as caught:
        move(work, "data", "out/data")
    assert caught.value.kind == "pointer-ignored"
    assert work.snapshot() == {"data/a": b"1"}


def test_mv_of_what_is_not_tracked_is_refused(work):
    with pytest.raises(NotFound):
        move(work, "nope", "there")


# init and remotes


def test_init_again_changes_nothing(work):
    before = work.git("status", "--porcelain"), work.read(".dvx/config.toml"), work.read(".gitattributes")
    with work.open() as project:
        result = initialise(project, remote_url=None)
    assert (result.changed, result.was_initialised) == ((), True)
    assert before == (
        work.git("status", "--porcelain"),
        work.read(".dvx/config.toml"),
        work.read(".gitattributes"),
    )


def test_rm_of_data_that_no_commit_names_is_refused_and_force_or_a_commit_allows_it(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"a": b"only here", "b": b"b"})
    work.add("a", "b")
    with work.open() as project, pytest.raises(WorkspaceConflict) as caught:
        remove_paths(project, ["a"], keep=False, force=False)
    assert caught.value.kind == "not-committed"
    assert work.read("a") == b"only here"
    assert work.pointer("a").size == 9
    with work.open() as project:
        remove_paths(project, ["b"], keep=False, force=True)
    work.commit()
    work.write({"c": b"c"})
    with work.open() as project:
        remove_paths(project, ["a"], keep=False, force=False)
    assert work.snapshot() == {"c": b"c"}


def test_init_keeps_existing_attributes(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work/.gitattributes").write_bytes(b"*.png binary")
    work = Workspace(str(tmp_path / "work"))
    work.git("init", "-q")
    with work.open() as project:
        initialise(project, remote_url=None)
    assert work.read(".gitattributes") == b"*.png binary\n*.dvx text eol=lf\n"


def test_remotes_are_added_chosen_checked_and_removed(work, tmp_path):
    with work.open() as project:
        add_remote(
            project, "two", str(tmp_path / "two"), options={}, force=False, local=False, make_default=False
        )
    with work.open() as project:
        assert project.remote_config(None).name == "origin"
        with pytest.raises(UsageError, match="already"):
            add_remote(
                project, "two", str(tmp_path / "x"), options={}, force=False, local=False, make_default=False
            )
        choose_remote(project, "two", local=True)
    with work.open() as project:
        assert project.remote_config(None).name == "two"
        assert check_remote(project, "two").is_usable
        remove_remote(project, "two")
    with work.open() as project:
        assert project.remote_config(None).name == "origin"
        with pytest.raises(NotFound):
            remove_remote(project, "two")
        with pytest.raises(NotFound):
            choose_remote(project, "two", local=False)
