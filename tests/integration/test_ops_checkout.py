"""ops.checkout and ops.pull: what is written, replaced, kept, and refused."""

import os
import shutil
from pathlib import Path

import pytest

from dvx.core.errors import DataMissing, NotFound, PathRefused, WorkspaceConflict
from dvx.core.ids import hash_bytes
from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.formats.pointer import Pointer
from dvx.ops.move import remove_paths
from dvx.repo.pointers import TrackedPointer, write_pointer
from dvx.repo.repository import Repository
from dvx.testing.faults import flip_bit
from dvx.testing.workspace import EMPTY_FOLDER, clone_repo, make_repo, store_objects

MIB = 1024 * 1024


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


def version(work, branch, files, *paths):
    """Make a branch from main whose data is `files`, added as `paths`, and go back to main."""
    work.git("switch", "-q", "-c", branch, "main")
    for name in set(work.snapshot()) | {name.split("/")[0] for name in files}:
        if os.path.lexists(work.path(name.split("/")[0])):
            work.remove(name.split("/")[0])
    work.write(files)
    work.add(*paths)
    work.commit(branch)


def two_versions(work, old, new, *, old_path="data", new_path="data"):
    """Branches `old` and `new`; the workspace is left as `old`, checked out and clean."""
    version(work, "old", old, old_path)
    version(work, "new", new, new_path)
    work.git("switch", "-q", "old")
    work.checkout()
    assert work.snapshot() == old


def refused_checkout(work, *names):
    before = work.snapshot()
    with pytest.raises(WorkspaceConflict) as caught:
        work.checkout()
    assert work.snapshot() == before
    for name in names:
        assert f"`{name}`" in caught.value.what
    return caught.value


TRANSITIONS = {
    "edit": ({"data/a": b"1", "data/b": b"2"}, {"data/a": b"11", "data/b": b"2"}),
    "same size": ({"data/a": b"1"}, {"data/a": b"2"}),
    "delete": ({"data/a": b"1", "data/sub/b": b"2"}, {"data/a": b"1"}),
    "delete all": ({"data/a": b"1"}, {"data": EMPTY_FOLDER}),
    "create": ({"data": EMPTY_FOLDER}, {"data/a": b"1", "data/sub/b": b"2"}),
    "file to folder": ({"data/x": b"1", "data/y": b"2"}, {"data/x/z": b"1", "data/y": b"2"}),
    "folder to file": ({"data/x/z": b"1", "data/x/deep/w": b"3"}, {"data/x": b"2"}),
    "file to empty folder": ({"data/x": b"1"}, {"data/x": EMPTY_FOLDER}),
    "empty folder to file": ({"data/x": EMPTY_FOLDER}, {"data/x": b"1"}),
    "empty folder goes": ({"data/a": b"", "data/x/y": EMPTY_FOLDER}, {"data/a": b""}),
    "folder emptied": ({"data/x/y": b"1"}, {"data/x": EMPTY_FOLDER}),
    "empty folder filled": ({"data/x": EMPTY_FOLDER}, {"data/x/y": b"1"}),
    "file to link": ({"data/a": b"1", "data/b": b"2"}, {"data/a": "-> b", "data/b": b"2"}),
    "link to file": ({"data/a": "-> b", "data/b": b"2"}, {"data/a": b"1", "data/b": b"2"}),
    "link to folder": ({"data/a": "-> b", "data/b": b"2"}, {"data/a/c": b"1", "data/b": b"2"}),
    "link target": ({"data/a": "-> b", "data/b": b"2"}, {"data/a": "-> c", "data/b": b"2"}),
    "rename": ({"data/a": b"same"}, {"data/b": b"same"}),
    "swap": ({"data/a": b"1", "data/b": b"22"}, {"data/a": b"22", "data/b": b"1"}),
    "tracked file to folder": ({"data": b"1"}, {"data/a": b"2", "data/b/c": b"3"}),
    "tracked folder to file": ({"data/a": b"2", "data/b/c": b"3", "data/e": EMPTY_FOLDER}, {"data": b"1"}),
    "tracked file": ({"data": b"1"}, {"data": b"2"}),
    "prefix names": ({"data/a": b"1", "data/a-b": b"2"}, {"data/a/c": b"3", "data/a-b": b"2"}),
}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_checkout_goes_from_one_stored_version_to_the_other_and_back(work, name):
    old, new = TRANSITIONS[name]
    two_versions(work, old, new)
    work.git("switch", "-q", "new")
    work.checkout()
    assert work.snapshot() == new
    assert work.status().is_clean
    work.git("switch", "-q", "old")
    work.checkout()
    assert work.snapshot() == old
    assert work.status().is_clean


