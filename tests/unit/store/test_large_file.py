"""store.large_file: segments of a file, with reused buffers."""

import os

import pytest

from dvx.chunking.cutter import Cutter
from dvx.core.errors import ChangedWhileReading, LocalDiskError
from dvx.disk.reading import Source
from dvx.store.large_file import SEGMENT_BYTES, LargeFile, SegmentBuffers
from dvx.store.root_layout import RootLayout


def open_file(tmp_path, data):
    (tmp_path / "f").write_bytes(data)
    return LargeFile(Source(str(tmp_path / "f"), "f", len(data)), RootLayout(), compress=False)


@pytest.mark.parametrize(
    "size", [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, 9_000_001]
)
def test_segments_are_cut_as_the_file_in_one_piece(tmp_path, size):
    data = os.urandom(size)
    file = open_file(tmp_path, data)
    buffers = SegmentBuffers(1)
    ends, read = [], b""
    while not file.is_read:
        segment = file.read_segment(buffers.take())
        ends += [segment.offset + end for end in segment.ends]
        read += bytes(segment.view)
        segment.release_view()
        buffers.give_back(segment.buffer)
    file.check_end()
    file.close()
    assert read == data
    assert ends == Cutter().cut(data, final=True)


def test_buffers_are_limited_and_reused():
    buffers = SegmentBuffers(2)
    first, second = buffers.take(), buffers.take()
    assert not buffers.is_available
    buffers.give_back(second)
    assert buffers.is_available
    assert buffers.take() is second
    assert first is not second


def test_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    file = open_file(tmp_path, os.urandom(6_000_000))
    os.truncate(tmp_path / "f", 100)
    with pytest.raises(ChangedWhileReading):
        file.read_segment(SegmentBuffers(1).take())
    file.close()


def test_file_that_grew_or_was_written_is_refused_at_its_end(tmp_path):
    for change in (lambda file: file.write(b"more"), lambda file: file.seek(0) or file.write(b"x")):
        file = open_file(tmp_path, os.urandom(2_000_000))
        file.read_segment(SegmentBuffers(1).take())
        with open(tmp_path / "f", "r+b") as other:
            other.seek(0, 2)
            change(other)
        with pytest.raises(ChangedWhileReading):
            file.check_end()
        file.close()


def test_missing_file_is_a_disk_error(tmp_path):
    with pytest.raises(LocalDiskError):
        LargeFile(Source(str(tmp_path / "gone"), "gone", 1), RootLayout(), compress=True)
