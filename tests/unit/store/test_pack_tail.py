"""store.pack_tail: where a record is at hand, the index of a pack takes one request whatever its length."""

import pytest

from dvx.formats.layout import pack_key
from dvx.formats.pack import INDEX_ENTRY_BYTES, TRAILER_BYTES
from dvx.formats.placement import PackRef, Placement, Run
from dvx.store.pack_tail import read_tail_index, tail_lengths
from dvx.testing.stores import add_directory

MIB = 1024 * 1024
A, B, PAGES = (bytes([number]) * 16 for number in (1, 2, 3))


def placement(*runs, sizes):
    packs = tuple(PackRef(name, size) for name, size in sizes.items())
    return Placement(bytes(32), "directory", sum(run.plain for run in runs), packs, (PAGES,), tuple(runs))


class CountingBackend:
    def __init__(self, backend):
        self.backend = backend
        self.requests = 0

    def __getattr__(self, name):
        self.requests += 1
        return getattr(self.backend, name)


def test_length_is_what_lies_behind_the_last_run_of_each_data_pack_in_stream_order():
    runs = [Run(B, 32, 5000, 5, 5000), Run(A, 32, 600, 6, 500), Run(B, 5032, 400, 2, 400)]
    record = placement(*runs, sizes={A: 1000, B: 6000, PAGES: 300})
    assert tail_lengths(record) == {B: 6000 - 5432, A: 1000 - 632}
    assert list(tail_lengths(record)) == [B, A]


@pytest.mark.parametrize(("chunks", "wanted"), [(1, 96 * 1024), (10_000, 480_064)])
def test_length_of_a_pack_that_is_needed_in_part_is_bounded_by_its_chunks(chunks, wanted):
    record = placement(Run(A, 32, 12 * chunks, chunks, 0), sizes={A: 60 * MIB, PAGES: 300})
    assert tail_lengths(record) == {A: wanted}


def test_index_of_a_pack_of_many_small_files_takes_one_request(tmp_path, local):
    record = add_directory(local, tmp_path, {f"{number:05}": b"%d" % number for number in range(3000)})
    (name,) = tail_lengths(record)
    length = tail_lengths(record)[name]
    assert length == 3000 * INDEX_ENTRY_BYTES + TRAILER_BYTES
    backend = CountingBackend(local.backend)
    index = read_tail_index(backend, name, tail_bytes=length)
    assert backend.requests == 1
    assert index == local.pack_index(name)
    assert index.size == local.backend.stat(pack_key(name)).size
    backend = CountingBackend(local.backend)
    assert read_tail_index(backend, name) == index
    assert backend.requests == 2
