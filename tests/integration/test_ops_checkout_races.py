"""What somebody writes between the plan of a checkout and its writes is kept, and everything else is done."""

import mmap
import os
import time
from contextlib import contextmanager

import pytest

from dvx.core.errors import WorkspaceConflict
from dvx.ops.checkout import plan_checkout, run_checkout
from dvx.ops.move import remove_paths
from dvx.ops.parts import last_roots
from dvx.ops.selection import select_targets, trees_of
from dvx.ops.sources import local_sources
from dvx.ops.vanished import remove_vanished
from dvx.testing.workspace import make_repo

LARGE = 20 * 1024 * 1024


@pytest.fixture
def work(tmp_path):
    """The workspace is as branch `old` says; the pointers are those of `new`."""
    work = make_repo(tmp_path / "work")
    work.git("switch", "-q", "-c", "old")
    work.write({"data/a": b"1", "data/gone": b"2", "data/same": b"3", "data/large": b"x" * LARGE})
    work.add("data")
    work.commit("old")
    work.git("switch", "-q", "-c", "new")
    work.write({"data/a": b"11", "data/new": b"4", "data/more/b": b"5", "data/large": b"y" * LARGE})
    work.write({f"data/many/{number}": b"6" for number in range(8)})
    os.unlink(work.path("data/gone"))
    work.add("data")
    work.commit("new")
    new = work.snapshot("data")
    work.git("switch", "-q", "old")
    work.checkout()
    work.git("switch", "-q", "new")
    return work, new


def check_out(work, between, *, force=False):
    """Plan a checkout, let somebody do something, and run it."""
    with work.open() as project, project.local_pages() as pages:
        targets = select_targets(project, [])
        plan = plan_checkout(project, trees_of(project, targets), force=force, pages=pages)
        between()
        sources = local_sources(project, [target.tracked for target in targets])
        return run_checkout(project, plan, lambda change: sources[change.tracked.pointer.id])


@pytest.mark.parametrize(
    "path", ["data/a", "data/new", "data/gone", "data/more/b", "data/many/3", "data/large"]
)
@pytest.mark.parametrize("force", [False, True])
def test_file_written_meanwhile_is_kept_and_named_and_the_others_are_checked_out(work, path, force):
    work, new = work
    with pytest.raises(WorkspaceConflict) as caught:
        check_out(work, lambda: work.write({path: b"MY WORK"}), force=force)
    assert caught.value.kind == "changed-meanwhile"
    assert f"`{path}`" in caught.value.what
    assert work.snapshot("data") == {**new, path: b"MY WORK"}
    os.unlink(work.path(path))
    work.checkout()
    assert work.snapshot("data") == new


def test_file_that_goes_meanwhile_is_no_conflict(work):
    work, new = work
    check_out(work, lambda: [os.unlink(work.path(f"data/{name}")) for name in ("a", "gone")])
    assert work.snapshot("data") == new


def test_folder_made_meanwhile_keeps_what_is_in_it(work):
    work, new = work
    with pytest.raises(WorkspaceConflict):
        check_out(work, lambda: work.write({"data/many/0": b"MINE", "data/many/extra": b"MINE"}))
    assert work.snapshot("data") == {**new, "data/many/0": b"MINE", "data/many/extra": b"MINE"}


def test_file_written_while_it_is_removed_from_tracking_is_kept(work, monkeypatch):
    work, _ = work
    work.checkout()
    from dvx.ops import move

    check = move._check_stored

    def write_then_check(project, targets):
        work.write({"data/a": b"MY WORK"})
        check(project, targets)

    monkeypatch.setattr(move, "_check_stored", write_then_check)
    with work.open() as project:
        remove_paths(project, ["data"], keep=False, force=False)
    assert work.snapshot("data") == {"data/a": b"MY WORK"}


@contextmanager
def mapped_file(work):
    """A tracked file that a program has mapped: what it writes now leaves size and times as they are."""
    work.write({"model.bin": b"1" * 8192})
    work.add("model.bin")
    work.commit("v1")
    work.git("switch", "-q", "-c", "next")
    with open(work.path("model.bin"), "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[:5] = b"first"
        time.sleep(0.05)  # the stamp of the file is a tick of the clock old
        work.add("model.bin")
        before = os.stat(work.path("model.bin"))
        work.commit("next")
        yield mapped
    os.utime(work.path("model.bin"), ns=(before.st_atime_ns, before.st_mtime_ns))


def test_file_that_a_program_wrote_through_memory_without_a_trace_is_not_given_up(tmp_path):
    work = make_repo(tmp_path / "work")
    with mapped_file(work) as mapped:
        mapped[:5] = b"later"
    work.git("switch", "-q", "main")
    with pytest.raises(WorkspaceConflict):
        work.checkout()
    assert work.read("model.bin")[:5] == b"later"


def test_rm_hashes_a_file_again_that_may_have_been_written_through_memory(tmp_path):
    work = make_repo(tmp_path / "work")
    with mapped_file(work) as mapped:
        mapped[:5] = b"later"
        with work.open() as project, pytest.raises(WorkspaceConflict, match=r"model\.bin"):
            remove_paths(project, ["model.bin"], keep=False, force=False)
    assert work.read("model.bin")[:5] == b"later"


def test_data_without_a_pointer_is_kept_if_it_was_written_through_memory(tmp_path):
    work = make_repo(tmp_path / "work")
    with mapped_file(work) as mapped:
        mapped[:5] = b"later"
        work.git("rm", "-q", "model.bin.dvx")
        with work.open() as project, project.workspace_lock():
            result = remove_vanished(project, last_roots(project), now={})
    assert [error.kind for error in result.kept] == ["kept"]
    assert work.read("model.bin")[:5] == b"later"
