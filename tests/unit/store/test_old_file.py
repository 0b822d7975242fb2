"""store.old_file: unchanged parts of a large file come from its earlier version in the workspace."""

import os
import random

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.layout import pack_key
from dvx.store.old_file import OldFile, Stretch, runs_of_file
from dvx.store.restore import FileToWrite
from dvx.testing.stores import add_directory, add_file, restore

MIB = 1024 * 1024


def edited(data, *, seed=5, edits=6):
    """Insert and remove a few bytes and replace some: the rest moves, but is the same."""
    chance = random.Random(seed)
    text = bytearray(data)
    for _ in range(edits):
        place = chance.randrange(len(text))
        text[place : place + chance.randrange(3000)] = chance.randbytes(chance.randrange(200_000))
    return bytes(text)


def open_old(tmp_path, local, placement, data, *, start=0):
    (tmp_path / "old").write_bytes(data)
    runs = runs_of_file(placement.runs, local.pack_index, start, len(data))
    return OldFile(os.open(tmp_path / "old", os.O_RDONLY), runs, local.pack_index)


def restore_with(tmp_path, local, placement, content, old):
    file = FileToWrite("file", "file", len(content), hash_bytes(content), 0)
    try:
        assert restore(local, placement, [file], tmp_path / "out", old_files={"file": old}) == ["file"]
    finally:
        old.close()
    return (tmp_path / "out/file").read_bytes()


@pytest.fixture
def versions(tmp_path, local):
    first = os.urandom(30 * MIB)
    second = edited(first)
    return first, add_file(local, tmp_path, first), second, add_file(local, tmp_path, second)


def count_reads(local, monkeypatch):
    read = []
    get_range = local.backend.get_range

    def counting(key, offset, length):
        read.append(length)
        return get_range(key, offset, length)

    monkeypatch.setattr(local.backend, "get_range", counting)
    return read


def test_shared_parts_are_not_read_from_the_store(tmp_path, local, versions, monkeypatch):
    first, before, second, after = versions
    old = open_old(tmp_path, local, before, first)
    read = count_reads(local, monkeypatch)
    assert restore_with(tmp_path, local, after, second, old) == second
    assert sum(read) < 8 * MIB


def test_old_version_written_to_in_between_is_found_out(tmp_path, local, versions):
    first, before, second, after = versions
    old = open_old(tmp_path, local, before, first)
    with open(tmp_path / "old", "r+b") as file:
        file.seek(len(first) // 2)
        file.write(b"somebody else's bytes")
    assert restore_with(tmp_path, local, after, second, old) == second


def test_old_version_cut_short_in_between_is_done_without(tmp_path, local, versions):
    first, before, second, after = versions
    old = open_old(tmp_path, local, before, first)
    os.truncate(tmp_path / "old", 3 * MIB)
    assert restore_with(tmp_path, local, after, second, old) == second


def test_old_version_inside_a_directory_starts_where_its_file_does(tmp_path, local, monkeypatch):
    inner, other = os.urandom(20 * MIB), os.urandom(3 * MIB)
    directory = add_directory(local, tmp_path, {"a": other, "b": inner, "c": other[::-1]})
    changed = edited(inner)
    after = add_file(local, tmp_path, changed)
    old = open_old(tmp_path, local, directory, inner, start=len(other))
    read = count_reads(local, monkeypatch)
    assert restore_with(tmp_path, local, after, changed, old) == changed
    assert sum(read) < 6 * MIB


def test_damaged_store_is_still_named_where_the_old_version_does_not_help(tmp_path, local, versions):
    first, before, second, after = versions
    old = open_old(tmp_path, local, before, first)
    for pack in {run.pack for run in after.runs} - {run.pack for run in before.runs}:
        data = bytearray(local.backend.get(pack_key(pack), max_bytes=10**9))
        data[60] ^= 1
        local.backend.put(pack_key(pack), bytes(data))
    with pytest.raises(Exception, match="damaged"):
        restore_with(tmp_path, local, after, second, old)
    assert not (tmp_path / "out/file").exists()


def test_stretches_join_what_lies_together(tmp_path, local):
    data = os.urandom(5 * MIB)
    placement = add_file(local, tmp_path, data)
    old = open_old(tmp_path, local, placement, data)
    (run,) = placement.runs
    index = local.pack_index(run.pack)
    chunks = [(run.pack, entry) for entry in index.entries]
    assert old.stretches(chunks) == [Stretch(len(chunks), len(data), 0)]
    unknown = [(b"\0" * 16, entry) for entry in index.entries[:2]]
    assert old.stretches(unknown + chunks[:1]) == [
        Stretch(2, sum(entry.plain for _, entry in unknown), None),
        Stretch(1, index.entries[0].plain, 0),
    ]
    old.close()
