"""store.ingest_work: what one worker makes of files."""

import os

import pytest

from dvx.core.errors import ChangedWhileReading, LocalDiskError, PathRefused
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.disk.reading import Source
from dvx.store import ingest_work
from dvx.store.index import Location
from dvx.store.ingest_work import SegmentToWork, work_on_batch, work_on_segment


def nothing_known(ids):
    return {}


def source(tmp_path, data, name="f"):
    (tmp_path / name).write_bytes(data)
    return Source(str(tmp_path / name), name, len(data))


def test_batch_gives_ids_and_chunks_in_order(tmp_path):
    contents = [b"", b"small", os.urandom(500_000)]
    sources = [source(tmp_path, data, str(number)) for number, data in enumerate(contents)]
    works = work_on_batch(sources, nothing_known, compress=True)
    assert [work.id for work in works] == [EMPTY_ID, hash_bytes(b"small"), hash_bytes(contents[2])]
    assert [b"".join(chunk.plain for chunk in work.chunks) for work in works] == contents
    assert works[0].chunks == []
    assert works[1].chunks[0].id == works[1].id
    assert len(works[2].chunks) > 1
    assert all(chunk.encoded and chunk.known is None for work in works for chunk in work.chunks)


def test_batch_asks_for_all_chunks_with_one_query_and_does_not_encode_known_ones(tmp_path):
    asked = []
    known = Location(b"p" * 16, None)

    def find(ids):
        asked.append(list(ids))
        return {hash_bytes(b"known"): known}

    works = work_on_batch(
        [source(tmp_path, b"known", "a"), source(tmp_path, b"new", "b")], find, compress=True
    )
    assert asked == [[hash_bytes(b"known"), hash_bytes(b"new")]]
    assert (works[0].chunks[0].known, works[0].chunks[0].encoded) == (known, None)
    assert works[1].chunks[0].encoded == (0, b"new")


def test_batch_without_compression_keeps_chunks_raw(tmp_path):
    (work,) = work_on_batch([source(tmp_path, b"a" * 10_000)], nothing_known, compress=False)
    assert [chunk.encoded[0] for chunk in work.chunks] == [0]


def test_inline_content_is_not_read_from_disk():
    (work,) = work_on_batch([Source("/nowhere", "link", 3, b"abc")], nothing_known, compress=True)
    assert (work.id, work.stat.size) == (hash_bytes(b"abc"), 3)


def test_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    each = source(tmp_path, b"x" * 1000)
    real = os.read

    def read_and_grow(fd, count):
        with open(each.path, "ab") as file:
            file.write(b"more")
        return real(fd, count)

    monkeypatch.setattr(ingest_work.os, "read", read_and_grow)
    with pytest.raises(ChangedWhileReading):
        work_on_batch([each], nothing_known, compress=True)


def test_file_that_is_now_a_folder_a_link_or_gone_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    with pytest.raises(PathRefused):
        work_on_batch([Source(str(tmp_path / "folder"), "folder", 1)], nothing_known, compress=True)
    with pytest.raises(LocalDiskError):
        work_on_batch([Source(str(tmp_path / "link"), "link", 1)], nothing_known, compress=True)
    with pytest.raises(LocalDiskError):
        work_on_batch([Source(str(tmp_path / "gone"), "gone", 1)], nothing_known, compress=True)


def test_segment_is_hashed_by_its_ends():
    data = memoryview(b"aabbb")
    chunks = work_on_segment(SegmentToWork(data, [2, 5], 100, data), None, nothing_known)
    assert [(chunk.id, bytes(chunk.plain)) for chunk in chunks] == [
        (hash_bytes(b"aa"), b"aa"),
        (hash_bytes(b"bbb"), b"bbb"),
    ]
