"""store.arrivals: packs that are read while they arrive, and become part of the store only when verified."""

import os
import time
from itertools import pairwise

import pytest

from dvx.backends.backend import ObjectNotFound, TransientBackendError
from dvx.backends.memory import MemoryBackend
from dvx.formats.layout import pack_key
from dvx.store.arrivals import ArrivingStore
from dvx.store.arriving_pack import PIECE_BYTES, ArrivingPack, plan_pieces
from dvx.store.chunk_reader import plan_ranges, read_verified
from dvx.store.damage import DamagedPack
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.shell import HANG_S
from dvx.testing.stores import add_file, make_store, open_index

SIZE = 3 * 1024 * 1024


@pytest.fixture(params=["near", "far"])
def remote(request, tmp_path):
    """A remote store with one pack, whose index the reader does not know; a near one is copied without pieces."""
    with open_index(tmp_path / "author") as other:
        backend = MemoryBackend()
        backend.is_local = request.param == "near"
        author = make_store(tmp_path, other, backend=backend)
        placement = add_file(author, tmp_path, os.urandom(SIZE), compress=False)
        yield backend, placement


def open_arriving(remote, local, tmp_path, *, backend=None):
    place, placement = remote
    source = make_store(tmp_path, local.index, backend=backend or place, is_remote=True)
    packs = {pack.name: pack.size for pack in placement.packs}
    return ArrivingStore(source, local, packs, jobs=2)


def read_first_frames(store, name, count):
    entries = store.pack_index(name).entries[:count]
    for group in plan_ranges(entries):
        read_verified(store, name, group)


def packs_of(store):
    return [item.key for item in store.backend.list("packs/")]


def debris(store):
    return os.listdir(store.temporary_folder)


def test_pack_that_was_read_completely_is_in_the_store_byte_for_byte(tmp_path, remote, local):
    backend, placement = remote
    name = placement.packs[0].name
    with open_arriving(remote, local, tmp_path) as store:
        read_first_frames(store, name, None)
        store.finish(jobs=2)
        # Read again after it moved: it is in the local store now.
        read_first_frames(store, name, 1)
    key = pack_key(name)
    assert local.backend.get(key, max_bytes=10**8) == backend.get(key, max_bytes=10**8)
    assert local.index.held_packs(local.id, [name]) == {name}
    assert debris(local) == []


def test_pack_that_was_read_in_part_is_no_part_of_the_store_until_the_rest_is_verified(
    tmp_path, remote, local
):
    name = remote[1].packs[0].name
    with open_arriving(remote, local, tmp_path) as store:
        read_first_frames(store, name, 5)
        assert packs_of(local) == []
        assert local.index.held_packs(local.id, [name]) == set()
        store.finish(jobs=2)
        assert packs_of(local) == [pack_key(name)]
    assert debris(local) == []


def test_packs_that_the_reader_passed_become_part_of_the_store_without_finish(tmp_path, local):
    with open_index(tmp_path / "author") as other:
        backend = MemoryBackend()
        author = make_store(tmp_path, other, backend=backend)
        packs = {}
        for _ in range(8):
            pack = add_file(author, tmp_path, os.urandom(SIZE), compress=False).packs[0]
            packs[pack.name] = pack.size
    source = make_store(tmp_path, local.index, backend=backend, is_remote=True)
    with ArrivingStore(source, local, packs, jobs=2) as store:
        for name in packs:
            read_first_frames(store, name, 5)
        deadline_s = time.monotonic() + HANG_S
        while len(packs_of(local)) < 3 and time.monotonic() < deadline_s:
            time.sleep(0.01)
        # The last four, and the one that is being read, are still in the reader's hands.
        assert set(packs_of(local)) == {pack_key(name) for name in list(packs)[:3]}
    assert debris(local) == []


def test_leaving_without_finish_removes_what_was_not_verified(tmp_path, remote, local):
    name = remote[1].packs[0].name
    with open_arriving(remote, local, tmp_path) as store:
        read_first_frames(store, name, 5)
    assert packs_of(local) == []
    assert local.index.held_packs(local.id, [name]) == set()
    assert debris(local) == []


@pytest.mark.parametrize("position", [0, 12, 33, 40, SIZE // 2, -100, -64, -20, -1])
def test_pack_with_any_flipped_bit_is_never_part_of_the_store(tmp_path, remote, local, position):
    backend, placement = remote
    name = placement.packs[0].name
    data = backend.get(pack_key(name), max_bytes=10**8)
    backend.put(pack_key(name), flip_bit(data, position % len(data)))
    with (
        pytest.raises(DamagedPack) as caught,
        open_arriving(remote, local, tmp_path) as store,
    ):
        store.finish(jobs=2)
    assert (caught.value.pack, caught.value.is_remote) == (name, True)
    assert packs_of(local) == []
    assert local.index.held_packs(local.id, [name]) == set()
    assert debris(local) == []


def test_damage_found_by_the_reader_keeps_the_pack_out_as_well(tmp_path, remote, local):
    backend, placement = remote
    name = placement.packs[0].name
    data = backend.get(pack_key(name), max_bytes=10**8)
    backend.put(pack_key(name), flip_bit(data, 50_000))
    with open_arriving(remote, local, tmp_path) as store:
        with pytest.raises(DamagedPack):
            read_first_frames(store, name, 5)
        with pytest.raises(DamagedPack):
            store.finish(jobs=2)
    assert packs_of(local) == []


def test_pack_that_is_gone_is_named_by_whoever_reads_it(tmp_path, remote, local):
    backend, placement = remote
    name = placement.packs[0].name
    backend.delete(pack_key(name))
    with open_arriving(remote, local, tmp_path) as store, pytest.raises(ObjectNotFound, match=name.hex()):
        store.pack_index(name)
    assert debris(local) == []


def test_failing_piece_fails_the_reader_and_leaves_nothing(tmp_path, remote, local):
    backend = FaultyBackend(
        remote[0], [Fault("download_range", 1, Effect.ERROR, times=9), Fault("download", 1, Effect.ERROR)]
    )

    with (
        pytest.raises(TransientBackendError),
        open_arriving(remote, local, tmp_path, backend=backend) as store,
    ):
        store.finish(jobs=2)
    assert packs_of(local) == []
    assert debris(local) == []


@pytest.mark.parametrize("size", [97, PIECE_BYTES, PIECE_BYTES + 1, 64 * 1024 * 1024, 10 * PIECE_BYTES])
def test_pieces_cover_the_pack_once_with_its_end_first(size):
    pieces = plan_pieces(size)
    assert pieces[0][1] == size
    covered = sorted(pieces)
    assert covered[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(covered))
    assert max(end - start for start, end in pieces) <= PIECE_BYTES


def test_pack_that_is_completed_and_moved_while_finish_looks_at_it_is_no_failure(
    tmp_path, remote, local, monkeypatch
):
    """What the background verifies may seal a pack between two looks of `finish` at it."""
    name = remote[1].packs[0].name
    unverified = ArrivingPack.unverified
    with open_arriving(remote, local, tmp_path) as store:

        def sealed_behind_it(pack):
            rest = unverified(pack)
            monkeypatch.undo()
            read_first_frames(store, name, None)
            store._sealed[name].result()
            return rest

        monkeypatch.setattr(ArrivingPack, "unverified", sealed_behind_it)
        store.finish(jobs=2)
    assert local.index.held_packs(local.id, [name]) == {name}
    assert debris(local) == []
