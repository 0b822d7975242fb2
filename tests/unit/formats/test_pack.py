"""Packs: byte layout, index checks, and scanning what a crash left."""

import io
import struct

import pytest

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.formats.pack import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    INDEX_ENTRY_BYTES,
    KIND_DATA,
    KIND_PAGES,
    MAX_PLAIN_BYTES,
    TRAILER_BYTES,
    PackEntry,
    PackHeader,
    PackIndex,
    Trailer,
    format_header,
    format_index,
    format_stored_index,
    format_trailer,
    pack_frame_header,
    parse_frame_header,
    parse_header,
    parse_index,
    parse_stored_index,
    parse_trailer,
    scan_frames,
    stored_index_ids,
    stored_index_size,
)

HEADER = PackHeader(KIND_DATA, 1)
CONTENTS = (b"hello", b"", b"a" * 1000)


def _build(contents: tuple[bytes, ...] = CONTENTS) -> tuple[bytes, tuple[PackEntry, ...]]:
    data, entries = format_header(HEADER), []
    for content in contents:
        entries.append(PackEntry(hash_bytes(content), len(data), len(content), len(content), 0))
        data += pack_frame_header(0, len(content), len(content)) + content
    index = format_index(entries)
    return data + index + format_trailer(data[:HEADER_BYTES], index, len(data)), tuple(entries)


def _parse(data: bytes) -> PackIndex:
    trailer = parse_trailer(data[-TRAILER_BYTES:], pack_size=len(data))
    return parse_index(data[:HEADER_BYTES], data[trailer.index_offset : -TRAILER_BYTES], trailer)


def _sealed(entries: list[tuple[bytes, int, int, int, int, int, int]], *, index_offset: int) -> bytes:
    """An index with a correct digest over any field values."""
    index = b"".join(struct.pack("<32sIIIBBH", *entry) for entry in entries)
    return format_header(HEADER) + index + format_trailer(format_header(HEADER), index, index_offset)


def test_header_has_the_documented_bytes() -> None:
    data = format_header(PackHeader(KIND_PAGES, 0x0102))
    assert data == b"DVXPACK\0" + b"\1\0" + b"\2\1" + b"\2" + bytes(3) + bytes(4) + bytes(12)
    assert parse_header(data) == PackHeader(KIND_PAGES, 0x0102)


def test_frame_header_has_the_documented_bytes() -> None:
    data = pack_frame_header(2, 0x0105, 0x0203)
    assert data == b"\2\0\0\0" + b"\5\1\0\0" + b"\3\2\0\0"
    assert parse_frame_header(data) == (2, 0x0105, 0x0203)


def test_index_and_trailer_have_the_documented_bytes() -> None:
    entry = PackEntry(bytes(range(32)), 32, 5, 6, 7)
    index = format_index([entry])
    assert index == bytes(range(32)) + struct.pack("<III", 32, 5, 6) + b"\7\0\0\0"
    trailer = format_trailer(format_header(HEADER), index, 49)
    digest = hash_bytes(format_header(HEADER) + index)
    assert trailer == struct.pack("<QQIH", 49, 48, 1, 1) + b"\0\0" + digest + b"DVXPIDX\0"
    assert parse_trailer(trailer, pack_size=49 + 48 + 64) == Trailer(49, 48, 1, digest)


def test_parse_index_gives_entries_and_finds_them() -> None:
    data, entries = _build()
    index = _parse(data)
    assert (index.header, index.entries, index.size) == (HEADER, entries, len(data))
    assert [index.find(entry.id) for entry in entries] == list(entries)
    assert index.find(bytes(32)) is None
    assert [index.entry_at(entry.offset) for entry in entries] == [0, 1, 2]
    assert [entry.frame_end for entry in entries] == [49, 61, 1073]
    with pytest.raises(FormatError):
        index.entry_at(33)


def test_pack_without_chunks_is_read() -> None:
    index = _parse(_build(())[0])
    assert index.entries == ()
    assert index.find(bytes(32)) is None


def test_stored_index_is_the_pack_without_frames() -> None:
    data, entries = _build()
    index = _parse(data)
    stored = format_stored_index(index)
    assert stored == data[:HEADER_BYTES] + data[entries[-1].frame_end :]
    assert parse_stored_index(stored) == index
    assert stored_index_size(stored) == len(data)
    assert stored_index_ids(stored) == b"".join(entry.id for entry in entries)


@pytest.mark.parametrize("position", [0, 8, 12, 13, 20, 32, 64, 79, 100, -1, -10, -50, -60, -64])
def test_stored_index_with_flipped_bit_is_refused(position: int) -> None:
    stored = bytearray(format_stored_index(_parse(_build()[0])))
    stored[position] ^= 0x10
    for read in (parse_stored_index, stored_index_size, stored_index_ids):
        with pytest.raises(FormatError):
            read(bytes(stored))


@pytest.mark.parametrize("length", [0, 31, 95, 96, 200])
def test_stored_index_cut_off_is_refused(length: int) -> None:
    for read in (parse_stored_index, stored_index_size, stored_index_ids):
        with pytest.raises(FormatError):
            read(format_stored_index(_parse(_build()[0]))[:length])


def test_chunks_are_found_one_by_one_and_many_at_once() -> None:
    index = _parse(_build()[0])
    first, _, last = index.entries
    assert index.find(first.id) == first
    assert index.find(bytes(32)) is None
    assert sorted(index.find_all({first.id, last.id, bytes(32)})) == sorted([first, last])
    assert index.find_all(set()) == []


