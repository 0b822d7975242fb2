"""ops.push, ops.fetch and ops.pull between clones and a folder remote."""

import os
import shutil
from contextlib import suppress

import pytest

from dvx.core.errors import BackendError, DataMissing, FormatError, IntegrityError
from dvx.ops.pull import pull
from dvx.ops.push import push
from dvx.ops.selection import select_targets
from dvx.testing.faults import Effect, Fault, FaultyBackend
from dvx.testing.workspace import clone_repo, make_repo, store_objects

MIB = 1024 * 1024


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


@pytest.fixture
def remote(tmp_path):
    return tmp_path / "remote"


def tree(seed=0, count=30):
    return {f"data/{i % 3}/{i:03d}": os.urandom(100 + i * 50) for i in range(count)}


def publish(work, files, *paths):
    work.write(files)
    work.add(*(paths or ["data"]))
    work.commit()
    return work.push()


def test_push_then_pull_in_a_fresh_clone_gives_the_same_workspace(work, tmp_path):
    files = tree() | {"data/empty": b"", "data/big": os.urandom(3 * MIB)}
    result = publish(work, files)
    assert (result.roots, result.present) == (1, 0)
    assert result.plain_bytes == sum(map(len, files.values()))
    clone = clone_repo(work, tmp_path / "clone")
    pulled = clone.pull()
    assert clone.snapshot() == files
    assert (pulled.fetched.roots, pulled.checkout.written) == (1, len(files))
    assert clone.status(with_remote=True).is_clean


def test_pull_without_store_gives_the_same_workspace_and_keeps_no_data(work, tmp_path):
    files = tree() | {"data/big": os.urandom(9 * MIB)}
    publish(work, files)
    clone = clone_repo(work, tmp_path / "clone")
    result = clone.pull(no_store=True)
    assert result.is_direct
    assert clone.snapshot() == files
    kept = sum(os.path.getsize(place) for place in store_objects(clone.path(".git/dvx/store")))
    assert kept < 20_000  # the listing alone


def test_second_push_moves_only_what_changed(work):
    content = bytearray(os.urandom(12 * MIB))
    first = publish(work, {"data/big": bytes(content), "data/other": os.urandom(MIB)})
    content[5 * MIB] ^= 255
    second = publish(work, {"data/big": bytes(content)})
    assert first.size_bytes > 13 * MIB
    assert second.size_bytes < MIB
    third = work.push()
    assert (third.roots, third.present, third.size_bytes) == (0, 1, 0)


def test_push_from_a_clone_without_the_data_names_it(work, tmp_path):
    publish(work, tree())
    shutil.rmtree(tmp_path / "remote")
    clone = clone_repo(work, tmp_path / "clone")
    with pytest.raises(DataMissing, match="`data`") as caught:
        clone.push()
    assert caught.value.kind == "nothing-to-push-from"


def test_pull_of_data_that_was_never_pushed_names_it_and_changes_nothing(work, tmp_path):
    work.write({"data/a": b"1"})
    work.add("data")
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    with pytest.raises(DataMissing):
        clone.pull()
    work.write({"x": b"1"})
    work.add("x")
    work.push("x")
    with pytest.raises(DataMissing, match="`data`"):
        clone.pull()
    with pytest.raises(DataMissing, match="`data`"):
        clone.pull(no_store=True)
    assert clone.snapshot() == {}


@pytest.mark.parametrize("kind", ["packs", "roots"])
def test_push_heals_a_remote_that_lost_one_kind_of_object(work, remote, tmp_path, kind):
    files = tree()
    publish(work, files)
    for place in store_objects(remote, [kind]):
        os.unlink(place)
    assert not work.status(with_remote=True).is_clean
    assert work.push().roots == 1
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files


def test_push_heals_a_remote_that_lost_everything_but_its_marker(work, remote, tmp_path):
    files = tree()
    publish(work, files)
    shutil.rmtree(remote / "packs")
    shutil.rmtree(remote / "roots")
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files


