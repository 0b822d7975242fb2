"""store.ingest: order of outcomes, reuse, dedup, and the end after a failure."""

import os
import threading

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError, ChangedWhileReading
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.core.progress import NullReporter
from dvx.disk.reading import Source
from dvx.store.ingest import SMALL_FILE_BYTES, Ingester, Item
from dvx.store.root_layout import RootLayout
from dvx.store.runs import run_entries
from dvx.store.translate import RootData, make_placement
from dvx.testing.faults import Effect, Fault, FaultyBackend
from dvx.testing.stores import add_file, make_store, read_file

MIB = 1024 * 1024


def sources(tmp_path, contents):
    found = []
    for number, data in enumerate(contents):
        (tmp_path / f"s{number}").write_bytes(data)
        found.append(Source(str(tmp_path / f"s{number}"), f"s{number}", len(data)))
    return found


def ingest(store, items, *, jobs=2):
    with Ingester(store, jobs=jobs, compress=True, reporter=NullReporter()) as ingester:
        stored = list(ingester.ingest(items))
        ingester.finish()
        return stored, ingester.sink


def test_outcomes_come_in_the_order_of_items_whatever_their_size(tmp_path, local):
    sizes = [10, 3 * MIB, 0, SMALL_FILE_BYTES, SMALL_FILE_BYTES + 1, 5, 5 * MIB, 1]
    contents = [os.urandom(size) for size in sizes]
    layout = RootLayout()
    items = [Item(layout, number, source) for number, source in enumerate(sources(tmp_path, contents))]
    stored, sink = ingest(local, items)
    assert [each.token for each in stored] == list(range(len(sizes)))
    assert [each.id for each in stored] == [hash_bytes(data) for data in contents]
    assert stored[2].id == EMPTY_ID
    assert [each.stat.size for each in stored] == sizes
    assert sink.new_plain_bytes == sum(sizes)
    whole = b"".join(contents)
    data = RootData(hash_bytes(whole), "file", len(whole))
    placement = make_placement(local, data, runs=layout.runs.finish())
    assert read_file(local, placement, tmp_path / "out") == whole


def test_reused_runs_keep_their_place_in_the_stream(tmp_path, local):
    before = add_file(local, tmp_path, b"old" * 1000)
    layout = RootLayout()
    first, last = sources(tmp_path, [b"first", b"last"])
    stored, _ = ingest(
        local, [Item(layout, 1, first), Item(layout, 2, reuse=before.runs), Item(layout, 3, last)]
    )
    assert [(each.token, each.id is None) for each in stored] == [(1, False), (2, True), (3, False)]
    whole = b"first" + b"old" * 1000 + b"last"
    data = RootData(hash_bytes(whole), "file", len(whole))
    placement = make_placement(local, data, runs=layout.runs.finish())
    assert read_file(local, placement, tmp_path / "out") == whole


def test_equal_content_is_stored_once_within_one_run_and_in_the_next(tmp_path, local):
    data = os.urandom(3 * MIB)
    layout = RootLayout()
    items = [Item(layout, None, source) for source in sources(tmp_path, [data, data, data])]
    _, sink = ingest(local, items)
    assert (sink.new_plain_bytes, sink.packs) == (3 * MIB, 1)
    _, sink = ingest(local, [Item(RootLayout(), None, source) for source in sources(tmp_path, [data])])
    assert (sink.new_plain_bytes, sink.packs) == (0, 0)


def test_shattered_file_is_stored_again_rather_than_read_in_pieces(tmp_path, local):
    # Every second chunk of a scattered old version: reuse would cost a range for each.
    chunks = [os.urandom(40_000) for _ in range(600)]
    for number in range(0, 600, 20):
        ingest(
            local,
            [Item(RootLayout(), None, each) for each in sources(tmp_path, chunks[number : number + 20])],
        )
    layout = RootLayout()
    order = [chunks[(number * 37) % 600] for number in range(600)]
    _, _sink = ingest(local, [Item(layout, None, each) for each in sources(tmp_path, order)])
    assert layout.budget.refused_bytes > 0
    assert layout.budget.ranges <= 64 + 600 * 40_000 // MIB + 30
    whole = b"".join(order)
    placement = make_placement(
        local, RootData(hash_bytes(whole), "file", len(whole)), runs=layout.runs.finish()
    )
    for pack in placement.packs:
        ids = [entry.id for entry in local.pack_index(pack.name).entries]
        assert len(ids) == len(set(ids))
    assert read_file(local, placement, tmp_path / "out") == whole


def test_packs_end_at_their_target_size(tmp_path, local, monkeypatch):
    monkeypatch.setattr("dvx.store.pack_writer.TARGET_PACK_BYTES", MIB)
    placement = add_file(local, tmp_path, os.urandom(5 * MIB))
    assert len(placement.packs) >= 4
    assert all(pack.size < MIB + 300_000 for pack in placement.packs)
    assert sum(run.chunks for run in placement.runs) == sum(
        len(run_entries(run, local.pack_index(run.pack))) for run in placement.runs
    )
    assert len(placement.runs) == len(placement.packs)


def test_changed_file_stops_everything_and_leaves_no_temporary_file(tmp_path, local):
    small, large = sources(tmp_path, [b"x" * 100, os.urandom(40 * MIB)])
    before = threading.active_count()

    class Shrinking(NullReporter):
        """Cuts the large file off once its first part has been stored."""

        def advance(self, *, size_bytes=0, files=0):
            if size_bytes > 1000:
                os.truncate(large.path, 5 * MIB)

    items = [Item(RootLayout(), None, small), Item(RootLayout(), None, large)]
    ingester = Ingester(local, jobs=1, compress=True, reporter=Shrinking())
    with pytest.raises(ChangedWhileReading), ingester:
        list(ingester.ingest(items))
    assert os.listdir(local.temporary_folder) == []
    assert threading.active_count() <= before


@pytest.mark.parametrize("call", [1, 2, 3])
def test_store_that_refuses_a_pack_stops_everything_and_leaves_no_temporary_file(
    tmp_path, index, monkeypatch, call
):
    monkeypatch.setattr("dvx.store.pack_writer.TARGET_PACK_BYTES", MIB)
    backend = FaultyBackend(MemoryBackend(), [Fault("put_file", call, Effect.REFUSAL)])
    store = make_store(tmp_path, index, backend=backend)
    data = os.urandom(12 * MIB)
    before = threading.active_count()
    with pytest.raises(BackendError, match="injected"):
        add_file(store, tmp_path, data)
    assert os.listdir(store.temporary_folder) == []
    assert threading.active_count() <= before
    assert store.placements([hash_bytes(data)], jobs=1) == {}
    assert read_file(store, add_file(store, tmp_path, data), tmp_path / "out") == data


def test_items_that_raise_stop_the_ingest_and_leave_no_temporary_file(tmp_path, local):
    (each,) = sources(tmp_path, [os.urandom(2 * MIB)])

    def items():
        yield Item(RootLayout(), None, each)
        raise RuntimeError("the walk failed")

    with pytest.raises(RuntimeError, match="walk failed"):
        ingest(local, items())
    assert os.listdir(local.temporary_folder) == []


def test_ingest_with_one_worker_and_many_files(tmp_path, local):
    contents = [b"%d" % number for number in range(700)]
    stored, _ = ingest(
        local, [Item(RootLayout(), None, each) for each in sources(tmp_path, contents)], jobs=1
    )
    assert [each.id for each in stored] == [hash_bytes(data) for data in contents]
