"""One path that cannot be dealt with: it fails by name, and the others are done."""

import os
import socket

import pytest

from dvx.core.errors import DataMissing, FormatError, PathRefused, UsageError, WorkspaceConflict
from dvx.ops.add import run_add
from dvx.ops.add_targets import plan_add, plan_update
from dvx.ops.checkout_revision import checkout_revision
from dvx.ops.diff import read_diff
from dvx.ops.fetch import fetch_each
from dvx.ops.listing import list_paths
from dvx.ops.move import remove_paths
from dvx.ops.pull import checkout_each, pull_each
from dvx.ops.push import push_each
from dvx.ops.selection import select_at, select_revisions, select_targets
from dvx.ops.staged_check import Finding, check_staged
from dvx.ops.status import PathState
from dvx.ops.value_changes import compare_revisions
from dvx.ops.verify import Outcome, Scope, verify
from dvx.testing.workspace import clone_repo, make_repo

LIST = {"recursive": False, "remote_name": None}


@pytest.fixture
def work(tmp_path):
    work = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    work.write({"bad/x": b"1", "bad/sub/y": b"2", "good/z": b"3", "model.bin": b"4"})
    work.add("bad", "good", "model.bin")
    work.commit("v1")
    work.push()
    return work


def make_pipe(work):
    os.mkfifo(work.path("bad/pipe"))
    return "bad/pipe"


def make_socket(work):
    here = os.getcwd()
    os.chdir(work.path("bad"))  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("sock")
    finally:
        os.chdir(here)
    return "bad/sock"


def make_latin1_name(work):
    with open(os.fsencode(work.path("bad")) + b"/caf\xe9", "wb"):
        return "caf"


def make_name_with_line_end(work):
    with open(work.path("bad/two\nlines"), "wb"):
        return "bad"


BAD = [make_pipe, make_socket, make_latin1_name, make_name_with_line_end]


@pytest.mark.parametrize("make", BAD)
def test_entry_that_cannot_be_stored_is_named_and_stops_nothing(work, make):
    name = make(work)
    bad, good, model = work.status().paths
    assert (bad.state, good.state, model.state) == (PathState.CHANGED, PathState.CLEAN, PathState.CLEAN)
    assert [name in error.what for error in bad.refused.values()] == [True]
    work.write({"good/z": b"edit"})
    os.unlink(work.path("bad/x"))
    with work.open() as project:
        report = read_diff(project, old_rev=None, new_rev=None)
        assert [change.path for change in report.changes] == ["bad/x", "good/z"]
        assert len(report.refused) == 1
        (check, *others) = verify(project, Scope()).workspace
        assert check.problem is not None
        assert list(check.deviations) == ["bad/x"]
        assert [len(other.deviations) for other in others] == [1, 0]
        result = checkout_each(project, select_targets(project, ["bad", "model.bin"]), force=False)
        assert (result.written, len(result.refused), project.failures.found) == (1, 1, [])
    assert work.read("bad/x") == b"1"


@pytest.mark.parametrize("make", BAD)
def test_add_of_everything_adds_the_rest_and_fails_for_the_folder_by_name(work, make):
    make(work)
    work.write({"good/z": b"edit", "model.bin": b"edit", "bad/x": b"edit"})
    before = work.pointer("bad")
    with work.open() as project:
        result = run_add(project, plan_update(project))
        assert [added.path for added in result.added] == ["good", "model.bin"]
        ((path, error),) = project.failures.found
        assert path == "bad"
        assert isinstance(error, PathRefused)
        assert "bad" in error.what
    assert work.pointer("bad") == before
    assert [status.state for status in work.status("good", "model.bin").paths] == [PathState.CLEAN] * 2


def test_pipe_where_a_tracked_file_was_hides_it_and_is_not_overwritten(work):
    os.unlink(work.path("bad/x"))
    os.mkfifo(work.path("bad/x"))
    (bad, *_) = work.status().paths
    assert (bad.state, bad.differences) == (PathState.UNKNOWN, [])
    with work.open() as project:
        checkout_each(project, select_targets(project, []), force=False)
        assert [path for path, _ in project.failures.found] == ["bad"]
    assert not os.path.isfile(work.path("bad/x"))


def test_commit_of_code_is_not_stopped_by_a_pipe_in_tracked_data(work):
    make_pipe(work)
    work.write({"code.py": b"print()"})
    work.git("add", "code.py")
    with work.open() as project:
        assert check_staged(project).is_clean


def test_tracked_file_that_became_a_pipe_is_named_before_a_commit(work):
    os.unlink(work.path("model.bin"))
    os.mkfifo(work.path("model.bin"))
    with work.open() as project:
        report = check_staged(project)
    assert report.is_clean
    assert [(item.finding, item.path) for item in report.problems] == [(Finding.NOT_COMPARED, "model.bin")]


