"""Workspaces that are older than their pointers, as after `git pull`."""

import os

import pytest

from dvx.core.errors import WorkspaceConflict
from dvx.ops.status import PathState
from dvx.testing.workspace import Workspace, clone_repo, make_repo


@pytest.fixture
def behind(tmp_path) -> Workspace:
    """A clone that has pulled Git, not the data: f2 changed, f3 removed, f4 new, m.bin changed."""
    other = make_repo(tmp_path / "other", remote=tmp_path / "remote")
    other.write({"d/f1": b"1", "d/f2": b"2", "d/f3": b"3", "m.bin": b"m"})
    other.add("d", "m.bin")
    other.commit()
    other.push()
    mine = clone_repo(other, tmp_path / "mine")
    mine.pull()
    other.write({"d/f2": b"2 of other", "d/f4": b"4 of other", "m.bin": b"m of other"})
    other.remove("d/f3")
    other.add("d", "m.bin")
    other.commit()
    other.push()
    mine.git("pull", "-q")
    return mine


def files(workspace: Workspace) -> dict[str, object]:
    return {path.removeprefix("d/"): content for path, content in workspace.snapshot("d").items()}


def states(workspace):
    return {status.tracked.path: status.state for status in workspace.status().paths}


def test_status_of_an_untouched_older_workspace_says_outdated(behind):
    assert states(behind) == {"d": PathState.OUTDATED, "m.bin": PathState.OUTDATED}


def test_status_says_changed_once_something_is_edited(behind):
    behind.write({"d/f1": b"mine"})
    assert states(behind) == {"d": PathState.CHANGED, "m.bin": PathState.OUTDATED}


@pytest.mark.parametrize("paths", [["d"], ["m.bin"], []])
def test_add_of_an_older_workspace_is_refused_and_changes_nothing(behind, paths):
    before = behind.pointer("d"), behind.pointer("m.bin")
    with pytest.raises(WorkspaceConflict) as caught:
        behind.add(*paths)
    assert caught.value.kind == "stale-workspace"
    assert "dvx pull" in caught.value.hints[0]
    assert (behind.pointer("d"), behind.pointer("m.bin")) == before


def test_add_with_force_puts_the_older_version_back(behind):
    behind.add("d", force=True)
    assert states(behind)["d"] is PathState.CLEAN
    assert files(behind) == {"f1": b"1", "f2": b"2", "f3": b"3"}


def test_pull_brings_the_newer_version_and_keeps_edits_that_it_does_not_touch(behind):
    behind.write({"d/f1": b"mine"})
    result = behind.pull()
    assert result.checkout.kept == ["d/f1"]
    assert files(behind) == {"f1": b"mine", "f2": b"2 of other", "f4": b"4 of other"}
    assert states(behind) == {"d": PathState.CHANGED, "m.bin": PathState.CLEAN}
    behind.add("d")
    assert states(behind)["d"] is PathState.CLEAN


def test_edit_of_a_file_that_both_changed_is_resolved_by_adding_just_that_file(behind):
    behind.write({"d/f2": b"2 of mine"})
    with pytest.raises(WorkspaceConflict) as caught:
        behind.pull()
    assert caught.value.hints[0] == "keep the work: `dvx add d/f2`"
    assert files(behind) == {"f1": b"1", "f2": b"2 of mine", "f3": b"3"}
    behind.add("d/f2")
    behind.pull()
    assert files(behind) == {"f1": b"1", "f2": b"2 of mine", "f4": b"4 of other"}
    assert states(behind) == {"d": PathState.CLEAN, "m.bin": PathState.CLEAN}


def test_a_new_version_of_an_outdated_file_can_be_added(behind):
    behind.write({"m.bin": b"trained again"})
    behind.add("m.bin")
    assert states(behind)["m.bin"] is PathState.CLEAN


def test_add_that_was_killed_after_its_pointer_can_be_run_again_where_only_a_mode_changed(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"d/run.sh": b"echo", "d/a": b"a"})
    before = work.add("d").added[0].pointer.id
    os.chmod(work.path("d/run.sh"), 0o755)
    after = work.add("d").added[0].pointer.id
    with work.open() as project:  # as if the process had died before it remembered the new version
        project.stat_cache.set_root("d", before)
    assert work.add("d").added[0].pointer.id == after
    assert states(work) == {"d": PathState.CLEAN}
