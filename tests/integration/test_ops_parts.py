"""A part of a tracked directory: what is not checked out stays in the dataset, whatever is done with the part."""

import os
import random
import shutil
from pathlib import Path

import pytest

from dvx.core.errors import DataMissing, NotFound, PathRefused, WorkspaceConflict
from dvx.ops.checkout_revision import checkout_revision
from dvx.ops.diff import read_diff
from dvx.ops.listing import list_paths
from dvx.ops.move import move_path, remove_paths
from dvx.ops.verify import Outcome, Scope, verify
from dvx.testing.servers import S3Remote
from dvx.testing.workspace import EMPTY_FOLDER, Workspace, clone_repo, make_repo

KB = 1000
RANDOM = random.Random(7)
FILES = {f"data/{folder}/{n}.bin": RANDOM.randbytes(30 * KB) for folder in ("a", "b", "c") for n in range(4)}


def publish(work: Workspace) -> Workspace:
    """Data of three folders, committed and pushed."""
    work.write(FILES)
    work.add("data")
    work.commit()
    work.push()
    return work


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return publish(make_repo(tmp_path / "work", remote=tmp_path / "remote"))


@pytest.fixture
def part(work: Workspace, tmp_path: Path) -> Workspace:
    """A clone with `data/a` alone, in the workspace and in the local store."""
    clone = clone_repo(work, tmp_path / "part")
    clone.pull("data/a")
    return clone


def below(folder: str) -> dict[str, bytes]:
    return {path: data for path, data in FILES.items() if path.startswith(folder + "/")}


def whole(clone: Workspace, tmp_path: Path) -> dict[str, object]:
    """What a fresh clone of a pushed clone gets."""
    fresh = clone_repo(clone, tmp_path / "fresh")
    fresh.pull()
    found = fresh.snapshot()
    shutil.rmtree(fresh.root)
    return found


def differences(clone: Workspace) -> dict[str, str]:
    return {item.path: item.state.value for path in clone.status().paths for item in path.differences}


def listed(clone: Workspace) -> set[str]:
    with clone.open() as project:
        return {item.path for item in list_paths(project, "data", recursive=True, rev=None, remote_name=None)}


def test_a_clean_part_is_clean_and_says_how_much_of_it_is_here(part):
    status = part.status()
    assert status.is_clean
    assert differences(part) == {}
    assert (status.paths[0].files_here, status.paths[0].absent.files) == (4, 8)
    assert status.paths[0].wanted == ("a",)


@pytest.mark.parametrize("paths", [("data",), (), ("data/a",)])
@pytest.mark.parametrize("no_store", [False, True])
def test_an_add_keeps_what_is_not_here_and_a_push_of_it_is_complete(work, tmp_path, paths, no_store):
    clone = clone_repo(work, tmp_path / "part")
    clone.pull("data/a", no_store=no_store)
    clone.write({"data/a/0.bin": b"edited", "data/a/new": b"new"})
    clone.remove("data/a/1.bin")
    clone.add(*paths)
    clone.commit()
    expected = {**FILES, "data/a/0.bin": b"edited", "data/a/new": b"new"}
    del expected["data/a/1.bin"]
    assert clone.pointer("data").files == len(expected)
    assert clone.status().is_clean
    clone.push()
    assert clone.status(with_remote=True).is_clean
    assert whole(clone, tmp_path) == expected


def test_one_new_file_is_added_without_the_rest_of_the_data(part, tmp_path):
    part.write({"data/z/new": b"new"})
    part.add("data/z/new")
    part.commit()
    before = sum(part.state_files().values())
    part.push()
    assert sum(part.state_files().values()) < before + 30 * KB
    assert whole(part, tmp_path) == {**FILES, "data/z/new": b"new"}


def test_an_add_in_a_part_needs_no_remote(part, work):
    shutil.move(os.path.join(os.path.dirname(work.root), "remote"), os.path.join(work.root, "away"))
    part.write({"data/a/new": b"new"})
    part.add("data")
    assert part.pointer("data").files == len(FILES) + 1
    assert part.status().is_clean