@pytest.mark.parametrize(
    ("entries", "index_offset"),
    [
        ([(bytes(32), 33, 1, 1, 0, 0, 0)], 46),
        ([(bytes(32), 32, 1, 1, 0, 0, 0)], 46),
        ([(bytes(32), 32, 1, 1, 0, 1, 0)], 45),
        ([(bytes(32), 32, 1, 1, 0, 0, 1)], 45),
        ([(bytes(32), 32, 1, MAX_PLAIN_BYTES + 1, 0, 0, 0)], 45),
        ([(bytes(32), 32, 66, 1, 0, 0, 0)], 110),
        ([(bytes(32), 32, 1, 1, 0, 0, 0), (bytes(32), 45, 1, 1, 0, 0, 0)], 58),
        ([(bytes(32), 45, 1, 1, 0, 0, 0), (b"\1" * 32, 32, 1, 1, 0, 0, 0)], 58),
        ([], 33),
    ],
)
def test_parse_index_with_impossible_entries_is_refused(
    entries: list[tuple[bytes, int, int, int, int, int, int]], index_offset: int
) -> None:
    with pytest.raises(FormatError) as caught:
        parse_stored_index(_sealed(entries, index_offset=index_offset))
    assert caught.value.kind == "bad-pack"


def test_parse_trailer_with_other_pack_size_is_refused() -> None:
    data, _ = _build()
    for size in (len(data) - 1, len(data) + 1, 0):
        with pytest.raises(FormatError, match="its trailer describes"):
            parse_trailer(data[-TRAILER_BYTES:], pack_size=size)


@pytest.mark.parametrize(
    ("offset", "length", "count", "zeros"),
    [(31, 48, 1, 0), (32, 47, 1, 0), (32, 48, 2, 0), (2**63, 0, 0, 0), (2**32 - 1, 0, 0, 0), (32, 0, 0, 1)],
)
def test_parse_trailer_with_impossible_position_is_refused(
    offset: int, length: int, count: int, zeros: int
) -> None:
    data = struct.pack("<QQIHH32s8s", offset, length, count, 1, zeros, bytes(32), b"DVXPIDX\0")
    with pytest.raises(FormatError):
        parse_trailer(data, pack_size=offset + length + 64)


def test_newer_versions_and_unknown_features_say_update() -> None:
    header = format_header(HEADER)
    with pytest.raises(UnsupportedVersion):
        parse_header(header[:8] + b"\2\0" + header[10:])
    with pytest.raises(UnsupportedVersion):
        parse_header(header[:16] + b"\1" + header[17:])
    trailer = format_trailer(header, b"", 32)
    with pytest.raises(UnsupportedVersion):
        parse_trailer(trailer[:20] + b"\2" + trailer[21:], pack_size=96)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        format_header(HEADER)[:31],
        b"X" + format_header(HEADER)[1:],
        format_header(HEADER)[:12] + b"\3" + format_header(HEADER)[13:],
        format_header(HEADER)[:13] + b"\1" + format_header(HEADER)[14:],
        format_header(HEADER)[:31] + b"\1",
    ],
)
def test_parse_header_with_invalid_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_header(data)
    assert caught.value.kind == "bad-pack"


def test_writing_values_out_of_bounds_is_refused() -> None:
    for header in (PackHeader(0, 1), PackHeader(1, 2**16), PackHeader(1, 1, 1)):
        with pytest.raises(FormatError):
            format_header(header)
    for codec, stored, plain in ((256, 1, 1), (0, 66, 1), (0, 1, MAX_PLAIN_BYTES + 1), (0, -1, 1)):
        with pytest.raises(FormatError):
            pack_frame_header(codec, stored, plain)
    with pytest.raises(FormatError):
        format_index([PackEntry(bytes(32), 2**32, 1, 1, 0)])
    with pytest.raises(FormatError):
        format_trailer(format_header(HEADER), b"", 2**32 - 64)


@pytest.mark.parametrize("data", [b"", b"\0" * 11, b"\0\1" + bytes(10), b"\0\0\1" + bytes(9)])
def test_parse_frame_header_with_invalid_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_frame_header(data)


def test_scan_frames_of_whole_pack_stops_at_the_index() -> None:
    data, entries = _build()
    expected = [(entry.offset, entry.codec, entry.stored, entry.plain) for entry in entries]
    assert list(scan_frames(memoryview(data))) == expected
    assert list(scan_frames(io.BytesIO(data))) == expected


def test_scan_frames_of_torn_pack_gives_the_whole_frames() -> None:
    data, entries = _build()
    for length in range(HEADER_BYTES, entries[-1].frame_end + INDEX_ENTRY_BYTES):
        found = [offset for offset, *_ in scan_frames(memoryview(data[:length]))]
        assert found == [entry.offset for entry in entries if entry.frame_end <= length]


def test_scan_frames_stops_at_implausible_header() -> None:
    data, entries = _build()
    broken = bytearray(data[: entries[-1].frame_end])
    broken[entries[1].offset + 1] = 0xFF
    assert [offset for offset, *_ in scan_frames(memoryview(bytes(broken)))] == [entries[0].offset]


def test_scan_frames_without_pack_header_is_refused() -> None:
    for data in (b"", b"x" * 100):
        with pytest.raises(FormatError):
            list(scan_frames(io.BytesIO(data)))


def test_sizes_are_those_of_the_specification() -> None:
    assert (HEADER_BYTES, FRAME_HEADER_BYTES, INDEX_ENTRY_BYTES, TRAILER_BYTES) == (32, 12, 48, 64)


def test_trailer_of_an_index_that_nobody_could_hold_in_memory_is_refused() -> None:
    count = 6_000_000
    trailer = struct.pack("<QQIHH32s8s", 2**31, count * 48, count, 1, 0, bytes(32), b"DVXPIDX\x00")
    with pytest.raises(FormatError):
        parse_trailer(trailer, pack_size=2**31 + count * 48 + 64)