def test_push_heals_each_single_object_that_the_remote_lost(work, remote, tmp_path):
    files = tree()
    publish(work, files)
    publish(work, files | {"data/0/000": b"changed"})
    wanted = files | {"data/0/000": b"changed"}
    for number, place in enumerate(store_objects(remote)):
        os.unlink(place)
        work.push()
        clone = clone_repo(work, tmp_path / f"clone{number}")
        clone.pull()
        assert clone.snapshot() == wanted


def test_push_never_uses_the_name_of_a_lost_pack_again(work, remote):
    publish(work, tree())
    lost = {os.path.basename(place) for place in store_objects(remote, ["packs"])}
    shutil.rmtree(remote / "packs")
    work.push()
    assert not lost & {os.path.basename(place) for place in store_objects(remote, ["packs"])}


def test_push_of_two_versions_in_one_go_makes_both_reachable(work, tmp_path):
    work.write({"data/a": b"1" * 5000})
    work.add("data")
    old = work.commit()
    publish(work, {"data/a": b"2" * 5000})
    work.git("switch", "-q", "--detach", old)
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.git("switch", "-q", "--detach", old)
    clone.pull()
    assert clone.read("data/a") == b"1" * 5000


def test_push_to_a_second_remote_by_name(work, tmp_path):
    publish(work, {"data/a": b"1"})
    with open(work.path(".dvx/config.toml"), "a") as file:
        file.write(f'\n[remote.second]\nurl = "{tmp_path / "second"}"\n')
    work.push(remote="second")
    shutil.rmtree(tmp_path / "remote")
    work.git("commit", "-qam", "second remote")
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull("data/a", remote="second")
    assert clone.snapshot() == {"data/a": b"1"}
    clone.pull(remote="second")
    assert clone.snapshot() == {"data/a": b"1"}


def test_interrupted_push_leaves_the_remote_valid_and_the_next_one_finishes(work, tmp_path, monkeypatch):
    files = tree() | {"data/big": os.urandom(3 * MIB)}
    work.write(files)
    work.add("data")
    work.commit()
    for call in (1, 2, 3, 4):
        with work.open() as project:
            store = project.remote(None, create=True)
            store.backend = FaultyBackend(store.backend, [Fault("write", call, Effect.REFUSAL)])
            targets = [target.tracked for target in select_targets(project, [])]
            with suppress(BackendError):
                push(project, targets, remote_name=None)
        assert [name for name in work.state_files() if name.startswith("store/tmp/")] == []
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files


