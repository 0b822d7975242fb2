"""store.store: markers, records, and asking for packs."""

import os
from dataclasses import replace

import pytest

from dvx.backends.backend import ObjectNotFound
from dvx.backends.memory import MemoryBackend
from dvx.core.errors import DataMissing, FormatError, UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.formats.layout import MARKER_KEY, pack_key, record_key, root_prefix
from dvx.formats.placement import format_placement
from dvx.store.damage import DamagedPack
from dvx.store.store import open_store
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.stores import add_directory, add_file, make_store, open_index

SMALL = b"content " * 100


def put_back(store, key, data):
    store.backend.delete(key)
    store.backend.put(key, data)


def content_of(store, key):
    return store.backend.get(key, max_bytes=10**9)


def test_open_store_twice_finds_the_same_store(tmp_path, index):
    backend = MemoryBackend()
    first = make_store(tmp_path, index, backend=backend)
    assert make_store(tmp_path, index, backend=backend).id == first.id


def test_open_store_without_marker_is_an_empty_remote(tmp_path, index):
    with pytest.raises(DataMissing) as caught:
        open_store(MemoryBackend(), index, temporary_folder=str(tmp_path), create=False)
    assert caught.value.kind == "empty-remote"


def test_open_store_that_was_there_before_and_is_empty_has_vanished(tmp_path, index):
    backend = MemoryBackend("place")
    make_store(tmp_path, index, backend=backend, is_remote=True)
    backend.delete(MARKER_KEY)
    with pytest.raises(DataMissing) as caught:
        make_store(tmp_path, index, backend=backend, is_remote=True)
    assert caught.value.kind == "store-vanished"


def test_open_store_of_a_newer_layout_is_refused(tmp_path, index):
    backend = MemoryBackend()
    backend.put(MARKER_KEY, b'{"dvx":"store","version":99,"store_id":"00"}')
    with pytest.raises(UnsupportedVersion):
        make_store(tmp_path, index, backend=backend)


class LyingBackend(MemoryBackend):
    """A bit of the next `lies` answers about keys that start with `about` differs."""

    def __init__(self, *, lies, about=MARKER_KEY):
        super().__init__("place")
        self.lies = lies
        self.about = about

    def get(self, key, *, max_bytes):
        data = super().get(key, max_bytes=max_bytes)
        if key.startswith(self.about) and self.lies:
            self.lies -= 1
            return flip_bit(data, len(data) - 4)
        return data


def test_open_store_reads_a_marker_again_that_was_damaged_on_its_way(tmp_path, index):
    backend = LyingBackend(lies=0)
    first = make_store(tmp_path, index, backend=backend, is_remote=True)
    backend.lies = 1
    assert make_store(tmp_path, index, backend=backend, is_remote=True).id == first.id


def test_open_store_with_a_damaged_marker_says_where_it_is_and_what_to_do(tmp_path, index):
    backend = LyingBackend(lies=0)
    make_store(tmp_path, index, backend=backend, is_remote=True)
    backend.lies = 2
    with pytest.raises(FormatError) as caught:
        make_store(tmp_path, index, backend=backend, is_remote=True)
    assert caught.value.kind == "bad-store"
    assert "`dvx-store.json` in `place` is damaged" in caught.value.what
    assert caught.value.affected == "nothing was read or written there"
    assert any("`dvx remote check`" in hint for hint in caught.value.hints)


@pytest.mark.parametrize("lies", [1, 2])
def test_record_that_was_damaged_on_its_way_is_read_again_once(tmp_path, index, lies):
    backend = LyingBackend(lies=0, about="roots/")
    placement = add_file(make_store(tmp_path, index, backend=backend), tmp_path, SMALL)
    with open_index(tmp_path / "other") as other:
        remote = make_store(tmp_path, other, backend=backend, is_remote=True)
        backend.lies = lies
        found = remote.complete_placements([placement.root], jobs=1)
        assert found == ({placement.root: placement} if lies == 1 else {})