def test_broken_pointer_fails_alone_in_checkout_pull_push_diff_and_add(work):
    work.write({"bad.dvx": b"nonsense"})
    os.unlink(work.path("model.bin"))
    for act in (
        lambda project, targets: checkout_each(project, targets, force=False),
        lambda project, targets: pull_each(project, targets, remote_name=None, no_store=False, force=False),
        lambda project, targets: push_each(project, [target.tracked for target in targets], remote_name=None),
        lambda project, targets: read_diff(project, old_rev=None, new_rev=None),
        lambda project, targets: run_add(project, plan_update(project)),
    ):
        with work.open() as project:
            act(project, select_targets(project, [], goes_on=True))
            assert [(path, type(error)) for path, error in project.failures.found] == [
                ("bad.dvx", FormatError)
            ]
    assert work.read("model.bin") == b"4"
    with work.open() as project, pytest.raises(FormatError):
        select_targets(project, ["bad"], goes_on=True)


def test_broken_pointer_of_a_commit_fails_alone_wherever_a_revision_is_named(work):
    work.write({"bad.dvx": b"nonsense"})
    work.git("add", "bad.dvx")
    work.commit("broken")
    work.write({"model.bin": b"edit"})
    work.add("model.bin")
    for act in (
        lambda project: [item.path for item in list_paths(project, None, rev="HEAD", **LIST)],
        lambda project: read_diff(project, old_rev="HEAD~1", new_rev="HEAD"),
        lambda project: verify(project, Scope(rev="HEAD", workspace=False, remote=True)),
        lambda project: select_revisions(project, [], revs=["HEAD~1", "HEAD"], all_refs=False),
        lambda project: checkout_revision(project, [], rev="HEAD", force=True),
    ):
        with work.open() as project:
            act(project)
            assert [(path, type(error)) for path, error in project.failures.found] == [
                ("bad.dvx", FormatError)
            ]
    assert work.read("model.bin") == b"4"
    with work.open() as project, pytest.raises(FormatError, match=r"HEAD:bad\.dvx"):
        select_at(project, "HEAD", ["bad"], goes_on=True)
    with work.open() as project:
        assert [target.tracked.path for target in select_at(project, "HEAD", ["good"])] == ["good"]


def test_diff_says_nothing_of_a_path_whose_pointer_cannot_be_read_on_one_side(work):
    work.write({"good.dvx": b"nonsense"})
    work.git("add", "good.dvx")
    work.commit("broken")
    with work.open() as project:
        assert read_diff(project, old_rev="HEAD~1", new_rev="HEAD").changes == []
        assert read_diff(project, old_rev="HEAD", new_rev="HEAD~1").changes == []
    work.git("checkout", "-q", "HEAD~1", "--", "good.dvx")
    work.write({"good/z": b"edit"})
    with work.open() as project:
        assert read_diff(project, old_rev="HEAD", new_rev=None).changes == []
        assert [path for path, _ in project.failures.found] == ["good.dvx"]


def test_listing_that_is_nowhere_fails_alone_in_a_listing_of_files(work, tmp_path):
    work.write({"lost/a": b"never pushed"})
    work.add("lost")
    work.commit("v2")
    other = clone_repo(work, tmp_path / "other")
    with other.open() as project:
        found = [item.path for item in list_paths(project, None, rev=None, **(LIST | {"recursive": True}))]
        assert [path for path, _ in project.failures.found] == ["lost"]
    assert found == ["bad/sub/y", "bad/x", "good/z", "model.bin"]


def test_rm_of_several_leaves_only_what_cannot_be_looked_at(work):
    work.write({"broken.dvx": b"nonsense", "bad/.dvxignore": b"!\n"})
    with work.open() as project:
        result = remove_paths(project, ["broken", "bad", "good", "model.bin"], keep=False, force=False)
        assert [path for path, _ in project.failures.found] == ["broken.dvx", "bad"]
    assert (result.paths, result.files) == (("good", "model.bin"), 2)
    assert work.read("bad/x") == b"1"
    assert [status.tracked.path for status in work.status().paths] == ["bad"]
    with work.open() as project, pytest.raises(UsageError, match="dvxignore"):
        remove_paths(project, ["bad"], keep=False, force=False)


def test_rm_keeps_a_directory_whose_tracked_files_cannot_be_seen(work):
    os.unlink(work.path("bad/x"))
    os.mkfifo(work.path("bad/x"))
    with work.open() as project:
        result = remove_paths(project, ["bad", "good"], keep=False, force=False)
        assert [path for path, _ in project.failures.found] == ["bad"]
    assert result.paths == ("good",)
    assert work.read("bad/sub/y") == b"2"


