"""ops.obstacles: only what a store is known to hold is given up."""

import os

from dvx.ops.differences import find_differences
from dvx.ops.obstacles import ObstacleJudge
from dvx.ops.selection import select_targets, trees_of
from dvx.testing.workspace import EMPTY_FOLDER, store_objects


def judge(work, *, written=(), folders=(), force=False):
    with work.open() as project, project.pages() as pages:
        (tree,) = trees_of(project, select_targets(project, ["data"]))
        suspects = [item for item in find_differences(project, tree, pages) if item.state != "deleted"]
        found = ObstacleJudge(project, tree, pages, remote_name=None).judge(
            suspects, written=set(written), folders=folders, force=force
        )
        return found.remove, found.conflicts


def switch_back(work, old, new):
    """Add `old`, then `new`; the workspace has `old`, the pointer says `new`."""
    work.write(old)
    work.add("data")
    work.commit("old")
    for name in old:
        work.remove(name)
    work.write(new)
    work.add("data")
    work.commit("new")
    for name in new:
        top = "/".join(name.split("/")[:2])
        if os.path.lexists(work.path(top)):
            work.remove(top)
    work.write(old)


def test_nothing_in_the_way_is_nothing_to_do(work):
    work.write({"data/a": b"1"})
    work.add("data")
    assert judge(work) == ([], [])


def test_stored_extra_file_goes_and_an_unknown_one_stays(work):
    switch_back(work, {"data/a": b"1", "data/gone": b"old"}, {"data/a": b"1"})
    with work.open() as project:
        project.stat_cache.forget("data")
        project.extents.update({"data": None})
    work.write({"data/mine": b"mine", "data/empty": EMPTY_FOLDER})
    assert judge(work) == (["data/gone"], [])


def test_edited_file_is_a_conflict_unless_forced(work):
    switch_back(work, {"data/a": b"1"}, {"data/a": b"2"})
    assert judge(work, written=["data/a"]) == ([], [])
    work.write({"data/a": b"mine"})
    assert judge(work, written=["data/a"]) == ([], ["data/a"])
    assert judge(work, written=["data/a"], force=True) == ([], [])


def test_file_where_a_folder_is_needed_is_removed_if_stored(work):
    switch_back(work, {"data/x": b"1"}, {"data/x/y": b"2"})
    with work.open() as project:
        project.stat_cache.forget("data")
    assert judge(work, written=["data/x/y"]) == (["data/x"], [])
    work.write({"data/x": b"mine"})
    assert judge(work, written=["data/x/y"]) == ([], ["data/x"])
    assert judge(work, written=["data/x/y"], force=True) == (["data/x"], [])


def test_files_written_elsewhere_do_not_put_an_unknown_file_in_the_way(work):
    work.write({"data/a": b"1"})
    work.add("data")
    work.write({"data/mine/x": b"mine", "data/other": b"mine too"})
    written = [f"data/new/{number}" for number in range(3)] + ["data/others", "data/mine/y"]
    assert judge(work, written=written, folders=["data/empty/folder"]) == ([], [])
    assert judge(work, written=[*written, "data/other/below"]) == ([], ["data/other"])
    assert judge(work, written=["data/mine"]) == ([], ["data/mine/x"])
    assert judge(work, folders=["data/other"]) == ([], ["data/other"])


def test_version_that_no_store_has_completely_proves_nothing(work):
    switch_back(work, {"data/a": b"only copy"}, {"data/a": b"2"})
    for place in store_objects(work.path(".git/dvx/store"), ["roots"]):
        os.unlink(place)
    assert judge(work, written=["data/a"]) == ([], ["data/a"])
