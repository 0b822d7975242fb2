"""ops.content: ids from the cache where it can be trusted, else from the bytes."""

import os
import time

from dvx.core.ids import hash_bytes
from dvx.core.progress import NullReporter
from dvx.ops.content import ContentIds
from dvx.ops.trees import stat_entry

OLD_S = 1_000_000


def hashed(ids, *found):
    return {path: content_id for path, _, content_id in ids.hash_all(found, jobs=2, reporter=NullReporter())}


def seen(work, path):
    return path, stat_entry(work.path(path), path)


def test_hashed_file_is_known_afterwards_until_it_changes(work):
    work.write({"data/a": b"1"})
    os.utime(work.path("data/a"), (OLD_S, OLD_S))
    with work.open() as project:
        ids = ContentIds(project.stat_cache, work.root, "data", is_writing=True)
        assert ids.known(*seen(work, "data/a")) is None
        assert hashed(ids, seen(work, "data/a")) == {"data/a": hash_bytes(b"1")}
    work.write({"data/a": b"2"})
    with work.open() as project:
        assert ContentIds(project.stat_cache, work.root, "data").known(*seen(work, "data/a")) is None


def test_links_are_hashed_by_their_target_and_many_files_in_order(work):
    work.write({f"data/{number:03d}": b"%d" % number for number in range(300)} | {"data/link": "-> 000"})
    with work.open() as project:
        ids = ContentIds(project.stat_cache, work.root, "data")
        names = sorted(work.snapshot())
        found = hashed(ids, *(seen(work, name) for name in names))
    assert list(found) == names
    assert found["data/link"] == hash_bytes(b"000")
    assert found["data/123"] == hash_bytes(b"123")


def test_file_that_is_not_as_it_was_seen_has_no_id(work):
    work.write({"data/a": b"1"})
    path, entry = seen(work, "data/a")
    work.write({"data/a": b"longer"})
    with work.open() as project:
        ids = ContentIds(project.stat_cache, work.root, "data")
        assert hashed(ids, (path, entry)) == {"data/a": None}


def test_rows_are_found_in_any_order_and_few_are_read_for_one_path(work, monkeypatch):
    contents = {f"data/{number:05d}": b"%d" % number for number in range(3000)}
    work.write(contents)
    names = sorted(contents)
    time.sleep(0.05)  # a row of a file that changed within the last tick of the clock is not kept
    with work.open() as project:
        ids = ContentIds(project.stat_cache, work.root, "data")
        hashed(ids, *(seen(work, name) for name in names))
        ids.save()
    read = []
    with work.open() as project:
        lookup = project.stat_cache.lookup_range

        def counted(start, end, *, limit):
            read.append(limit)
            return lookup(start, end, limit=limit)

        monkeypatch.setattr(project.stat_cache, "lookup_range", counted)
        for order in (names[::-1], names[::700], names, [names[5]]):
            read.clear()
            ids = ContentIds(project.stat_cache, work.root, "data")
            assert {name: ids.known(*seen(work, name)) for name in order} == {
                name: hash_bytes(contents[name]) for name in order
            }
            if order is names:
                assert len(read) < 10
        assert read == [16]


def test_rows_of_expected_spans_are_read_once_each_and_no_others(work, monkeypatch):
    contents = {f"data/{number:05d}": b"%d" % number for number in range(3000)}
    work.write(contents)
    names = sorted(contents)
    for name in names:
        os.utime(work.path(name), (OLD_S, OLD_S))
    time.sleep(
        0.05
    )  # their ctime is of now, and a row of a file that changed within the last tick is not kept
    with work.open() as project:
        ids = ContentIds(project.stat_cache, work.root, "data", is_writing=True)
        hashed(ids, *(seen(work, name) for name in names))
        ids.save()
        read = []
        lookup = type(project.stat_cache).lookup_range

        def counted(cache, start, end, *, limit):
            rows = lookup(cache, start, end, limit=limit)
            read.append(len(rows))
            return rows

        monkeypatch.setattr(type(project.stat_cache), "lookup_range", counted)
        ids = ContentIds(project.stat_cache, work.root, "data")
        spans = [names[100:132], names[1000:1032], names[2968:]]
        ids.expect((span[0], span[-1]) for span in spans)
        for span in spans:
            for name in span:
                assert ids.known(*seen(work, name)) == hash_bytes(contents[name])
        assert read == [32, 32, 32]
        assert ids.known(*seen(work, names[2000])) == hash_bytes(contents[names[2000]])
