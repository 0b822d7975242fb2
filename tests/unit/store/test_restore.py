"""store.restore: files appear whole and right, or not at all."""

import os
import threading

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError, FormatError, LocalDiskError, PathRefused
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.formats.layout import pack_key
from dvx.store.damage import DamagedPack
from dvx.store.files_to_write import FileToWrite
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.stores import add_directory, add_file, make_store, read_directory, read_file, restore

MIB = 1024 * 1024


def leftovers(folder):
    return [name for _, _, names in os.walk(folder) for name in names if name.startswith(TEMPORARY_PREFIX)]


@pytest.mark.parametrize("size", [0, 1, MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 17 * MIB])
def test_file_of_any_size_comes_back(tmp_path, local, size):
    data = os.urandom(size)
    placement = add_file(local, tmp_path, data)
    assert read_file(local, placement, tmp_path / "out") == data
    assert leftovers(tmp_path / "out") == []


def test_directory_with_files_at_window_ends_comes_back(tmp_path, local):
    files = {
        "1": bytes(8 * MIB),
        "2": os.urandom(9 * MIB),
        "3": b"",
        "4": bytes(16 * MIB),
        "5": b"small",
        "6": os.urandom(8 * MIB + 1),
    }
    placement = add_directory(local, tmp_path, files)
    assert read_directory(local, placement, tmp_path / "out") == files
    assert leftovers(tmp_path / "out") == []


def test_files_come_with_mode_and_links_and_over_what_was_there(tmp_path, local):
    whole = b"#!" + b"target"
    placement = add_directory(local, tmp_path, {"a": b"#!", "b": b"target"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").write_bytes(b"a file before")
    files = [
        FileToWrite("tool", "executable", 2, hash_bytes(b"#!"), 0),
        FileToWrite("link", "symlink", 6, hash_bytes(b"target"), 2),
        FileToWrite("sub/empty", "file", 0, EMPTY_ID, len(whole)),
    ]
    assert restore(local, placement, files, tmp_path / "out") == ["tool", "link", "sub/empty"]
    assert os.access(tmp_path / "out/tool", os.X_OK)
    assert os.readlink(tmp_path / "out/link") == "target"
    assert (tmp_path / "out/sub/empty").read_bytes() == b""


@pytest.mark.parametrize("size", [5000, 20 * MIB])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.95])
def test_damaged_pack_is_named_and_the_old_file_stays(tmp_path, local, size, where):
    placement = add_file(local, tmp_path, os.urandom(size))
    (pack,) = placement.packs
    data = local.backend.get(pack_key(pack.name), max_bytes=10**9)
    local.backend.put(pack_key(pack.name), flip_bit(data, 44 + int(where * size)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").write_bytes(b"as it was")
    before = threading.active_count()
    with pytest.raises(DamagedPack) as caught:
        read_file(local, placement, tmp_path / "out")
    assert caught.value.pack == pack.name
    assert (tmp_path / "out/file").read_bytes() == b"as it was"
    assert leftovers(tmp_path / "out") == []
    assert threading.active_count() <= before


@pytest.mark.parametrize("size", [5000, 30 * MIB])
@pytest.mark.parametrize("where", [0.1, 0.95])
def test_damaged_pack_of_a_remote_is_named_and_the_old_file_stays(tmp_path, remote, size, where):
    placement = add_file(remote, tmp_path, os.urandom(size))
    (pack,) = placement.packs
    data = remote.backend.get(pack_key(pack.name), max_bytes=10**9)
    remote.backend.put(pack_key(pack.name), flip_bit(data, 44 + int(where * size)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").write_bytes(b"as it was")
    with pytest.raises(DamagedPack) as caught:
        read_file(remote, placement, tmp_path / "out")
    assert (caught.value.pack, caught.value.is_remote) == (pack.name, True)
    assert (tmp_path / "out/file").read_bytes() == b"as it was"
    assert leftovers(tmp_path / "out") == []


@pytest.mark.parametrize("content", [os.urandom(30 * MIB), b"0123456789abcdef" * (2 * MIB)])
@pytest.mark.parametrize("call", [1, 2])
def test_bit_that_flips_once_on_the_way_of_a_large_file_costs_a_second_look(tmp_path, index, content, call):
    inner = MemoryBackend()
    placement = add_file(make_store(tmp_path, index, backend=inner), tmp_path, content)
    faulty = FaultyBackend(inner, [Fault("get_range", call, Effect.FLIP_BIT)])
    store = make_store(tmp_path, index, backend=faulty, is_remote=True)
    assert read_file(store, placement, tmp_path / "out") == content
    assert leftovers(tmp_path / "out") == []


@pytest.mark.parametrize("size", [5000, 30 * MIB])
@pytest.mark.parametrize("is_remote", [False, True])
def test_record_of_other_content_is_refused(tmp_path, index, size, is_remote):
    store = make_store(tmp_path, index, is_remote=is_remote)
    placement = add_file(store, tmp_path, os.urandom(size))
    wrong = [FileToWrite("file", "file", size, hash_bytes(b"something else"), 0)]
    with pytest.raises(DamagedPack) as caught:
        restore(store, placement, wrong, tmp_path / "out")
    assert caught.value.pack == b""
    assert os.listdir(tmp_path / "out") == []


def test_file_beyond_the_end_of_its_root_is_a_format_error(tmp_path, local):
    placement = add_file(local, tmp_path, b"x" * 100)
    with pytest.raises(FormatError):
        restore(local, placement, [FileToWrite("f", "file", 100, placement.root, 50)], tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("path", ["../out", "/etc/x", ".git/config", "a/../../b"])
def test_path_that_leads_out_is_refused(tmp_path, local, path):
    placement = add_file(local, tmp_path, b"x" * 100)
    with pytest.raises(PathRefused):
        restore(local, placement, [FileToWrite(path, "file", 100, placement.root, 0)], tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("target", [b"../../etc", b"/etc", b"\xff\xfe"])
def test_link_that_leads_out_or_is_no_text_is_refused(tmp_path, local, target):
    placement = add_file(local, tmp_path, target)
    link = [FileToWrite("link", "symlink", len(target), hash_bytes(target), 0)]
    with pytest.raises((PathRefused, FormatError)):
        restore(local, placement, link, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("call", [1, 2, 4])
def test_store_that_fails_in_the_middle_leaves_no_temporary_file(tmp_path, index, call):
    inner = MemoryBackend()
    files = {name: os.urandom(10 * MIB) for name in "abc"}
    placement = add_directory(make_store(tmp_path, index, backend=inner), tmp_path, files)
    faulty = FaultyBackend(inner, [Fault("get_range", call, Effect.REFUSAL)])
    store = make_store(tmp_path, index, backend=faulty)
    with pytest.raises(BackendError, match="injected"):
        read_directory(store, placement, tmp_path / "out")
    assert leftovers(tmp_path) == []
    assert read_directory(store, placement, tmp_path / "out") == files


def test_folder_in_the_place_of_a_file_is_a_disk_error(tmp_path, local):
    placement = add_file(local, tmp_path, b"x" * 100)
    (tmp_path / "out/file/inside").mkdir(parents=True)
    with pytest.raises(LocalDiskError):
        read_file(local, placement, tmp_path / "out")
    assert leftovers(tmp_path / "out") == []
