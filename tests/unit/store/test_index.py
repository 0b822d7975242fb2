"""store.index: what is remembered, what is forgotten, and what happens to a bad file."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest

from dvx.core.errors import Busy, LocalDiskError
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackHeader, PackIndex
from dvx.store import index_file
from dvx.store.index import ChunkIndex, Location

HERE, THERE = b"h" * 16, b"t" * 16


def chunk_id(number, prefix=b""):
    return (prefix + number.to_bytes(4, "big") * 8)[:32]


def pack(*ids, size_of=10):
    offset, entries = 32, []
    for each in ids:
        entries.append(PackEntry(each, offset, size_of, size_of, 0))
        offset += FRAME_HEADER_BYTES + size_of
    return PackIndex(PackHeader(1, 1), tuple(entries), offset + 48 * len(entries) + 64)


def name(number):
    return bytes([number]) * 16


def test_find_chunks_names_pack_and_entry_for_the_store_that_holds_it(index):
    known = pack(chunk_id(1), chunk_id(2))
    index.add_pack(HERE, name(1), known)
    assert index.find_chunks(HERE, [chunk_id(2), chunk_id(3)]) == {
        chunk_id(2): Location(name(1), known.entries[1])
    }
    assert index.find_chunks(THERE, [chunk_id(2)]) == {}


def test_find_chunks_over_many_ids_finds_all(index):
    ids = [chunk_id(number) for number in range(1300)]
    index.add_pack(HERE, name(1), pack(*ids))
    assert set(index.find_chunks(HERE, ids)) == set(ids)


def test_find_chunks_with_equal_prefix_checks_the_whole_id(index):
    real, other = chunk_id(1, b"12345678"), chunk_id(2, b"12345678")
    index.add_pack(HERE, name(1), pack(real))
    assert index.find_chunks(HERE, [other]) == {}
    assert set(index.find_chunks(HERE, [real])) == {real}


def test_dropped_hold_is_no_longer_found_and_its_name_is_burned(index):
    index.add_pack(HERE, name(1), pack(chunk_id(1)))
    index.add_hold(THERE, [name(1)])
    index.drop_hold(THERE, [name(1)])
    assert index.held_packs(THERE, [name(1)]) == set()
    assert index.held_packs(HERE, [name(1)]) == {name(1)}
    assert (index.is_burned(THERE, name(1)), index.is_burned(HERE, name(1))) == (True, False)
    assert index.find_chunks(THERE, [chunk_id(1)]) == {}


def test_add_hold_of_an_unknown_pack_is_not_believed(index):
    index.add_hold(HERE, [name(9)])
    assert index.held_packs(HERE, [name(9)]) == set()
    assert not index.holds_any(HERE)


def test_index_survives_being_closed(tmp_path):
    first = ChunkIndex(str(tmp_path / "i.db"))
    known = pack(chunk_id(1))
    first.add_pack(HERE, name(1), known, digest=b"d" * 32)
    first.cache_record(HERE, chunk_id(5), name(2), b"body")
    first.know_store("place", HERE)
    first.close()
    second = ChunkIndex(str(tmp_path / "i.db"))
    assert second.pack_index(name(1)) == known
    assert second.pack_digest(name(1)) == b"d" * 32
    assert list(second.cached_records(HERE, [chunk_id(5)])) == [(chunk_id(5), name(2), b"body")]
    assert list(second.cached_records(HERE, [chunk_id(6)])) == []
    assert second.known_store("place") == HERE
    second.know_store("place", None)
    assert second.known_store("place") is None
    second.close()


@pytest.mark.parametrize("content", [b"not a database" * 500, b"SQLite format 3\0" + b"\xff" * 4080])
def test_garbage_is_moved_aside_and_begun_anew(tmp_path, content):
    path = tmp_path / "i.db"
    path.write_bytes(content)
    found = ChunkIndex(str(path))
    found.add_pack(HERE, name(1), pack(chunk_id(1)))
    found.close()
    assert (tmp_path / "i.db.damaged").read_bytes() == content


def test_file_of_another_schema_is_moved_aside(tmp_path):
    database = sqlite3.connect(tmp_path / "i.db")
    database.execute("PRAGMA user_version=999")
    database.close()
    with closing(ChunkIndex(str(tmp_path / "i.db"))) as found:
        assert found.held_packs(HERE, [name(1)]) == set()
    with closing(sqlite3.connect(tmp_path / "i.db.damaged")) as aside:
        assert aside.execute("PRAGMA user_version").fetchone() == (999,)


def test_journal_of_a_damaged_file_is_not_played_into_the_new_one(tmp_path):
    (tmp_path / "i.db").write_bytes(b"garbage" * 1000)
    (tmp_path / "i.db-journal").write_bytes(b"garbage" * 100)
    ChunkIndex(str(tmp_path / "i.db")).close()
    assert not (tmp_path / "i.db-journal").exists() or (tmp_path / "i.db-journal").stat().st_size == 0


def test_table_that_is_missing_counts_as_damage(tmp_path, index):
    database = sqlite3.connect(index.path)
    database.execute("DROP TABLE holds")
    database.commit()
    database.close()
    with pytest.raises(LocalDiskError) as caught:
        index.held_packs(HERE, [name(1)])
    assert caught.value.kind == "index-damaged"
    assert os.path.exists(index.path + ".damaged")
    fresh = ChunkIndex(index.path)
    assert fresh.held_packs(HERE, [name(1)]) == set()
    fresh.close()


def test_damaged_row_is_forgotten(tmp_path, index):
    index.add_pack(HERE, name(1), pack(chunk_id(1)))
    database = sqlite3.connect(index.path)
    database.execute("UPDATE packs SET stored_index=x'1234'")
    database.commit()
    database.close()
    other = ChunkIndex(index.path)
    assert other.find_chunks(HERE, [chunk_id(1)]) == {}
    assert other.pack_index(name(1)) is None
    known = pack(chunk_id(1))
    other.add_pack(HERE, name(1), known)
    assert other.pack_index(name(1)) == known
    other.close()


def test_write_while_another_process_writes_waits_and_then_is_busy(tmp_path, index, monkeypatch):
    monkeypatch.setattr(index_file, "_BUSY_TIMEOUT_S", 0.05)
    waiting = ChunkIndex(index.path)
    database = sqlite3.connect(index.path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Busy):
        waiting.add_pack(HERE, name(1), pack(chunk_id(1)))
    database.execute("ROLLBACK")
    database.close()
    waiting.add_pack(HERE, name(1), pack(chunk_id(1)))
    assert waiting.held_packs(HERE, [name(1)]) == {name(1)}
    waiting.close()


def test_failure_inside_a_write_rolls_it_back(index):
    index.add_pack(HERE, name(1), pack(chunk_id(1)))

    def names():
        yield name(1)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        index.add_hold(THERE, names())
    assert index.held_packs(THERE, [name(1)]) == set()
    index.add_hold(THERE, [name(1)])
    assert index.held_packs(THERE, [name(1)]) == {name(1)}


def test_threads_share_one_index(index):
    def work(number):
        for step in range(20):
            each = number * 20 + step
            index.add_pack(HERE, name(each), pack(chunk_id(each)))
            index.find_chunks(HERE, [chunk_id(each)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(index.find_chunks(HERE, [chunk_id(each) for each in range(80)])) == {
        chunk_id(each) for each in range(80)
    }


def test_use_after_close_is_an_error_and_leaves_the_file(tmp_path):
    index = ChunkIndex(str(tmp_path / "i.db"))
    index.add_pack(HERE, name(1), pack(chunk_id(1)))
    index.close()
    with pytest.raises(LocalDiskError):
        index.add_pack(HERE, name(2), pack(chunk_id(2)))
    again = ChunkIndex(str(tmp_path / "i.db"))
    assert again.pack_index(name(1)) == pack(chunk_id(1))
    again.close()