def test_versions_made_one_after_the_other_are_pushed_together(part, tmp_path):
    part.write({"data/a/new": b"1"})
    part.add("data/a/new")
    part.commit()
    part.write({"data/a/new": b"2", "data/d/new": b"3"})
    part.add("data")
    part.commit()
    part.push()
    assert part.status(with_remote=True).is_clean
    assert whole(part, tmp_path) == {**FILES, "data/a/new": b"2", "data/d/new": b"3"}


def test_a_file_that_was_here_is_deleted_and_one_that_never_was_is_not(part, tmp_path):
    part.remove("data/a/0.bin")
    assert differences(part) == {"data/a/0.bin": "deleted"}
    part.add("data")
    assert part.pointer("data").files == len(FILES) - 1


def test_a_file_that_was_added_beside_the_part_belongs_to_it(part):
    part.write({"data/z": b"z"})
    part.add("data")
    part.remove("data/z")
    assert differences(part) == {"data/z": "deleted"}
    part.add("data")
    assert part.pointer("data").files == len(FILES)


def test_losing_the_stat_cache_deletes_nothing(part):
    os.unlink(part.path(".git/dvx/stat.db"))
    assert part.status().is_clean
    part.remove("data/a/0.bin")
    part.add("data")
    assert part.pointer("data").files == len(FILES) - 1


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_losing_what_is_checked_out_deletes_nothing(part, damage):
    place = part.path(".git/dvx/checked-out")
    os.unlink(place)
    if damage is not None:
        with open(place, "wb") as file:
            file.write(damage)
    part.remove("data/a/0.bin")
    part.write({"data/a/new": b"new"})
    assert set(differences(part).values()) == {"missing", "untracked"}
    part.add()
    assert part.pointer("data").files == len(FILES) + 1


def test_a_newer_version_of_a_whole_directory_survives_the_loss_of_the_stat_cache(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    work.write({"data/b/later": b"later"})
    work.add("data")
    work.commit()
    work.push()
    clone.git("pull", "-q")
    os.unlink(clone.path(".git/dvx/stat.db"))
    with pytest.raises(WorkspaceConflict, match="newer than the workspace"):
        clone.add()


def test_a_pull_that_was_cut_off_deletes_nothing(work, tmp_path, monkeypatch):
    clone = clone_repo(work, tmp_path / "clone")
    from dvx.ops import checkout

    real = checkout._write_files

    def some_files(project, change, source, writer, result):
        change.write = change.write.only(lambda file: file.path in below("data/a"))
        real(project, change, source, writer, result)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkout, "_write_files", some_files)
    with pytest.raises(KeyboardInterrupt):
        clone.pull()
    monkeypatch.undo()
    assert set(differences(clone).values()) == {"missing"}
    assert not clone.status().is_clean
    clone.add("data")
    assert clone.pointer("data").files == len(FILES)
    clone.pull()
    assert clone.snapshot() == FILES


