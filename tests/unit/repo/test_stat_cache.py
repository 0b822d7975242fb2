"""repo.stat_cache: rows that may be believed, and nothing that can go wrong for good."""

import os
import sqlite3
import threading

import pytest

from dvx.disk.walk import WalkEntry
from dvx.repo.stat_cache import StatCache, StatRow, is_racy, row_matches

ID = bytes(range(32))
OLD_NS = 1_700_000_000_123_456_789
NOW_NS = OLD_NS + 60_000_000_000


def row(number=0, **changes):
    return StatRow(10 + number, OLD_NS, OLD_NS + 1, 100 + number, "file", ID)._replace(**changes)


def everything(cache):
    return cache.lookup_range("", chr(0x10FFFF), limit=1_000_000)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "dvx/stat.db")


@pytest.fixture
def cache(path):
    with StatCache.open(path) as found:
        yield found


def test_rows_come_back_within_a_range_in_path_order_and_no_more_than_asked_for(cache):
    paths = ["d/a", "d/sub/é", "d", "d-x/a", "d0", "e/a"]
    cache.store(((name, row(i)) for i, name in enumerate(paths)), observed_ns=NOW_NS)
    assert cache.lookup_range("d/", "d0", limit=9) == {"d/a": row(0), "d/sub/é": row(1)}
    assert everything(cache) == {name: row(i) for i, name in enumerate(paths)}
    assert cache.lookup_range("nothing", "nothing0", limit=9) == {}
    assert cache.lookup("d/sub/é") == row(1)
    assert cache.lookup("d/sub") is None
    assert list(cache.lookup_range("d-", "e", limit=3)) == ["d-x/a", "d/a", "d/sub/é"]


def test_rows_survive_closing(path):
    with StatCache.open(path) as cache:
        cache.store([("a", row())], observed_ns=NOW_NS)
        cache.set_root("a", ID)
    with StatCache.open(path) as cache:
        assert (cache.lookup("a"), cache.get_root("a")) == (row(), ID)


def test_storing_again_replaces(cache):
    cache.store([("a", row())], observed_ns=NOW_NS)
    cache.store([("a", row(5, kind="symlink"))], observed_ns=NOW_NS)
    assert everything(cache) == {"a": row(5, kind="symlink")}


def test_racy_row_is_not_kept_and_the_earlier_one_goes(cache):
    cache.store([("a", row())], observed_ns=NOW_NS)
    cache.store([("a", row(mtime_ns=NOW_NS)), ("b", row())], observed_ns=NOW_NS)
    assert everything(cache) == {"b": row()}


@pytest.mark.parametrize(
    ("mtime_ns", "ctime_ns", "racy"),
    [
        (NOW_NS + 1, OLD_NS, True),
        (NOW_NS, OLD_NS, True),
        (NOW_NS - 9_999_999, OLD_NS, True),
        (OLD_NS, NOW_NS - 9_999_999, True),
        (NOW_NS - 30_000_001, NOW_NS - 30_000_001, False),
        (1_700_000_059_000_000_000, OLD_NS, True),  # whole seconds: two of them count
        (1_700_000_057_000_000_000, OLD_NS, False),
        (1_600_000_000_000_000_000, NOW_NS - 30_000_001, False),
    ],
)
def test_row_is_racy_when_the_file_may_change_under_the_same_stamp(mtime_ns, ctime_ns, racy):
    assert is_racy(row(mtime_ns=mtime_ns, ctime_ns=ctime_ns), NOW_NS) is racy


def test_row_matches_only_the_same_status():
    entry = WalkEntry("x", "file", 10, OLD_NS, OLD_NS + 1, 100)
    assert row_matches(row(), entry)
    for change in ({"kind": "executable"}, {"size": 9}, {"mtime_ns": 1}, {"ctime_ns": 1}, {"inode": 1}):
        assert not row_matches(row(), entry._replace(**change))


def test_inode_of_64_bits_is_kept(cache):
    entry = WalkEntry("x", "file", 10, OLD_NS, OLD_NS + 1, 2**64 - 5)
    cache.store([("x", row(inode=2**64 - 5))], observed_ns=NOW_NS)
    assert row_matches(cache.lookup("x"), entry)
    assert not row_matches(cache.lookup("x"), entry._replace(inode=2**64 - 6))


