"""Damaged packs and lost caches: never wrong bytes, and a way back that needs no expert."""

import os
import shutil
import sqlite3
from contextlib import suppress

import pytest

from dvx.core.errors import DvxError, LocalDiskError
from dvx.formats.pack import HEADER_BYTES, INDEX_ENTRY_BYTES, TRAILER_BYTES
from dvx.ops.verify import Scope, verify
from dvx.store import learning
from dvx.store.damage import damaged_pack
from dvx.testing.faults import flip_bit
from dvx.testing.workspace import clone_repo, make_repo, store_objects

REGIONS = {
    "magic": 0,
    "header kind": 12,
    "header zeros": 24,
    "first frame header": HEADER_BYTES,
    "first frame": HEADER_BYTES + 40,
    "index": -TRAILER_BYTES - INDEX_ENTRY_BYTES + 5,
    "trailer position": -TRAILER_BYTES,
    "trailer digest": -30,
    "last byte": -1,
}
SECONDARY = ["first frame", "index", "trailer digest"]


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


@pytest.fixture
def files(work):
    files = {f"data/{i:02d}": os.urandom(2000) for i in range(20)}
    work.write(files)
    work.add("data")
    work.commit()
    work.push()
    return files


def damage(place, position):
    with open(place, "rb") as file:
        data = file.read()
    os.chmod(place, 0o644)
    with open(place, "wb") as file:
        file.write(flip_bit(data, position % len(data)))


def packs_by_size(root):
    """The pack of pages, then the pack of data."""
    return sorted(store_objects(root, ["packs"]), key=os.path.getsize)


def attempts(work, command, files, count=4):
    """Run a command until it succeeds; the workspace never has anything but the right bytes."""
    for _ in range(count):
        try:
            command()
        except DvxError:
            assert all(
                files[name] == content for name, content in work.snapshot().items() if content in files
            )
            assert set(work.snapshot()) <= set(files) | {"data"}
        else:
            return
    command()


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("which", ["pages", "data"])
def test_local_pack_with_a_flipped_bit_is_set_aside_and_the_next_pull_heals(work, files, region, which):
    place = packs_by_size(work.path(".git/dvx/store"))[which == "data"]
    damage(place, REGIONS[region])
    work.remove("data")
    attempts(work, work.pull, files)
    assert work.snapshot() == files


def test_two_commands_that_find_the_same_damage_both_set_it_aside(work, files):
    place = packs_by_size(work.path(".git/dvx/store"))[1]
    damage(place, REGIONS["first frame"])
    work.remove("data")
    with work.open() as first, work.open() as second:
        for project in (first, second):
            with pytest.raises(DvxError, match="is damaged"), project.setting_damage_aside():
                raise damaged_pack(project.local, bytes.fromhex(os.path.basename(place)))
    assert os.listdir(work.path(".git/dvx/store/damaged")) == [os.path.basename(place)]
    work.pull()
    assert work.snapshot() == files


@pytest.mark.parametrize("region", SECONDARY)
@pytest.mark.parametrize("which", ["pages", "data"])
def test_local_pack_damaged_and_index_lost_still_heals(work, files, region, which):
    damage(packs_by_size(work.path(".git/dvx/store"))[which == "data"], REGIONS[region])
    os.unlink(work.path(".git/dvx/index.db"))
    os.unlink(work.path(".git/dvx/stat.db"))
    work.remove("data")
    attempts(work, work.pull, files)
    assert work.snapshot() == files


@pytest.mark.parametrize("region", SECONDARY)
@pytest.mark.parametrize("which", ["pages", "data"])
def test_push_of_a_damaged_local_pack_sends_nothing_wrong_and_add_heals(work, files, tmp_path, region, which):
    damage(packs_by_size(work.path(".git/dvx/store"))[which == "data"], REGIONS[region])
    for place in store_objects(tmp_path / "remote"):
        os.unlink(place)
    with pytest.raises(DvxError, match="damaged"):
        work.push()
    work.add("data")
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files


@pytest.mark.parametrize("region", SECONDARY)
def test_add_over_a_damaged_listing_stores_it_again(work, files, region):
    damage(packs_by_size(work.path(".git/dvx/store"))[0], REGIONS[region])
    os.unlink(work.path(".git/dvx/index.db"))
    work.write({"data/00": b"edited"})
    work.add("data")
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files | {"data/00": b"edited"}


@pytest.mark.parametrize("region", [*SECONDARY, "header kind", "first frame header"])
@pytest.mark.parametrize("which", ["pages", "data"])
@pytest.mark.parametrize("no_store", [False, True])
def test_remote_pack_with_a_flipped_bit_never_reaches_a_workspace(
    work, files, tmp_path, region, which, no_store
):
    damage(packs_by_size(tmp_path / "remote")[which == "data"], REGIONS[region])
    clone = clone_repo(work, tmp_path / "clone")
    with suppress(DvxError):
        clone.pull(no_store=no_store)
    assert not os.path.exists(clone.path(".git/dvx/store/damaged"))
    for name, content in clone.snapshot().items():
        assert content == files.get(name, content)
    assert set(clone.snapshot()) <= {*files, "data"}
    assert [name for name in clone.state_files() if name.startswith("store/tmp/")] == []