def test_a_deleted_folder_of_which_a_part_is_pulled_again_is_a_new_part(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    clone.remove("data")
    clone.pull("data/b")
    assert clone.status().is_clean
    clone.add("data")
    assert clone.pointer("data").files == len(FILES)
    clone.remove("data")
    clone.checkout("data/c")
    clone.add("data")
    assert clone.pointer("data").files == len(FILES)
    assert clone.snapshot() == below("data/c")


def test_a_part_grows_with_every_pull_of_more(part):
    part.pull("data/b/0.bin")
    assert part.status().paths[0].files_here == 5
    part.remove("data/b/0.bin")
    assert differences(part) == {"data/b/0.bin": "deleted"}


@pytest.mark.parametrize("targets", [(), ("data",)])
def test_a_pull_completes_the_directory(part, targets):
    part.pull(*targets)
    assert part.snapshot() == FILES
    assert not part.status().paths[0].is_partial
    part.remove("data/c/0.bin")
    assert differences(part) == {"data/c/0.bin": "deleted"}


def test_a_pull_completes_a_version_that_nobody_pushed(part):
    part.write({"data/a/new": b"new"})
    part.add("data")
    part.pull()
    assert part.snapshot() == {**FILES, "data/a/new": b"new"}
    with part.open() as project:
        assert project.local.complete_placements([part.pointer("data").id], jobs=1)


def test_a_completed_version_can_be_pushed_to_another_remote(part, tmp_path):
    part.write({"data/a/new": b"new"})
    part.add("data")
    with open(part.path(".git/dvx/config.toml"), "w", encoding="utf-8") as file:
        file.write(f'[remote.second]\nurl = "{tmp_path / "second"}"\n')
    with pytest.raises(DataMissing):
        part.push(remote="second")
    part.fetch("data")
    part.push(remote="second")
    assert part.status(with_remote=True, remote="second").is_clean


def test_a_checkout_keeps_the_part_and_naming_the_folder_completes_it(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull("data/a")
    clone.fetch()
    clone.remove("data/a/0.bin")
    clone.checkout()
    assert clone.snapshot() == below("data/a")
    clone.remove("data")
    clone.checkout()
    assert clone.snapshot() == below("data/a")
    clone.checkout("data")
    assert clone.snapshot() == FILES


def test_new_files_of_a_newer_version_come_if_they_match(work, part):
    work.write({"data/a/later": b"1", "data/b/later": b"2", "data/a/0.bin": b"changed"})
    work.remove("data/a/3.bin")
    work.remove("data/c/3.bin")
    work.add("data")
    work.commit()
    work.push()
    part.git("pull", "-q")
    status = part.status()
    assert status.paths[0].state == "outdated"
    assert {item.path for item in status.paths[0].differences} == {
        "data/a/0.bin", "data/a/3.bin", "data/a/later",
    }  # fmt: skip
    with pytest.raises(WorkspaceConflict):
        part.add("data")
    part.fetch("data/a")
    part.checkout()
    expected = below("data/a") | {"data/a/later": b"1", "data/a/0.bin": b"changed"}
    del expected["data/a/3.bin"]
    assert part.snapshot() == expected
    assert part.status().is_clean
    part.remove("data/a/later")
    part.add("data")
    assert part.pointer("data").files == len(FILES) - 1


def test_removing_what_is_not_here_takes_a_word(part, tmp_path):
    with pytest.raises(NotFound):
        part.add("data/b/0.bin")
    with part.open() as project, pytest.raises(PathRefused) as caught:
        remove_paths(project, ["data/b/0.bin"], keep=False, force=False)
    assert "dvx add --remove data/b/0.bin" in caught.value.hints[0]
    part.add("data/b/0.bin", leaves_out=True)
    assert part.pointer("data").files == len(FILES) - 1
    part.add("data/b/*.bin", "data/c", leaves_out=True)
    part.commit()
    part.push()
    assert whole(part, tmp_path) == below("data/a")


def test_the_workspace_as_the_whole_ends_the_part(part):
    part.add("data", leaves_out=True)
    assert part.pointer("data").files == 4
    assert not part.status().paths[0].is_partial


def test_a_misspelt_path_to_remove_is_refused(part):
    with pytest.raises(NotFound):
        part.add("data/bb", leaves_out=True)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"data/b": b"a file"}, "data/b"),
        ({"data/c/0.bin/x": b"in a folder"}, "data/c/0.bin"),
        ({"data/b": "-> a"}, "data/b"),
    ],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_what_stands_in_the_place_of_something_that_is_not_here_is_refused(part, files, path, is_named):
    part.write(files)
    before = part.pointer("data")
    with pytest.raises(WorkspaceConflict) as caught:
        part.add(next(iter(files)) if is_named else "data")
    assert caught.value.kind == "absent-in-the-way"
    assert f"dvx add --remove {path}" in caught.value.hints[-1]
    assert part.pointer("data") == before
    part.add(path, leaves_out=True)
    assert next(iter(files)) in listed(part)


def test_an_empty_folder_of_absent_files_is_not_added(part):
    part.write({"data/b": EMPTY_FOLDER, "data/void": EMPTY_FOLDER})
    assert differences(part) == {"data/void": "untracked"}
    part.add("data")
    assert part.pointer("data").files == len(FILES)
    assert part.status().is_clean


def test_an_empty_folder_that_is_not_here_can_be_filled(work, tmp_path):
    work.write({"data/void": EMPTY_FOLDER})
    work.add("data")
    work.commit()
    work.push()
    clone = clone_repo(work, tmp_path / "part")
    clone.pull("data/a")
    clone.write({"data/void/x": b"x"})
    clone.add("data")
    clone.commit()
    clone.push()
    assert whole(clone, tmp_path) == {**FILES, "data/void/x": b"x"}


