"""store.chunk_reader: few requests, checked bytes."""

import os

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.formats.layout import pack_key
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry
from dvx.store.chunk_reader import (
    RANGE_GAP_BYTES,
    RANGE_TARGET_BYTES,
    decode_frames,
    plan_ranges,
    read_chunks,
    verify_frames,
)
from dvx.store.damage import DamagedPack
from dvx.store.index import Location
from dvx.testing.faults import FaultyBackend, flip_bit
from dvx.testing.stores import add_file, make_store

MIB = 1024 * 1024


def entry(offset, stored=100):
    return PackEntry(hash_bytes(b"%d" % offset), offset, stored, stored, 0)


def chunks_of(store, placement):
    return [
        Location(pack.name, each) for pack in placement.packs for each in store.pack_index(pack.name).entries
    ]


def test_near_frames_share_a_request_and_far_ones_do_not():
    end = 32 + FRAME_HEADER_BYTES + 100
    near, far = entry(end + RANGE_GAP_BYTES), entry(end + RANGE_GAP_BYTES + 1)
    assert list(plan_ranges([near, entry(32)])) == [[entry(32), near]]
    assert list(plan_ranges([far, entry(32)])) == [[entry(32)], [far]]


def test_ranges_stay_below_their_target_and_repeats_are_read_once():
    stored = 200_000
    entries = [entry(32 + number * (stored + FRAME_HEADER_BYTES), stored) for number in range(100)]
    groups = list(plan_ranges([*entries, *entries]))
    assert [each for group in groups for each in group] == entries
    assert all(group[-1].frame_end - group[0].offset <= RANGE_TARGET_BYTES for group in groups)
    assert list(plan_ranges([])) == []


def test_chunks_come_in_the_order_asked_for_with_few_requests(tmp_path, index):
    backend = FaultyBackend(MemoryBackend(), [])
    store = make_store(tmp_path, index, backend=backend)
    data = os.urandom(3 * MIB)
    locations = chunks_of(store, add_file(store, tmp_path, data))
    backend.calls.clear()
    assert b"".join(read_chunks(store, locations)) == data
    assert backend.calls["get_range"] == 1
    assert list(read_chunks(store, [locations[3], locations[0], locations[3]])) == [
        *read_chunks(store, [locations[3]]),
        *read_chunks(store, [locations[0]]),
        *read_chunks(store, [locations[3]]),
    ]
    assert list(read_chunks(store, [])) == []


@pytest.mark.parametrize("content", [b"text " * 3000, os.urandom(10_000)])
def test_any_flipped_bit_of_a_frame_names_the_pack(tmp_path, local, content):
    placement = add_file(local, tmp_path, content)
    (location,) = chunks_of(local, placement)
    key = pack_key(location.pack)
    good = local.backend.get(key, max_bytes=MIB)
    for position in range(32 + FRAME_HEADER_BYTES, location.entry.frame_end, 97):
        local.backend.put(key, flip_bit(good, position))
        with pytest.raises(DamagedPack) as caught:
            list(read_chunks(local, [location]))
        assert (caught.value.pack, caught.value.is_remote) == (location.pack, False)
        assert "dvx pull" in caught.value.hints[0]
    local.backend.put(key, good)
    assert list(read_chunks(local, [location])) == [content]


def test_damage_on_a_remote_says_push(tmp_path, remote):
    (location,) = chunks_of(remote, add_file(remote, tmp_path, os.urandom(5000)))
    key, entry = pack_key(location.pack), location.entry
    frame = remote.backend.get_range(key, entry.offset, entry.frame_end - entry.offset)
    damaged = memoryview(flip_bit(frame, FRAME_HEADER_BYTES + 5))
    with pytest.raises(DamagedPack) as caught:
        verify_frames(remote, location.pack, damaged, [entry])
    assert caught.value.is_remote
    assert "dvx push" in caught.value.hints[0]


def test_codec_of_a_newer_version_is_not_called_damage(local):
    newer = PackEntry(hash_bytes(b"x"), 32, 1, 1, 200)
    with pytest.raises(UnsupportedVersion):
        decode_frames(local, b"p" * 16, [(newer, memoryview(b"x"))])