@pytest.mark.parametrize("region", [*SECONDARY, "first frame header"])
@pytest.mark.parametrize("which", ["pages", "data"])
@pytest.mark.parametrize("no_store", [False, True])
def test_pull_gets_round_a_damaged_remote_pack_if_another_record_does_without_it(
    work, files, tmp_path, region, which, no_store
):
    remote = tmp_path / "remote"
    other = make_repo(tmp_path / "other", remote=tmp_path / "second")
    other.write(files)
    other.add("data")
    other.push()
    # The record that is found first is the one whose pack is damaged.
    first = min(
        (remote, tmp_path / "second"), key=lambda top: os.path.basename(store_objects(top, ["roots"])[0])
    )
    damage(packs_by_size(first)[which == "data"], REGIONS[region])
    for kind in ("packs", "roots"):
        shutil.copytree(tmp_path / "second" / kind, remote / kind, dirs_exist_ok=True)
    assert len(store_objects(remote, ["roots"])) == 2
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull(no_store=no_store)
    assert clone.snapshot() == files


def test_truncated_local_pack_counts_as_missing_and_is_fetched_again(work, files):
    place = packs_by_size(work.path(".git/dvx/store"))[1]
    os.chmod(place, 0o644)
    os.truncate(place, 1000)
    work.remove("data")
    work.pull()
    assert work.snapshot() == files


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 5000, b"SQLite format 3\0" + bytes(4080)])
def test_everything_works_with_a_lost_index(work, files, tmp_path, content):
    index = work.path(".git/dvx/index.db")
    os.unlink(index)
    if content is not None:
        work.write({".git/dvx/index.db": content})
    assert work.status(with_remote=True).is_clean
    work.write({"data/00": b"edited"})
    result = work.add("data")
    assert result.new_bytes < 200_000
    work.commit()
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files | {"data/00": b"edited"}


def test_index_made_by_a_command_that_needs_no_local_store_learns_its_packs_later(work, files, tmp_path):
    os.unlink(work.path(".git/dvx/index.db"))
    with work.open() as project:
        verify(project, Scope(workspace=False, remote=True))
    os.rename(tmp_path / "remote", tmp_path / "away")
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files


def test_learning_that_was_killed_in_the_middle_is_done_again(work, files, tmp_path, monkeypatch):
    os.unlink(work.path(".git/dvx/index.db"))
    with monkeypatch.context() as patch, work.open() as project:
        patch.setattr(learning, "_learn_pack", lambda store, name: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            print(project.local)
    os.rename(tmp_path / "remote", tmp_path / "away")
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files


def test_listing_that_another_clone_put_into_a_shared_store_is_found_without_the_remote(
    work, files, tmp_path
):
    shared = {"store.path": str(tmp_path / "shared")}
    author = work.with_overrides(shared)
    colleague = clone_repo(work, tmp_path / "colleague").with_overrides(shared)
    author.pull()
    colleague.checkout()
    author.write({"data/new": b"new"})
    author.add("data")
    author.commit()
    colleague.git("pull", "-q")
    os.rename(tmp_path / "remote", tmp_path / "away")
    colleague.checkout()
    assert colleague.snapshot() == {**files, "data/new": b"new"}


def test_index_with_damaged_pages_is_moved_aside_and_the_next_command_works(work, files):
    index = work.path(".git/dvx/index.db")
    size = os.path.getsize(index)
    with open(index, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    work.remove("data")
    with pytest.raises(LocalDiskError) as caught:
        work.checkout()
    assert caught.value.kind == "index-damaged"
    work.checkout()
    assert work.snapshot() == files


def test_index_with_damaged_rows_costs_only_time(work, files):
    database = sqlite3.connect(work.path(".git/dvx/index.db"))
    database.execute("UPDATE packs SET stored_index = x'00'")
    database.execute("UPDATE records SET body = x'00'")
    database.commit()
    database.close()
    assert work.status(with_remote=True).is_clean
    work.write({"data/00": b"edited"})
    work.add("data")
    work.push()
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files | {"data/00": b"edited"}


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 5000])
def test_everything_works_with_a_lost_stat_cache(work, files, content):
    os.unlink(work.path(".git/dvx/stat.db"))
    if content is not None:
        work.write({".git/dvx/stat.db": content})
    assert work.status().is_clean
    assert work.checkout().written == 0
    assert work.add("data").new_bytes == 0


def test_status_after_the_local_listing_was_lost_reads_it_from_the_remote(work, files):
    os.unlink(packs_by_size(work.path(".git/dvx/store"))[0])
    assert work.status().is_clean


def test_status_after_the_listing_was_lost_everywhere_is_unknown(work, files, tmp_path):
    os.unlink(packs_by_size(work.path(".git/dvx/store"))[0])
    os.unlink(packs_by_size(tmp_path / "remote")[0])
    assert [status.state for status in work.status().paths] == ["unknown"]
