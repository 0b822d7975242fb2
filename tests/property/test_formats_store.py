"""Laws of packs, placement records, markers and keys: round trips, and only DvxError from any bytes."""

import io
import json

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.errors import DvxError
from dvx.formats.layout import pack_key, parse_pack_key, parse_record_key, record_key
from dvx.formats.marker import StoreMarker, format_marker, parse_marker
from dvx.formats.pack import (
    HEADER_BYTES,
    MAX_PLAIN_BYTES,
    TRAILER_BYTES,
    PackEntry,
    PackHeader,
    PackIndex,
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
)
from dvx.formats.placement import (
    PackRef,
    Placement,
    Run,
    format_placement,
    parse_placement,
)

IDS = st.binary(min_size=32, max_size=32)
NAMES = st.binary(min_size=16, max_size=16)
HEADERS = st.builds(PackHeader, kind=st.sampled_from([1, 2]), chunker=st.integers(0, 2**16 - 1))
FRAMES = st.tuples(IDS, st.binary(max_size=40), st.integers(0, MAX_PLAIN_BYTES), st.integers(0, 255))


@st.composite
def packs(draw: st.DrawFn) -> tuple[PackIndex, bytes]:
    """An index and the pack that it belongs to."""
    header = draw(HEADERS)
    data, entries = format_header(header), []
    for chunk_id, stored, plain, codec in draw(
        st.lists(FRAMES, max_size=6, unique_by=lambda frame: frame[0])
    ):
        entries.append(PackEntry(chunk_id, len(data), len(stored), plain, codec))
        data += pack_frame_header(codec, len(stored), plain) + stored
    index = format_index(entries)
    data += index + format_trailer(data[:HEADER_BYTES], index, len(data))
    return PackIndex(header, tuple(entries), len(data)), data


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    kind = draw(st.sampled_from(["file", "directory"]))
    pages = tuple(names[: draw(st.integers(1, len(names)))]) if kind == "directory" else ()
    runs = []
    for name in names[len(pages) :] + draw(st.lists(st.sampled_from(names), max_size=5)):
        chunks = draw(st.integers(1, 1000))
        plain = draw(st.integers(0, chunks * MAX_PLAIN_BYTES))
        stored = 12 * chunks + draw(st.integers(0, plain + 64 * chunks))
        runs.append(Run(name, draw(st.integers(32, 2**20)), stored, chunks, plain))
    packs = tuple(PackRef(name, draw(st.integers(2**31, 2**32 - 1))) for name in names)
    return Placement(draw(IDS), kind, sum(run.plain for run in runs), packs, pages, tuple(runs))


@settings(max_examples=200, deadline=None)
@given(packs())
def test_pack_index_survives(pack: tuple[PackIndex, bytes]) -> None:
    index, data = pack
    trailer = parse_trailer(data[-TRAILER_BYTES:], pack_size=len(data))
    found = parse_index(data[:HEADER_BYTES], data[trailer.index_offset : -TRAILER_BYTES], trailer)
    assert found == index
    assert parse_stored_index(format_stored_index(index)) == index
    assert [found.find(entry.id) for entry in index.entries] == list(index.entries)
    frames = [(entry.offset, entry.codec, entry.stored, entry.plain) for entry in index.entries]
    assert list(scan_frames(memoryview(data))) == frames


@settings(max_examples=300, deadline=None)
@given(packs(), st.data())
def test_mutated_index_is_refused(pack: tuple[PackIndex, bytes], draw: st.DataObject) -> None:
    stored = format_stored_index(pack[0])
    changed = bytearray(stored)
    start = draw.draw(st.integers(0, len(changed)))
    changed[start : start + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    try:
        found = parse_stored_index(bytes(changed))
    except DvxError:
        return
    assert bytes(changed) == stored
    assert found == pack[0]


@settings(max_examples=300, deadline=None)
@given(packs(), st.data())
def test_index_with_any_fields_and_a_right_digest_gives_only_dvx_errors(
    pack: tuple[PackIndex, bytes], draw: st.DataObject
) -> None:
    stored = bytearray(format_stored_index(pack[0]))
    for _ in range(draw.draw(st.integers(1, 3))):
        stored[draw.draw(st.integers(0, len(stored) - 41))] = draw.draw(st.integers(0, 255))
    head, index = bytes(stored[:HEADER_BYTES]), bytes(stored[HEADER_BYTES:-TRAILER_BYTES])
    sealed = head + index + format_trailer(head, index, pack[0].size - TRAILER_BYTES - len(index))
    try:
        found = parse_stored_index(sealed)
    except DvxError:
        return
    assert format_stored_index(found) == sealed


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_in_place_of_pack_parts_give_only_dvx_errors(data: bytes) -> None:
    for parse in (
        parse_header,
        parse_frame_header,
        parse_stored_index,
        lambda data: parse_trailer(data, pack_size=len(data)),
        lambda data: list(scan_frames(io.BytesIO(data))),
        lambda data: list(scan_frames(memoryview(format_header(PackHeader(1, 1)) + data))),
    ):
        try:
            assert parse(data) is not None
        except DvxError:
            continue


@settings(max_examples=200, deadline=None)
@given(placements())
def test_placement_survives(placement: Placement) -> None:
    assert parse_placement(format_placement(placement)) == placement


JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=500, deadline=None)
@given(placements(), st.sampled_from(["version", "root", "kind", "size", "packs", "pages", "runs"]), JSON)
def test_placement_with_any_field_gives_only_dvx_errors(
    placement: Placement, key: str, value: object
) -> None:
    fields = json.loads(zstandard.decompress(format_placement(placement)))
    fields[key] = [*fields[key], value] if isinstance(fields[key], list) else value
    try:
        found = parse_placement(zstandard.compress(json.dumps(fields).encode()))
    except DvxError:
        return
    assert parse_placement(format_placement(found)) == found


@settings(max_examples=300, deadline=None)
@given(placements(), st.binary(max_size=200), st.data())
def test_any_bytes_in_place_of_a_record_give_only_dvx_errors(
    placement: Placement, noise: bytes, draw: st.DataObject
) -> None:
    changed = bytearray(format_placement(placement))
    changed[draw.draw(st.integers(0, len(changed) - 1))] ^= draw.draw(st.integers(1, 255))
    for data in (noise, bytes(changed), zstandard.compress(noise)):
        try:
            found = parse_placement(data)
        except DvxError:
            continue
        assert parse_placement(format_placement(found)) == found


@settings(max_examples=100, deadline=None)
@given(NAMES, IDS)
def test_keys_and_marker_survive(name: bytes, root: bytes) -> None:
    assert parse_pack_key(pack_key(name)) == name
    assert parse_record_key(record_key(root, name)) == (root, name)
    assert parse_marker(format_marker(StoreMarker(name))) == StoreMarker(name)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_in_place_of_a_marker_give_only_dvx_errors(data: bytes) -> None:
    try:
        marker = parse_marker(data)
    except DvxError:
        return
    assert parse_marker(format_marker(marker)) == marker