@pytest.mark.parametrize("name", ["edit", "delete", "tracked folder to file", "empty folder goes"])
@pytest.mark.parametrize("content", [None, b"", b"garbage" * 1000])
def test_checkout_with_a_lost_stat_cache_finds_the_old_version_in_history(work, name, content):
    old, new = TRANSITIONS[name]
    two_versions(work, old, new)
    work.git("switch", "-q", "new")
    os.unlink(work.path(".git/dvx/stat.db"))
    if content is not None:
        work.write({".git/dvx/stat.db": content})
    work.checkout()
    assert work.snapshot() == new


@pytest.mark.parametrize("name", ["file to folder", "folder to file", "tracked folder to file", "edit"])
def test_checkout_with_force_replaces_whatever_is_in_the_way(work, name):
    old, new = TRANSITIONS[name]
    two_versions(work, old, new)
    for path, content in old.items():
        if isinstance(content, bytes):
            work.write({path: b"work that is not stored"})
    work.git("switch", "-q", "new")
    refused_checkout(work)
    work.checkout(force=True)
    assert work.snapshot() == new


def test_checkout_with_modified_file_changes_nothing_and_names_it(work):
    two_versions(work, {"data/a": b"1", "data/b": b"2", "data/c": b"3"}, {"data/a": b"x", "data/b": b"y"})
    work.write({"data/b": b"my work"})
    work.git("switch", "-q", "new")
    error = refused_checkout(work, "data/b")
    assert error.hints == ("keep the work: `dvx add data/b`", "or give it up: `dvx checkout --force data`")
    work.checkout(force=True)
    assert work.snapshot() == {"data/a": b"x", "data/b": b"y"}


def test_checkout_with_conflict_in_one_of_two_paths_leaves_both(work):
    for name in ("one", "two"):
        work.write({name: b"old"})
    work.add("one", "two")
    work.commit()
    work.git("switch", "-q", "-c", "new")
    work.write({"one": b"new", "two": b"new"})
    work.add()
    work.commit()
    work.git("switch", "-q", "main")
    work.checkout()
    work.write({"two": b"work"})
    work.git("switch", "-q", "new")
    refused_checkout(work, "two")
    assert work.read("one") == b"old"


def test_checkout_keeps_untracked_files_and_folders(work):
    two_versions(work, {"data/a": b"1", "data/sub/b": b"2"}, {"data/a": b"11"})
    work.write({"data/mine": b"untracked", "data/sub/mine": b"untracked", "data/empty": EMPTY_FOLDER})
    work.git("switch", "-q", "new")
    work.checkout()
    assert work.snapshot() == {
        "data/a": b"11",
        "data/mine": b"untracked",
        "data/sub/mine": b"untracked",
        "data/empty": EMPTY_FOLDER,
    }


def test_checkout_where_untracked_work_is_in_the_way_of_a_folder_is_refused(work):
    two_versions(work, {"data/a": b"1"}, {"data/a": b"1", "data/sub/b": b"2"})
    work.write({"data/sub": b"an untracked file"})
    work.git("switch", "-q", "new")
    refused_checkout(work, "data/sub")
    work.checkout(force=True)
    assert work.snapshot() == {"data/a": b"1", "data/sub/b": b"2"}


def test_checkout_where_an_untracked_folder_is_in_the_way_of_a_file_is_refused(work):
    two_versions(work, {"data/a": b"1"}, {"data/a": b"1", "data/sub": b"2"})
    work.write({"data/sub/mine/x": b"untracked"})
    work.git("switch", "-q", "new")
    refused_checkout(work, "data/sub/mine/x")
    work.checkout(force=True)
    assert work.snapshot() == {"data/a": b"1", "data/sub": b"2"}


def test_checkout_where_work_in_a_folder_is_in_the_way_of_a_tracked_file_is_refused(work):
    two_versions(work, {"data/a": b"1", "data/b": b"2"}, {"data": b"file"})
    work.write({"data/mine": b"untracked"})
    work.git("switch", "-q", "new")
    refused_checkout(work, "data/mine")
    work.checkout(force=True)
    assert work.snapshot() == {"data": b"file"}