def test_creating_a_marker_loses_to_another_creator(tmp_path, index):
    class LateBackend(MemoryBackend):
        """Somebody else's marker arrives between the look and the put."""

        def put(self, key, data, *, if_absent=False):
            if key == MARKER_KEY and self.stat(key) is None:
                other = make_store(tmp_path, index)
                super().put(key, content_of(other, MARKER_KEY))
            super().put(key, data, if_absent=if_absent)

    backend = LateBackend()
    store = make_store(tmp_path, index, backend=backend)
    assert make_store(tmp_path, index, backend=backend).id == store.id


def test_pack_index_is_read_from_the_pack_where_the_index_does_not_know_it(tmp_path, local):
    placement = add_file(local, tmp_path, os.urandom(3_000_000))
    (pack,) = placement.packs
    with open_index(tmp_path / "other") as other:
        fresh = make_store(tmp_path, other, backend=local.backend)
        assert fresh.pack_index(pack.name) == local.pack_index(pack.name)
        assert other.held_packs(fresh.id, [pack.name]) == {pack.name}


def test_pack_index_longer_than_the_first_read_is_read_whole(tmp_path, local):
    files = {f"{number:05d}": number.to_bytes(4, "big") for number in range(2500)}
    placement = add_directory(local, tmp_path, files)
    data = next(pack for pack in placement.packs if pack.name not in placement.pages)
    with open_index(tmp_path / "other") as other:
        fresh = make_store(tmp_path, other, backend=local.backend)
        assert len(fresh.pack_index(data.name).entries) == 2500


@pytest.mark.parametrize("position", [0, -1, -64, -100])
def test_pack_index_of_a_pack_with_damaged_ends_names_the_pack(tmp_path, local, position):
    placement = add_file(local, tmp_path, SMALL)
    name = placement.packs[0].name
    key = pack_key(name)
    data = content_of(local, key)
    put_back(local, key, flip_bit(data, position % len(data)))
    with open_index(tmp_path / "other") as other:
        fresh = make_store(tmp_path, other, backend=local.backend)
        with pytest.raises(DamagedPack) as caught:
            fresh.pack_index(name)
        assert (caught.value.pack, caught.value.is_remote) == (name, False)


def test_pack_index_of_a_pack_that_is_not_there(local):
    with pytest.raises(ObjectNotFound):
        local.pack_index(b"x" * 16)


def test_missing_packs_finds_absent_and_wrongly_sized_ones_and_forgets_them(tmp_path, local):
    one = add_file(local, tmp_path, b"one" * 100)
    two = add_file(local, tmp_path, b"two" * 100)
    three = add_file(local, tmp_path, b"three" * 100)
    local.backend.delete(pack_key(one.packs[0].name))
    key = pack_key(two.packs[0].name)
    put_back(local, key, content_of(local, key)[:-1])
    missing = local.missing_packs([one, two, three], jobs=2)
    assert missing == {one.packs[0].name, two.packs[0].name}
    assert local.index.held_packs(local.id, [p.packs[0].name for p in (one, two, three)]) == {
        three.packs[0].name
    }
    assert set(local.complete_placements([one.root, two.root, three.root], jobs=2)) == {three.root}


def test_missing_packs_of_many_lists_instead_of_asking_each(tmp_path, index):
    backend = FaultyBackend(MemoryBackend(), [])
    store = make_store(tmp_path, index, backend=backend)
    placements = [add_file(store, tmp_path, b"%d" % number * 50) for number in range(70)]
    backend.calls.clear()
    assert store.missing_packs(placements, jobs=4) == set()
    assert (backend.calls["stat"], backend.calls["list"]) == (0, 1)
    assert len(store.complete_placements([placement.root for placement in placements], jobs=4)) == 70


