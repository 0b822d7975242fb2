"""store.read_plan: windows over a root's stream."""

import pytest

from dvx.core.errors import FormatError
from dvx.core.ids import hash_bytes
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackHeader, PackIndex
from dvx.formats.placement import Run
from dvx.store.read_plan import Wanted, plan_windows, read_window
from dvx.store.runs import WINDOW_BYTES
from dvx.testing.stores import add_file

NAME = b"p" * 16
MIB = 1024 * 1024
CHUNK = 256 * 1024


def layout(chunks):
    """A pack of `chunks` chunks of 256 KiB, stored in 100 bytes each, and the run over all of them."""
    step = FRAME_HEADER_BYTES + 100
    entries = tuple(
        PackEntry(hash_bytes(b"%d" % number), 32 + number * step, 100, CHUNK, 1) for number in range(chunks)
    )
    return PackIndex(PackHeader(1, 1), entries, 10**6), Run(NAME, 32, chunks * step, chunks, chunks * CHUNK)


def windows(chunks, *wanted):
    index, run = layout(chunks)
    return list(plan_windows([run], lambda name: index, [Wanted(*each) for each in wanted]))


def shape(found):
    return [
        [(part.token, part.offset, part.plain_bytes, part.is_last) for part in window.parts]
        for window in found
    ]


def test_small_files_share_a_window():
    found = windows(4, ("a", 0, CHUNK), ("empty", CHUNK, 0), ("b", CHUNK, 3 * CHUNK))
    assert shape(found) == [[("a", 0, CHUNK, True), ("empty", 0, 0, True), ("b", 0, 3 * CHUNK, True)]]
    assert all(part.is_whole for part in found[0].parts)


def test_large_file_is_split_and_its_parts_are_in_order():
    found = windows(80, ("a", 0, 80 * CHUNK))
    assert shape(found) == [
        [("a", 0, WINDOW_BYTES, False)],
        [("a", WINDOW_BYTES, WINDOW_BYTES, False)],
        [("a", 2 * WINDOW_BYTES, 4 * MIB, True)],
    ]


@pytest.mark.parametrize("second", [0, 1, 32, 33])
def test_file_that_ends_with_its_window_leaves_the_next_file_whole(second):
    found = windows(32 + second, ("a", 0, WINDOW_BYTES), ("b", WINDOW_BYTES, second * CHUNK))
    parts = [part for window in found for part in window.parts]
    assert [part.offset for part in parts if part.token == "a"] == [0]
    assert sorted(part.offset for part in parts if part.token == "b") == (
        [0, WINDOW_BYTES] if second > 32 else [0]
    )
    assert sum(part.plain_bytes for part in parts) == (32 + second) * CHUNK
    assert [part.is_last for part in parts if part.token == "b"][-1]


def test_thousands_of_empty_files_are_split_into_windows():
    found = windows(1, *((number, 0, 0) for number in range(9000)))
    assert [len(window.parts) for window in found] == [4096, 4096, 808]


def test_nothing_wanted_gives_no_windows():
    assert windows(1) == []


@pytest.mark.parametrize("wanted", [("a", 0, 10), ("a", 10, CHUNK), ("a", 0, 5 * CHUNK)])
def test_record_that_does_not_fit_a_file_is_a_format_error(wanted):
    with pytest.raises(FormatError):
        windows(4, wanted)


@pytest.mark.parametrize("is_verified", [True, False])
def test_window_reads_each_repeated_chunk_once(tmp_path, local, is_verified):
    data = bytes(2 * MIB)  # zeros are cut into equal chunks of 256 KiB
    placement = add_file(local, tmp_path, data)
    (window,) = plan_windows(placement.runs, local.pack_index, [Wanted("a", 0, len(data))])
    (chunks,) = read_window(local, window, is_verified=is_verified)
    assert b"".join(chunks) == data
    assert len({id(chunk) for chunk in chunks}) == 1


def test_window_ends_with_its_folder_only_where_there_is_enough_to_do():
    quarter = WINDOW_BYTES // 4 // CHUNK
    wanted = [(number, number * CHUNK, CHUNK, "ab"[number >= quarter]) for number in range(quarter + 4)]
    assert [len(window.parts) for window in windows(quarter + 4, *wanted)] == [quarter, 4]
    wanted = [(number, number * CHUNK, CHUNK, str(number)) for number in range(quarter + 4)]
    assert [len(window.parts) for window in windows(quarter + 4, *wanted)] == [quarter, 4]
    wanted = [(number, number * CHUNK, CHUNK, str(number)) for number in range(4)]
    assert [len(window.parts) for window in windows(4, *wanted)] == [4]