def test_checkout_where_a_never_stored_folder_is_in_the_way_of_a_tracked_file_is_refused(work):
    work.write({"model": b"weights"})
    work.add("model")
    work.commit()
    work.remove("model")
    work.write({"model/a": b"mine"})
    refused_checkout(work, "model/a")


def test_checkout_of_file_that_has_the_right_content_already_writes_nothing(work):
    work.write({"data/a": b"1"})
    work.add("data")
    os.unlink(work.path(".git/dvx/stat.db"))
    inode = os.stat(work.path("data/a")).st_ino
    assert work.checkout().written == 0
    assert os.stat(work.path("data/a")).st_ino == inode


def test_checkout_corrects_a_wrong_mode_of_unchanged_content(work):
    work.write({"data/tool": b"#!"})
    os.chmod(work.path("data/tool"), 0o755)
    work.add("data")
    os.chmod(work.path("data/tool"), 0o644)
    assert [item.path for item in work.status().paths[0].differences] == ["data/tool"]
    work.checkout()
    assert os.access(work.path("data/tool"), os.X_OK)
    assert work.read("data/tool") == b"#!"
    assert work.status().is_clean


def test_checkout_through_a_symlinked_folder_writes_nothing_outside(work, tmp_path):
    work.write({"data/sub/a": b"1"})
    work.add("data")
    work.remove("data/sub")
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", work.path("data/sub"))
    with pytest.raises((WorkspaceConflict, PathRefused)):
        work.checkout()
    assert list((tmp_path / "outside").iterdir()) == []
    work.checkout(force=True)
    assert work.snapshot() == {"data/sub/a": b"1"}
    assert list((tmp_path / "outside").iterdir()) == []


def test_checkout_of_pointer_with_another_size_than_the_record_writes_nothing(work):
    work.write({"a": b"content"})
    work.add("a")
    work.remove("a")
    pointer = Pointer("file", hash_bytes(b"content"), 8, None)
    write_pointer(Repository.discover(work.root), TrackedPointer("a", "a.dvx", pointer))
    with pytest.raises(Exception, match="8 bytes") as caught:
        work.checkout()
    assert caught.value.kind == "size-mismatch"
    assert work.snapshot() == {}


def test_checkout_of_missing_data_does_the_others_first(work, tmp_path):
    work.write({"a": b"1", "b": b"2"})
    work.add("a", "b")
    work.commit()
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.fetch("a")
    with pytest.raises(DataMissing, match="`b`") as caught:
        clone.checkout()
    assert caught.value.hints == ("fetch it: `dvx pull b`",)
    assert clone.snapshot() == {"a": b"1"}


def test_checkout_does_not_overwrite_the_last_copy_of_a_version_that_the_store_lost(work):
    two_versions(work, {"data/a": b"only copy", "data/b": b"2"}, {"data/a": b"newer", "data/b": b"2"})
    store = work.path(".git/dvx/store")
    with work.open() as project:
        old = project.local.complete_placements([work.pointer("data").id], jobs=1).popitem()[1]
    work.git("switch", "-q", "new")
    with work.open() as project:
        new = project.local.complete_placements([work.pointer("data").id], jobs=1).popitem()[1]
    for pack in {ref.name for ref in old.packs} - {ref.name for ref in new.packs}:
        os.unlink(os.path.join(store, "packs", pack.hex()[:2], pack.hex()))
    refused_checkout(work, "data/a")
    assert work.read("data/a") == b"only copy"


def test_checkout_replaces_a_version_that_only_the_remote_has(work):
    two_versions(work, {"data/a": b"old"}, {"data/a": b"new"})
    work.push()
    work.git("switch", "-q", "new")
    work.push()
    shutil.rmtree(work.path(".git/dvx/store"))
    work.pull()
    assert work.read("data/a") == b"new"


def test_checkout_leaves_no_temporary_files_when_large_files_meet_window_ends(work):
    # 8 MiB is a window: the first file ends where a window is full, the second spans windows.
    files = {
        "data/1": bytes(8 * MIB),
        "data/2": os.urandom(9 * MIB),
        "data/3": bytes(8 * MIB),
        "data/4": b"x",
    }
    work.write(files)
    work.add("data")
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files
    assert not [name for name in os.listdir(work.path("data")) if name.startswith(TEMPORARY_PREFIX)]


