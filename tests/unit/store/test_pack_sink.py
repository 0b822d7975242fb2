"""store.pack_sink: where chunks go, and what is left after a failure."""

import os

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError
from dvx.core.ids import hash_bytes
from dvx.formats.layout import pack_key
from dvx.store import pack_sink as pack_sink_module
from dvx.store.chunk_reader import read_chunks
from dvx.store.ingest_work import ChunkWork
from dvx.store.pack_sink import PackSink
from dvx.store.root_layout import RootLayout
from dvx.testing.faults import Effect, Fault, FaultyBackend
from dvx.testing.stores import make_store


def chunk(data, known=None):
    return ChunkWork(hash_bytes(data), memoryview(data), known, (0, data))


def fill(sink, packs):
    for _ in range(packs):
        data = os.urandom(11_000)
        sink.write(hash_bytes(data), 0, data, 11_000)
    sink.finish()


@pytest.fixture
def small_packs(monkeypatch):
    monkeypatch.setattr("dvx.store.pack_writer.TARGET_PACK_BYTES", 10_000)


def test_written_chunks_are_in_the_store_after_finish(local):
    sink = PackSink(local, kind=1)
    location = sink.write(hash_bytes(b"one"), 0, b"one", 3)
    assert local.index.find_chunks(local.id, [hash_bytes(b"one")]) == {}
    assert sink.locate(hash_bytes(b"one")) == location
    sink.finish()
    assert local.index.find_chunks(local.id, [hash_bytes(b"one")]) == {hash_bytes(b"one"): location}
    assert (sink.packs, sink.new_plain_bytes) == (1, 3)
    sink.close()
    assert list(read_chunks(local, [location])) == [b"one"]


def test_sink_without_chunks_makes_no_pack(local):
    sink = PackSink(local, kind=2)
    sink.finish()
    sink.close()
    assert (sink.packs, list(local.backend.list("packs/"))) == (0, [])


def test_close_without_finish_drops_the_open_pack(local):
    sink = PackSink(local, kind=1)
    sink.write(hash_bytes(b"one"), 0, b"one", 3)
    sink.close()
    assert os.listdir(local.temporary_folder) == []
    assert list(local.backend.list("packs/")) == []


def test_known_group_is_what_is_stored_side_by_side(local):
    sink = PackSink(local, kind=1)
    layout = RootLayout()
    chunks = [chunk(b"%d" % number) for number in range(4)]
    for each in chunks:
        sink.add_new(layout, each, None, 0)
    order = [chunks[0], chunks[1], chunks[3], chunk(b"new")]
    assert [len(sink.known_group(order, position)) for position in range(4)] == [2, 1, 1, 0]
    sink.close()


def test_store_again_does_not_put_a_chunk_into_one_pack_twice(local):
    sink = PackSink(local, kind=1)
    layout = RootLayout()
    sink.add_new(layout, chunk(b"here"), None, 0)
    sink.store_again(layout, [chunk(b"a"), chunk(b"here"), chunk(b"a")], None, 4)
    sink.finish()
    sink.close()
    (pack,) = {run.pack for run in layout.runs.finish()}
    assert [entry.id for entry in local.pack_index(pack).entries] == [hash_bytes(b"here"), hash_bytes(b"a")]


def test_many_packs_are_sealed_while_others_are_written(local, small_packs):
    sink = PackSink(local, kind=1)
    data = [os.urandom(6000) for _ in range(30)]
    locations = [sink.write(hash_bytes(each), 0, each, 6000) for each in data]
    sink.finish()
    sink.close()
    assert sink.packs == 15
    assert list(read_chunks(local, locations)) == data
    assert os.listdir(local.temporary_folder) == []


@pytest.mark.parametrize("call", [1, 3, 6])
def test_refused_pack_is_raised_and_no_file_is_left(tmp_path, index, small_packs, call):
    backend = FaultyBackend(MemoryBackend(), [Fault("put_file", call, Effect.REFUSAL)])
    store = make_store(tmp_path, index, backend=backend)
    sink = PackSink(store, kind=1)
    with pytest.raises(BackendError, match="injected"):
        fill(sink, 40)
    sink.close()
    assert os.listdir(store.temporary_folder) == []


@pytest.mark.parametrize("step", ["_write", "seal"])
def test_pack_that_cannot_be_finished_leaves_no_file(local, small_packs, monkeypatch, step):
    def full(writer, *buffers):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack_sink_module.PackWriter, step, full)
    sink = PackSink(local, kind=1)
    with pytest.raises(OSError, match="No space"):
        fill(sink, 3)
    sink.close()
    assert os.listdir(local.temporary_folder) == []


def test_failed_write_is_raised_before_much_more_is_accepted(local, monkeypatch):
    def full(writer, *buffers):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack_sink_module.PackWriter, "_write", full)
    sink = PackSink(local, kind=1)
    accepted: list[bytes] = []
    with pytest.raises(OSError, match="No space"):
        accepted.extend(
            sink.write(number.to_bytes(32, "big"), 0, bytes(200_000), 200_000).entry.id
            for number in range(1000)
        )
    sink.close()
    assert len(accepted) * 200_000 < 32 * 1024 * 1024
    assert os.listdir(local.temporary_folder) == []


def test_memory_is_free_when_the_write_of_a_flush_is_done(local):
    sink = PackSink(local, kind=1)
    memory = bytearray(b"first" * 1000)
    location = sink.write(hash_bytes(memory), 0, memoryview(memory), len(memory))
    written = sink.flush()
    assert written is not None
    written.result()
    memory[:] = bytes(len(memory))
    sink.finish()
    sink.close()
    assert list(read_chunks(local, [location])) == [b"first" * 1000]


def test_page_is_written_encoded(local):
    sink = PackSink(local, kind=2)
    page = b"line of text\n" * 500
    location = sink.write_page(hash_bytes(page), page)
    sink.finish()
    sink.close()
    assert location.entry.stored < 1000
    assert list(read_chunks(local, [location])) == [page]
    assert local.backend.stat(pack_key(location.pack)) is not None
    assert local.pack_index(location.pack).header.kind == 2