def test_damaged_foreign_and_too_large_records_are_passed_over(tmp_path, remote):
    placement = add_file(remote, tmp_path, SMALL)
    other = add_file(remote, tmp_path, b"other" * 50)
    remote.backend.put(record_key(placement.root, b"1" * 16), b"garbage")
    remote.backend.put(record_key(placement.root, b"2" * 16), format_placement(other))
    remote.backend.put(root_prefix(placement.root) + "not-a-record", b"")
    found = remote.placements([placement.root], jobs=2)
    assert found == {placement.root: [placement]}
    assert remote.placements([hash_bytes(b"unknown")], jobs=2) == {}


def test_record_larger_than_allowed_is_passed_over(tmp_path, remote, monkeypatch):
    placement = add_file(remote, tmp_path, SMALL)
    monkeypatch.setattr("dvx.store.store._MAX_RECORD_BYTES", 1000)
    remote.backend.put(record_key(placement.root, b"1" * 16), bytes(2000))
    assert remote.placements([placement.root], jobs=2) == {placement.root: [placement]}


def test_record_of_a_remote_is_read_once_and_again_if_its_copy_is_damaged(tmp_path, index):
    backend = FaultyBackend(MemoryBackend(), [])
    remote = make_store(tmp_path, index, backend=backend, is_remote=True)
    placement = add_file(remote, tmp_path, SMALL)
    backend.calls.clear()
    (name,) = remote.record_names([placement.root])[placement.root]
    assert remote.read_record(placement.root, name) == placement
    assert backend.calls["get"] == 0
    index.cache_record(remote.id, placement.root, name, b"damaged")
    assert remote.read_record(placement.root, name) == placement
    assert backend.calls["get"] == 1


def test_record_that_was_damaged_on_its_way_is_read_again(tmp_path, index, remote):
    placement = add_file(remote, tmp_path, SMALL)
    (name,) = remote.record_names([placement.root])[placement.root]
    (pack,), (run,) = placement.packs, placement.runs
    lost = b"\0" * 16
    wrong = replace(placement, packs=(replace(pack, name=lost),), runs=(replace(run, pack=lost),))
    index.cache_record(remote.id, placement.root, name, format_placement(wrong))
    assert remote.placements([placement.root], jobs=1) == {placement.root: [wrong]}
    assert remote.complete_placements([placement.root], jobs=1) == {placement.root: placement}
    assert remote.placements([placement.root], jobs=1) == {placement.root: [placement]}


def test_record_that_was_deleted_is_gone_although_it_was_read_before(tmp_path, remote):
    placement = add_file(remote, tmp_path, SMALL)
    for item in list(remote.backend.list(root_prefix(placement.root))):
        remote.backend.delete(item.key)
    assert remote.complete_placements([placement.root], jobs=2) == {}


def test_complete_placements_prefers_a_record_whose_packs_are_there(tmp_path, local, index):
    first = add_file(local, tmp_path, SMALL)
    index.drop_hold(local.id, [first.packs[0].name])
    second = add_file(local, tmp_path, SMALL)
    assert second.packs != first.packs
    local.backend.delete(pack_key(first.packs[0].name))
    assert local.complete_placements([first.root], jobs=2) == {first.root: second}


def test_store_with_garbage_collection_of_a_newer_version_is_not_confirmed(local):
    local.check_no_collection()
    local.backend.put("gc/0001/condemned", b"")
    with pytest.raises(UnsupportedVersion):
        local.check_no_collection()


def test_failed_upload_of_a_sealed_pack_leaves_nothing_behind(tmp_path, index):
    backend = FaultyBackend(MemoryBackend(), [Fault("put_file", 1, Effect.REFUSAL)])
    store = make_store(tmp_path, index, backend=backend)
    with pytest.raises(Exception, match="injected"):
        add_file(store, tmp_path, SMALL)
    assert os.listdir(store.temporary_folder) == []
    assert list(backend.list("packs/")) == []
    assert index.find_chunks(store.id, [hash_bytes(SMALL)]) == {}
