"""store.pack_copy: checked before it gets its name."""

import os

import pytest

from dvx.backends.backend import ObjectNotFound
from dvx.backends.folder import FolderBackend
from dvx.backends.memory import MemoryBackend
from dvx.core.errors import DvxError
from dvx.formats.layout import pack_key
from dvx.store import pack_copy
from dvx.store.damage import DamagedPack
from dvx.store.pack_copy import copy_pack
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.stores import add_file, make_store, open_index


@pytest.fixture(params=["memory", "folder", "remote folder"])
def source(request, tmp_path, index):
    backend = MemoryBackend() if request.param == "memory" else FolderBackend(str(tmp_path / "folder"))
    return make_store(tmp_path, index, backend=backend, is_remote=request.param == "remote folder")


def stored(source, tmp_path):
    placement = add_file(source, tmp_path, os.urandom(50_000))
    return placement.packs[0].name


def test_copy_is_byte_for_byte_and_known_to_the_target(tmp_path, source, remote):
    name = stored(source, tmp_path)
    copy_pack(source, remote, name)
    key = pack_key(name)
    assert remote.backend.get(key, max_bytes=10**6) == source.backend.get(key, max_bytes=10**6)
    assert remote.index.held_packs(remote.id, [name]) == {name}
    assert source.backend.stat(key) is not None
    assert os.listdir(remote.temporary_folder) == []


def test_upload_of_a_pack_as_it_was_sealed_reads_its_index_from_nowhere(tmp_path, index, remote, monkeypatch):
    source = make_store(tmp_path, index, backend=FolderBackend(str(tmp_path / "folder")))
    name = stored(source, tmp_path)

    def read(path):
        raise AssertionError(f"the index of {path} was read")

    monkeypatch.setattr(pack_copy, "read_pack_index", read)
    copy_pack(source, remote, name)
    key = pack_key(name)
    assert remote.backend.get(key, max_bytes=10**6) == source.backend.get(key, max_bytes=10**6)
    assert remote.index.held_packs(remote.id, [name]) == {name}


@pytest.mark.parametrize("position", [0, 12, 40, 30_000, -100, -64, -20, -1])
def test_pack_with_any_flipped_bit_is_not_copied(tmp_path, source, remote, position):
    name = stored(source, tmp_path)
    data = source.backend.get(pack_key(name), max_bytes=10**6)
    source.backend.put(pack_key(name), flip_bit(data, position % len(data)))
    with pytest.raises(DamagedPack) as caught:
        copy_pack(source, remote, name)
    assert caught.value.pack == name
    assert list(remote.backend.list("packs/")) == []
    assert os.listdir(remote.temporary_folder) == []


def test_pack_whose_digest_is_not_known_is_checked_frame_by_frame(tmp_path, source):
    name = stored(source, tmp_path)
    with open_index(tmp_path / "other") as other:
        fresh = make_store(tmp_path, other, backend=source.backend)
        target = make_store(tmp_path, other)
        data = source.backend.get(pack_key(name), max_bytes=10**6)
        fresh.backend.put(pack_key(name), flip_bit(data, 30_000))
        with pytest.raises(DamagedPack):
            copy_pack(fresh, target, name)
        fresh.backend.put(pack_key(name), data)
        copy_pack(fresh, target, name)
        assert target.index.pack_digest(name) is not None


def test_pack_that_is_gone_is_not_found(tmp_path, source, remote):
    name = stored(source, tmp_path)
    source.backend.delete(pack_key(name))
    with pytest.raises(ObjectNotFound):
        copy_pack(source, remote, name)
    assert os.listdir(remote.temporary_folder) == []


@pytest.mark.parametrize("effect", [Effect.TRUNCATE, Effect.FLIP_BIT, Effect.REFUSAL])
def test_failing_download_leaves_no_file(tmp_path, index, remote, effect):
    backend = FaultyBackend(MemoryBackend(), [Fault("download", 1, effect)])
    source = make_store(tmp_path, index, backend=backend)
    name = stored(source, tmp_path)
    with pytest.raises(DvxError):
        copy_pack(source, remote, name)
    assert os.listdir(remote.temporary_folder) == []
    assert list(remote.backend.list("packs/")) == []
    copy_pack(source, remote, name)
    assert remote.backend.stat(pack_key(name)) is not None


def test_burned_name_is_not_used_again(tmp_path, source, remote):
    name = stored(source, tmp_path)
    remote.index.drop_hold(remote.id, [name])
    copy_pack(source, remote, name)
    (item,) = remote.backend.list("packs/")
    assert item.key != pack_key(name)
