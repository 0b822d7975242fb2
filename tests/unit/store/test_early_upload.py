"""store.early_upload: packs that go to another store while the first one still gets more."""

import os
import threading

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendUnreachable
from dvx.core.ids import hash_bytes
from dvx.core.progress import NullReporter
from dvx.formats.layout import pack_key
from dvx.store.early_upload import EarlyUploads, Uploaded
from dvx.store.pack_sink import PackSink
from dvx.testing.faults import Effect, Fault, FaultyBackend
from dvx.testing.shell import HANG_S
from dvx.testing.stores import add_file, copy_roots, make_store, open_index


@pytest.fixture
def index(tmp_path):
    with open_index(tmp_path) as index:
        yield index


@pytest.fixture
def local(tmp_path, index):
    return make_store(tmp_path / "local", index, backend=MemoryBackend())


@pytest.fixture
def remote(tmp_path, index):
    backend = FaultyBackend(MemoryBackend(), [])
    return make_store(tmp_path / "remote", index, backend=backend, is_remote=True)


def seal(store, *chunks, listener):
    """One pack of these chunks."""

    sink = PackSink(store, kind=1, on_sealed=listener)
    for chunk in chunks:
        sink.write(hash_bytes(chunk), 0, chunk, len(chunk))
    sink.finish()
    sink.close()


def test_sealed_pack_is_in_the_target_with_the_same_bytes_and_known_to_the_index(local, remote, index):
    packs = []
    uploads = EarlyUploads(local, lambda: remote, jobs=2)

    def listen(pack):
        packs.append(pack)
        uploads.take(pack)

    seal(local, os.urandom(5000), listener=listen)
    uploaded = uploads.finish(NullReporter())
    (pack,) = packs
    assert uploaded == Uploaded(pack.index.size, 1)
    key = pack_key(pack.name)
    assert remote.backend.get(key, max_bytes=10_000) == local.backend.get(key, max_bytes=10_000)
    assert index.held_packs(remote.id, [pack.name]) == {pack.name}
    assert list(remote.backend.list("roots/")) == []


def test_target_is_opened_once_and_only_for_a_pack(local, remote):
    opened = []

    def open_target():
        opened.append(1)
        return remote

    idle = EarlyUploads(local, open_target, jobs=2)
    assert idle.finish(NullReporter()) == Uploaded()
    assert opened == []
    uploads = EarlyUploads(local, open_target, jobs=4)
    for _ in range(5):
        seal(local, os.urandom(1000), listener=uploads.take)
    assert uploads.finish(NullReporter()).packs == 5
    assert opened == [1]


def test_pack_whose_chunks_the_target_has_is_left_to_the_push(tmp_path, local, remote):
    data = os.urandom(40_000)
    copy_roots(local, remote, [add_file(local, tmp_path, data)])
    puts = remote.backend.calls["put_file"]
    uploads = EarlyUploads(local, lambda: remote, jobs=2)
    seal(local, data[:10_000] + b"1", listener=uploads.take)
    assert uploads.finish(NullReporter()).packs == 1
    again = EarlyUploads(local, lambda: remote, jobs=2)
    seal(local, data[:10_000] + b"1", b"new", listener=again.take)
    assert again.finish(NullReporter()) == Uploaded()
    assert remote.backend.calls["put_file"] == puts + 1


def test_unreachable_target_ends_the_uploads_and_is_said_at_the_end(local, remote):
    remote.backend = FaultyBackend(MemoryBackend(), [Fault("put_file", 1, Effect.ERROR, times=100)])
    uploads = EarlyUploads(local, lambda: remote, jobs=1)
    for _ in range(4):
        seal(local, os.urandom(1000), listener=uploads.take)
    with pytest.raises(BackendUnreachable):
        uploads.finish(NullReporter())
    assert remote.backend.calls["put_file"] == 1


def test_other_failures_end_the_uploads_and_are_left_to_the_push(local, remote):
    remote.backend = FaultyBackend(MemoryBackend(), [Fault("put_file", 2, Effect.REFUSAL, times=100)])
    uploads = EarlyUploads(local, lambda: remote, jobs=1)
    for _ in range(4):
        seal(local, os.urandom(1000), listener=uploads.take)
    assert uploads.finish(NullReporter()).packs == 1
    assert remote.backend.calls["put_file"] == 2


def test_take_does_not_wait_for_the_target_to_open(local, remote):
    may_open = threading.Event()

    def open_target():
        assert may_open.wait(HANG_S)
        return remote

    uploads = EarlyUploads(local, open_target, jobs=2)
    for _ in range(3):
        seal(local, os.urandom(1000), listener=uploads.take)
    may_open.set()
    assert uploads.finish(NullReporter()).packs == 3


def test_stop_drops_what_waits_and_takes_no_more(local, remote):
    may_open, is_opening = threading.Event(), threading.Event()

    def open_target():
        is_opening.set()
        assert may_open.wait(HANG_S)
        return remote

    uploads = EarlyUploads(local, open_target, jobs=1)
    for _ in range(3):
        seal(local, os.urandom(1000), listener=uploads.take)
    assert is_opening.wait(HANG_S)
    uploads.stop(waits=False)
    may_open.set()
    uploads.stop(waits=True)
    seal(local, os.urandom(1000), listener=uploads.take)
    assert remote.backend.calls["put_file"] <= 1
