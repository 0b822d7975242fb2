"""store.waiting_packs: packs that are known before their chunks have rows."""

import sqlite3
from contextlib import closing

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackHeader, PackIndex
from dvx.store.index import ChunkIndex, Location

HERE, THERE = b"h" * 16, b"t" * 16
CHUNKS = 5


def chunk_id(number):
    return hash_bytes(b"%d" % number)


def name(number):
    return bytes([number]) * 16


def pack(number):
    offset, entries = 32, []
    for each in range(number * CHUNKS, (number + 1) * CHUNKS):
        entries.append(PackEntry(chunk_id(each), offset, 10, 10, 0))
        offset += FRAME_HEADER_BYTES + 10
    return PackIndex(PackHeader(1, 1), tuple(entries), offset + 48 * len(entries) + 64)


def count(path, table):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "i.db")


def add_packs(path, numbers):
    with closing(ChunkIndex(path)) as index:
        for number in numbers:
            index.add_pack(HERE, name(number), pack(number))


@pytest.mark.parametrize("packs", [1, 6, 7, 20])
def test_every_chunk_is_found_by_the_command_that_adds_the_packs(path, packs):
    with closing(ChunkIndex(path)) as index:
        for number in range(packs):
            index.add_pack(HERE, name(number), pack(number))
        ids = [chunk_id(number) for number in range(packs * CHUNKS + 3)]
        found = index.find_chunks(HERE, ids)
        assert found == {
            entry.id: Location(name(number), entry)
            for number in range(packs)
            for entry in pack(number).entries
        }
        assert index.find_chunks(THERE, ids) == {}


def test_rows_are_made_for_many_packs_at_once(path):
    with closing(ChunkIndex(path)) as index:
        for number in range(7):
            index.add_pack(HERE, name(number), pack(number))
            index.find_chunks(HERE, [chunk_id(1000)])
            assert count(path, "chunks") == (0 if number < 6 else 7 * CHUNKS)
        assert count(path, "waiting") == 0


def test_packs_of_an_earlier_command_get_rows_when_a_chunk_is_not_found(path):
    add_packs(path, range(3))
    with closing(ChunkIndex(path)) as index:
        assert count(path, "waiting") == 3
        assert index.find_chunks(HERE, [chunk_id(7)]) == {chunk_id(7): Location(name(1), pack(1).entries[2])}
    assert (count(path, "chunks"), count(path, "waiting")) == (3 * CHUNKS, 0)


def test_chunks_that_have_rows_are_found_without_making_others(path):
    add_packs(path, range(1))
    with closing(ChunkIndex(path)) as index:
        index.find_chunks(HERE, [chunk_id(0)])
    add_packs(path, range(1, 3))
    with closing(ChunkIndex(path)) as index:
        assert set(index.find_chunks(HERE, [chunk_id(0), chunk_id(1)])) == {chunk_id(0), chunk_id(1)}
    assert count(path, "waiting") == 2


def test_index_without_the_table_gets_it(path):
    add_packs(path, range(1))
    with closing(ChunkIndex(path)) as index:
        index.find_chunks(HERE, [chunk_id(0)])
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE waiting")
        database.commit()
    add_packs(path, range(1, 2))
    with closing(ChunkIndex(path)) as index:
        assert len(index.find_chunks(HERE, [chunk_id(number) for number in range(2 * CHUNKS)])) == 2 * CHUNKS


def test_waiting_pack_with_a_damaged_index_is_forgotten_and_the_others_are_found(path):
    add_packs(path, range(3))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE packs SET stored_index=x'1234' WHERE name=?", (name(1),))
        database.commit()
    with closing(ChunkIndex(path)) as index:
        found = index.find_chunks(HERE, [chunk_id(number) for number in range(3 * CHUNKS)])
        assert {location.pack for location in found.values()} == {name(0), name(2)}
        assert index.held_packs(HERE, [name(number) for number in range(3)]) == {name(0), name(2)}
        index.add_pack(HERE, name(1), pack(1))
        assert set(index.find_chunks(HERE, [chunk_id(CHUNKS)])) == {chunk_id(CHUNKS)}


def test_size_of_a_pack_is_known_without_its_entries(path):
    add_packs(path, range(1))
    with closing(ChunkIndex(path)) as index:
        assert index.pack_size(name(0)) == pack(0).size
        assert index.pack_size(name(1)) is None
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE packs SET stored_index=x'1234'")
        database.commit()
    with closing(ChunkIndex(path)) as index:
        assert index.pack_size(name(0)) is None