def test_moving_a_part_keeps_it_a_part(part, tmp_path):
    with part.open() as project:
        move_path(project, "data", "moved")
    assert part.status().is_clean
    part.remove("moved/a/0.bin")
    part.add("moved")
    assert part.pointer("moved").files == len(FILES) - 1


def test_a_part_can_be_removed_and_its_path_used_again(part):
    part.write({"data/a/new": b"new"})
    part.add("data")
    part.commit()
    with part.open() as project:
        remove_paths(project, ["data"], keep=False, force=False)
    assert part.snapshot() == {}
    part.write({"data/x": b"x"})
    part.add("data")
    assert part.pointer("data").files == 1
    part.remove("data/x")
    part.add("data")
    assert part.pointer("data").files == 0


def test_diff_and_verify_of_a_part_know_what_is_not_here(part):
    with part.open() as project:
        assert read_diff(project, old_rev=None, new_rev=None).changes == []
        report = verify(project, Scope())
    assert report.outcome is Outcome.VERIFIED
    assert report.workspace is not None
    assert (report.workspace[0].files, report.workspace[0].absent) == (4, 8)
    part.remove("data/a/0.bin")
    with part.open() as project:
        assert [change.path for change in read_diff(project, old_rev=None, new_rev=None).changes] == [
            "data/a/0.bin"
        ]
        assert verify(project, Scope()).outcome is Outcome.DIFFERS


def test_verify_says_missing_where_nothing_is_known(work, tmp_path):
    clone = clone_repo(work, tmp_path / "clone")
    clone.write(below("data/a"))
    with clone.open() as project:
        report = verify(project, Scope())
    assert report.outcome is Outcome.DIFFERS


def test_a_part_goes_to_an_older_version_and_stays_a_part(part):
    first = part.git("rev-parse", "HEAD").strip()
    part.write({"data/a/0.bin": b"second"})
    part.add("data")
    part.commit()
    with part.open() as project:
        checkout_revision(project, ["data"], rev=first, force=False)
    assert part.snapshot() == below("data/a")
    assert part.status().is_clean
    assert part.status().paths[0].files_here == 4


def test_parts_on_an_object_store(moto_remote: S3Remote, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_remote.endpoint)
    work = publish(make_repo(tmp_path / "work", remote=f"s3://{moto_remote.bucket}/data"))
    clone = clone_repo(work, tmp_path / "part")
    clone.pull("data/**/0.bin")
    clone.write({"data/b/new": b"new"})
    clone.remove("data/a/0.bin")
    clone.add()
    clone.commit()
    clone.push()
    assert clone.status(with_remote=True).is_clean
    expected = {**FILES, "data/b/new": b"new"}
    del expected["data/a/0.bin"]
    assert whole(clone, tmp_path) == expected


def test_the_hint_for_a_part_that_is_behind_names_the_part(work, part):
    work.write({"data/a/0.bin": b"newer"})
    work.add("data")
    work.commit()
    work.push()
    part.git("pull", "-q")
    with pytest.raises(WorkspaceConflict) as stale:
        part.add("data")
    assert "`dvx pull data/a`" in stale.value.hints[0]
    with pytest.raises(DataMissing) as missing:
        part.checkout()
    assert "`dvx pull data/a`" in missing.value.hints[0]
    part.pull("data/a")
    assert part.snapshot() == {**below("data/a"), "data/a/0.bin": b"newer"}


def test_a_file_in_the_place_of_a_part_and_a_part_again(part):
    first = part.git("rev-parse", "HEAD").strip()
    part.remove("data")
    part.write({"data": b"a file"})
    part.add("data")
    part.commit()
    assert part.status().is_clean
    part.remove("data")
    with part.open() as project:
        checkout_revision(project, ["data/a"], rev=first, force=False)
        checkout_revision(project, ["data/a"], rev=first, force=False)
    assert part.snapshot() == below("data/a")
    part.git("checkout", "-q", first, "--", "data.dvx")
    part.add("data")
    assert part.pointer("data").files == len(FILES)