def test_checkout_that_fails_leaves_no_temporary_files_and_the_next_one_finishes(work):
    files = {"data/a": os.urandom(9 * MIB), "data/b": os.urandom(9 * MIB), "data/c": b"small"}
    work.write(files)
    work.add("data")
    pack = store_objects(work.path(".git/dvx/store"), ["packs"])
    biggest = max(pack, key=os.path.getsize)
    good = Path(biggest).read_bytes()
    os.chmod(biggest, 0o644)
    Path(biggest).write_bytes(flip_bit(good, 12 * MIB))
    work.remove("data")
    with pytest.raises(Exception, match="damaged"):
        work.checkout()
    left = work.snapshot()
    assert all(files[name] == content for name, content in left.items() if content != EMPTY_FOLDER)
    shutil.move(work.path(f".git/dvx/store/damaged/{os.path.basename(biggest)}"), biggest)
    Path(biggest).write_bytes(good)
    work.checkout()
    assert work.snapshot() == files


def test_checkout_of_targets_inside_a_directory_touches_only_them(work):
    two_versions(
        work, {"data/a": b"1", "data/sub/b": b"2", "data/c": b"3"}, {"data/a": b"x", "data/sub/b": b"y"}
    )
    work.git("switch", "-q", "new")
    work.checkout("data/sub")
    assert work.snapshot() == {"data/a": b"1", "data/sub/b": b"y", "data/c": b"3"}
    work.checkout("data/*")
    assert work.snapshot()["data/a"] == b"x"
    work.checkout()
    assert work.snapshot() == {"data/a": b"x", "data/sub/b": b"y"}


@pytest.mark.parametrize("command", ["checkout", "pull", "status", "fetch"])
@pytest.mark.parametrize("names", [("data/nope", "data/sub/nope"), ("data/*.nope", "data/sub/**/x*")])
def test_path_inside_a_directory_that_nobody_has_is_an_error_and_no_success(work, command, names):
    version(work, "one", {"data/a": b"1", "data/sub/b": b"2"}, "data")
    work.push()
    work.write({"data/new": b"3"})
    with pytest.raises(NotFound, match="neither as the pointer of `data` says nor in") as caught:
        getattr(work, command)(names[0], "data/a", "data/n*", names[1])
    assert all(f"`{name}`" in caught.value.what for name in names)
    assert caught.value.hints == ("list what is there: `dvx ls data`",)
    work.remove("data/a")
    work.checkout("data/a", "data/new", "data/ne?")  # the pointer has one, the workspace the others
    assert work.snapshot() == {"data/a": b"1", "data/sub/b": b"2", "data/new": b"3"}


@pytest.mark.parametrize("command", ["checkout", "pull", "status", "fetch"])
def test_pattern_that_matches_in_one_of_several_directories_is_right(work, command):
    version(work, "one", {"exp1/metrics": b"1", "exp1/model": b"m", "exp2/model": b"2"}, "exp1", "exp2")
    work.push()
    run = getattr(work, command)
    run("exp*/metrics")
    run("e**/metrics")
    run("*2", "*/model")
    with pytest.raises(NotFound, match=r"nothing is at `exp\*/nope`, neither .* of `exp1`, `exp2` says"):
        run("exp*/metrics", "exp*/nope")


def test_checkout_is_clean_after_switching_twice_without_it(work):
    version(work, "one", {"data/a": b"1", "data/x": b"1"}, "data")
    version(work, "two", {"data/a": b"2"}, "data")
    version(work, "three", {"data/a": b"3"}, "data")
    work.git("switch", "-q", "one")
    work.checkout()
    work.git("switch", "-q", "two")
    work.git("switch", "-q", "three")
    work.checkout()
    assert work.snapshot() == {"data/a": b"3"}


def test_checkout_and_rm_of_what_is_not_here_ask_no_remote(tmp_path):
    source = make_repo(tmp_path / "source", remote="s3://no-such-bucket/x")
    source.write({"data/a": b"a", "data/b": b"b"})
    source.add("data")
    source.commit()
    here = clone_repo(source, tmp_path / "here")
    with pytest.raises(DataMissing) as caught:
        here.checkout()
    assert caught.value.kind == "not-fetched"
    assert caught.value.hints == ("fetch it: `dvx pull data`",)
    with here.open() as project:
        assert remove_paths(project, ["data"], keep=False, force=False).paths == ("data",)
    assert not os.path.exists(here.path("data.dvx"))