def test_forget_takes_a_path_and_what_is_below_it(cache):
    cache.store([(name, row()) for name in ("d", "d/a", "d/b/c", "d-e", "f")], observed_ns=NOW_NS)
    for name in ("d", "d/x", "f"):
        cache.set_root(name, ID)
    cache.forget("d")
    assert set(everything(cache)) == {"d-e", "f"}
    assert [cache.get_root(name) for name in ("d", "d/x", "f")] == [None, None, ID]
    cache.forget("")
    assert everything(cache) == {}


def test_failed_store_keeps_what_was_there(cache):
    cache.store([("a", row())], observed_ns=NOW_NS)

    def rows():
        yield "b", row()
        raise KeyError("x")

    with pytest.raises(KeyError):
        cache.store(rows(), observed_ns=NOW_NS)
    assert everything(cache) == {"a": row()}
    cache.store([("c", row())], observed_ns=NOW_NS)
    assert set(everything(cache)) == {"a", "c"}


@pytest.mark.parametrize("content", [b"not a database " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_damaged_file_is_moved_aside_and_begun_anew(path, content):
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(content)
    with StatCache.open(path) as cache:
        assert everything(cache) == {}
        cache.store([("a", row())], observed_ns=NOW_NS)
    with StatCache.open(path) as cache:
        assert cache.lookup("a") == row()
    with open(path + ".bad", "rb") as file:
        assert file.read() == content


def test_file_of_another_version_is_moved_aside(path):
    os.makedirs(os.path.dirname(path))
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with StatCache.open(path) as cache:
        cache.set_root("a", ID)
        assert cache.get_root("a") == ID
    assert os.path.exists(path + ".bad")


def test_damage_found_while_reading_means_that_nothing_is_known(path):
    with StatCache.open(path) as cache:
        cache.store([(f"d/{number:06}", row(number)) for number in range(5000)], observed_ns=NOW_NS)
    with open(path, "r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(40 * 4096))
    with StatCache.open(path) as cache:
        assert everything(cache) == {}
        cache.store([("d/a", row())], observed_ns=NOW_NS)
        assert everything(cache) == {"d/a": row()}


def test_place_that_cannot_be_written_works_in_memory(tmp_path):
    (tmp_path / "dvx").write_text("a file where the folder should be")
    with StatCache.open(str(tmp_path / "dvx/stat.db")) as cache:
        cache.store([("a", row())], observed_ns=NOW_NS)
        assert cache.lookup("a") == row()
    assert (tmp_path / "dvx").read_text() == "a file where the folder should be"


def test_read_only_database_still_answers(path):
    with StatCache.open(path) as cache:
        cache.store([("a", row())], observed_ns=NOW_NS)
        cache._connection.execute("PRAGMA query_only=ON")
        cache.store([("b", row())], observed_ns=NOW_NS)
        assert everything(cache) == {"a": row()}


def test_two_commands_share_the_file(path):
    caches = 4

    def work(number):
        with StatCache.open(path) as cache:
            for step in range(20):
                cache.store([(f"t{number}/{step}", row(step))], observed_ns=NOW_NS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(caches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with StatCache.open(path) as cache:
        assert len(everything(cache)) == caches * 20
    assert not os.path.exists(path + ".bad")


def test_root_of_the_wrong_shape_is_not_believed(cache):
    cache._connection.execute("INSERT INTO roots VALUES ('a', 'text'), ('b', x'00')")
    assert (cache.get_root("a"), cache.get_root("b"), cache.get_root("c")) == (None, None, None)


def test_row_of_a_file_that_was_read_soon_after_it_was_written_says_so_unless_dvx_wrote_it(cache):
    recent = row(mtime_ns=NOW_NS - 20_000_000_000)
    cache.store([("recent", recent), ("old", row())], observed_ns=NOW_NS)
    cache.store([("ours", recent)], observed_ns=NOW_NS, is_written=True)
    assert {name: found.may_be_dirty for name, found in everything(cache).items()} == {
        "recent": True, "old": False, "ours": False,
    }  # fmt: skip
    assert everything(cache)["recent"] == recent._replace(may_be_dirty=True)