def test_values_beside_a_broken_pointer_or_file_are_read_now_and_in_commits(work):
    work.write({"bad.dvx": b"nonsense", "metrics.json": b'{"acc": 1}', "sub/metrics.json": b"{"})
    work.git("add", ".")
    work.commit("broken")
    os.chmod(work.path("metrics.json"), 0)
    for rev, unread in ((None, {"metrics.json"} if os.geteuid() else set()), ("HEAD", set())):
        with work.open() as project:
            found = compare_revisions(project, [rev, "HEAD"], kinds=["metrics"])
            assert [(row.source, row.name, row.values[1]) for row in found.rows] == [
                ("metrics.json", "acc", 1)
            ]
            names = {"bad.dvx", "sub/metrics.json"}
            here = names | unread if rev is None else set()
            assert {path for path, _ in project.failures.found} == here | {f"HEAD:{name}" for name in names}
            assert project.failures.done > 0


def test_data_that_is_nowhere_fails_alone_in_a_pull_and_the_rest_is_checked_out(work, tmp_path):
    work.write({"lost/a": b"never pushed", "lost2/a": b"nor this"})
    work.add("lost", "lost2")
    work.commit("v2")
    other = clone_repo(work, tmp_path / "other")
    with other.open() as project:
        targets = select_targets(project, [])
        result = pull_each(project, targets, remote_name=None, no_store=False, force=False)
        assert {path for path, _ in project.failures.found} == {"lost", "lost2"}
        assert all(isinstance(error, DataMissing) for _, error in project.failures.found)
    assert result.checkout.written == 4
    assert (result.fetched.roots, result.fetched.present) == (3, 0)
    assert result.fetched.size_bytes > 0
    assert other.read("bad/sub/y") == b"2"


def test_data_sent_before_a_push_failed_is_counted(work, tmp_path):
    other = clone_repo(work, tmp_path / "other")
    work.write({"lost/a": b"never pushed"})
    work.add("lost")
    work.commit("v2")
    other.git("pull", "-q")
    other.write({"new/a": b"1"})
    other.add("new")
    with other.open() as project:
        tracked = [target.tracked for target in select_targets(project, [])]
        result = push_each(project, tracked, remote_name=None)
        assert [path for path, _ in project.failures.found] == ["lost"]
    assert (result.roots, result.present) == (1, 3)
    assert result.packs > 0


def test_files_written_before_a_checkout_failed_are_counted(work, tmp_path):
    other = clone_repo(work, tmp_path / "other")
    work.write({"lost/a": b"not fetched"})
    work.add("lost")
    work.commit("v2")
    with other.open() as project:
        fetch_each(project, select_targets(project, []), remote_name=None)
    other.git("pull", "-q")
    with other.open() as project:
        result = checkout_each(project, select_targets(project, []), force=False)
        assert [path for path, _ in project.failures.found] == ["lost"]
    assert (result.paths, result.written) == (3, 4)


def test_work_in_the_way_of_one_path_still_stops_everything_before_the_first_write(work):
    work.git("switch", "-q", "-c", "new")
    work.write({"good/z": b"new", "model.bin": b"new"})
    work.add("good", "model.bin")
    work.commit("new")
    work.git("switch", "-q", "main")
    work.write({"model.bin": b"WORK"})
    with work.open() as project, pytest.raises(WorkspaceConflict):
        checkout_each(project, select_targets(project, []), force=False)
    assert (work.read("good/z"), work.read("model.bin")) == (b"new", b"WORK")


def test_unreadable_rules_in_one_directory_fail_alone(work):
    work.write({"bad/.dvxignore": b"!\n"})
    bad, *others = work.status().paths
    assert bad.state is PathState.UNKNOWN
    assert ".dvxignore" in bad.problem
    assert [status.state for status in others] == [PathState.CLEAN] * 2
    work.write({"model.bin": b"edit", "good/z": b"edit"})
    with work.open() as project:
        added = run_add(project, plan_update(project)).added
        assert [item.path for item in added] == ["good", "model.bin"]
        assert [path for path, _ in project.failures.found] == ["bad"]


def test_add_of_named_paths_adds_the_others_if_one_holds_a_pipe(work):
    make_pipe(work)
    work.write({"new/a": b"1"})
    with work.open() as project:
        result = run_add(project, plan_add(project, ["bad", "new"]))
        assert [added.path for added in result.added] == ["new"]
        assert [path for path, _ in project.failures.found] == ["bad"]
    with work.open() as project, pytest.raises(PathRefused, match="bad/pipe"):
        run_add(project, plan_add(project, ["bad"]))


def test_verify_of_one_that_cannot_be_read_verifies_the_others(work):
    work.write({"bad/.dvxignore": b"!\n"})
    with work.open() as project:
        report = verify(project, Scope())
    assert report.outcome is Outcome.PARTLY
    assert [check.tracked.path for check in report.workspace] == ["good", "model.bin"]