@pytest.mark.parametrize("effect", [Effect.FLIP_BIT, Effect.TRUNCATE, Effect.REFUSAL])
@pytest.mark.parametrize("operation", ["download", "get_range", "get_tail", "get"])
@pytest.mark.parametrize("no_store", [False, True])
def test_pull_over_a_failing_remote_never_writes_wrong_bytes(work, tmp_path, operation, effect, no_store):
    files = tree(count=9) | {"data/big": os.urandom(MIB // 2)}
    publish(work, files)
    clone = clone_repo(work, tmp_path / "clone")
    for call in (1, 2):
        with clone.open() as project:
            store = project.remote(None)
            store.backend = FaultyBackend(store.backend, [Fault(operation, call, effect)])
            try:
                pull(project, select_targets(project, []), remote_name=None, no_store=no_store, force=False)
            except (BackendError, IntegrityError, DataMissing, FormatError):
                continue
            finally:
                assert all(content == files[name] for name, content in clone.snapshot().items())
                assert [name for name in clone.state_files() if name.startswith("store/tmp/")] == []
    clone.pull(no_store=no_store)
    assert clone.snapshot() == files


def test_fetch_of_a_path_inside_a_directory_brings_only_its_data(work, tmp_path):
    files = {f"data/{name}": os.urandom(2 * MIB) for name in "abcdefgh"}
    publish(work, files)
    clone = clone_repo(work, tmp_path / "clone")
    result = clone.fetch("data/c")
    assert 2 * MIB <= result.size_bytes < 4 * MIB
    clone.checkout("data/c")
    assert clone.snapshot() == {"data/c": files["data/c"]}
    clone.checkout()
    with pytest.raises(DataMissing, match="`data`"):
        clone.checkout("data")
    assert clone.snapshot() == {"data/c": files["data/c"]}
    clone.pull("data/[ef]")
    assert clone.snapshot() == {f"data/{name}": files[f"data/{name}"] for name in "cef"}
    clone.pull()
    assert clone.snapshot() == files


def test_pull_of_an_empty_file_inside_a_directory_makes_it(work, tmp_path):
    publish(work, {"data/a": b"1", "data/empty": b"", "data/z": b"2"})
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull("data/empty")
    assert clone.snapshot() == {"data/empty": b""}


def test_pull_of_a_part_then_of_its_next_version_replaces_it(work, tmp_path):
    publish(work, {"data/a": b"1", "data/b": b"2"})
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull("data/a")
    publish(work, {"data/a": b"11"})
    clone.git("pull", "-q")
    clone.pull("data/a")
    assert clone.snapshot() == {"data/a": b"11"}


def test_pull_when_the_record_names_a_lost_pack_says_what_is_missing(work, remote, tmp_path):
    publish(work, tree())
    biggest = max(store_objects(remote, ["packs"]), key=os.path.getsize)
    os.unlink(biggest)
    clone = clone_repo(work, tmp_path / "clone")
    for no_store in (False, True):
        with pytest.raises(DataMissing, match="`data`") as caught:
            clone.pull(no_store=no_store)
        assert caught.value.kind == "not-on-remote"
    assert {content for content in clone.snapshot().values() if isinstance(content, bytes)} == set()


def test_pull_prefers_a_complete_record_to_one_that_names_a_lost_pack(work, remote, tmp_path):
    files = tree()
    publish(work, files)
    os.unlink(max(store_objects(remote, ["packs"]), key=os.path.getsize))
    work.push()
    assert len(store_objects(remote, ["roots"])) == 2
    for number, no_store in enumerate((False, True)):
        clone = clone_repo(work, tmp_path / f"clone{number}")
        clone.pull(no_store=no_store)
        assert clone.snapshot() == files


def test_pull_skips_records_that_are_damaged(work, remote, tmp_path):
    files = tree()
    publish(work, files)
    record = store_objects(remote, ["roots"])[0]
    with open(os.path.join(os.path.dirname(record), "0" * 32), "wb") as file:
        file.write(b"not a record")
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == files


def test_status_with_remote_tells_complete_incomplete_and_absent(work, remote):
    work.write({"a": b"1", "b": b"2"})
    work.add("a", "b")
    assert [status.remote for status in work.status(with_remote=True).paths] == ["absent", "absent"]
    work.push("a")
    assert [status.remote for status in work.status(with_remote=True).paths] == ["complete", "absent"]
    os.unlink(store_objects(remote, ["packs"])[0])
    assert [status.remote for status in work.status(with_remote=True).paths] == ["incomplete", "absent"]


def test_push_of_a_clone_that_pulled_without_store_sends_only_the_change(work, tmp_path):
    content = bytearray(os.urandom(6 * MIB))
    publish(work, {"data/big": bytes(content), "data/x": os.urandom(MIB)})
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull(no_store=True)
    content[3 * MIB] ^= 1
    clone.write({"data/big": bytes(content)})
    clone.add("data")
    clone.commit()
    assert clone.push().size_bytes < MIB
    work.git("pull", "-q", clone.root, "main")
    work.pull()
    assert work.read("data/big") == bytes(content)


def test_fetch_when_everything_is_here_asks_no_remote(work, remote):
    publish(work, tree())
    shutil.rmtree(remote)
    assert work.fetch().present == 1
    work.remove("data")
    work.checkout()
    assert len(work.snapshot()) == 30


def test_three_clones_pass_a_dataset_on_through_two_remotes(work, tmp_path):
    files = tree() | {"data/big": os.urandom(2 * MIB)}
    publish(work, files)
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    with open(clone.path(".dvx/config.toml"), "w") as file:
        file.write(f'[core]\nremote = "other"\n[remote.other]\nurl = "{tmp_path / "other"}"\n')
    clone.git("commit", "-qam", "other remote")
    clone.push()
    third = clone_repo(clone, tmp_path / "third")
    third.pull()
    assert third.snapshot() == files
