"""store.byte_range: any stretch of a stream, from as few chunks as have it, each verified."""

import os

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.formats.layout import pack_key
from dvx.store.byte_range import packs_of_range, read_bytes
from dvx.store.damage import DamagedPack
from dvx.testing.faults import flip_bit
from dvx.testing.stores import add_file, make_store

MIB = 1024 * 1024


def read(store, placement, start, end):
    pieces = read_bytes(store, placement.runs, file_start=0, file_end=placement.size, start=start, end=end)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 1000, 3 * MIB, 20 * MIB + 7])
def test_any_stretch_is_the_bytes_of_the_file(tmp_path, local, size):
    data = os.urandom(size)
    placement = add_file(local, tmp_path, data)
    stretches = [(0, size), (0, 1), (size - 1, size), (size // 3, size // 2), (size // 2, size), (0, 0)]
    for start, end in stretches:
        assert read(local, placement, start, end) == data[start:end]


class CountingBackend(MemoryBackend):
    """Counts the bytes that are read in ranges."""

    read_bytes = 0

    def get_range(self, key, offset, length):
        """Count, then answer."""
        self.read_bytes += length
        return super().get_range(key, offset, length)


def test_short_stretch_of_a_large_file_reads_few_bytes(tmp_path, index):
    backend = CountingBackend()
    store = make_store(tmp_path, index, backend=backend)
    data = os.urandom(32 * MIB)
    placement = add_file(store, tmp_path, data)
    backend.read_bytes = 0
    assert read(store, placement, 20 * MIB, 20 * MIB + 10) == data[20 * MIB : 20 * MIB + 10]
    assert 0 < backend.read_bytes < 2 * MIB


def test_damaged_chunk_is_never_handed_out(tmp_path, index):
    backend = MemoryBackend()
    store = make_store(tmp_path, index, backend=backend)
    data = os.urandom(3 * MIB)
    placement = add_file(store, tmp_path, data)
    pack = placement.packs[0]
    key = pack_key(pack.name)
    body = backend.get(key, max_bytes=1 << 30)
    backend.delete(key)
    backend.put(key, flip_bit(body, len(body) // 2))
    with pytest.raises(DamagedPack):
        read(store, placement, 0, 3 * MIB)
    assert read(store, placement, 0, 10) == data[:10]


def test_packs_of_a_range_are_those_that_have_its_bytes(tmp_path, local):
    first = add_file(local, tmp_path, os.urandom(MIB))
    second = add_file(local, tmp_path, os.urandom(MIB))
    runs = (*first.runs, *second.runs)
    one, two = runs[0].pack, runs[-1].pack
    assert packs_of_range(runs, 0, MIB) == [one]
    assert packs_of_range(runs, MIB, MIB + 1) == [two]
    assert packs_of_range(runs, MIB - 1, MIB + 1) == [one, two]
    assert packs_of_range(runs, 5, 5) == []
