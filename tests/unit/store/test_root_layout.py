"""store.root_layout: which stored chunks are worth a range that readers have to ask for."""

import os

from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry
from dvx.formats.placement import Run
from dvx.store.chunk_reader import RANGE_GAP_BYTES
from dvx.store.index import Location
from dvx.store.root_layout import RangeBudget, RootLayout
from dvx.store.runs import WINDOW_BYTES

MIB = 1024 * 1024
KIB = 1024
A, B = b"a" * 16, b"b" * 16
FAR = 10 * RANGE_GAP_BYTES


def at(pack, offset, plain):
    return Location(pack, PackEntry(bytes(32), offset, plain, plain, 0))


def packs(*sizes):
    """One chunk of each size, every one in a pack of its own."""
    return [at(os.urandom(16), 32, size) for size in sizes]


def take(budget, located, plain_bytes):
    """Choose, and note what was chosen as the writer does; the rest is new and lies together in one pack."""
    chosen = budget.choose(located, plain_bytes)
    for position, location in enumerate(located):
        if position in chosen:
            budget.note(location.pack, location.entry.offset, location.entry.frame_end, location.entry.plain)
    budget.note(
        b"new pack".ljust(16), 32, 33, plain_bytes - sum(located[each].entry.plain for each in chosen)
    )
    return chosen


def test_what_is_near_a_range_that_is_read_anyway_is_taken():
    budget = RangeBudget(ranges=1000)
    budget.note(A, 0, 100, 100)
    assert budget.choose([at(A, 100, 10), at(A, FAR, 10), at(A, 300_000, 10)], 4 * MIB) == {0, 1, 2}
    assert budget.ranges == 1001
    budget = RangeBudget(ranges=1000, _window_plain=1, _window_ranges=100)
    budget.note(A, 0, 100, 100)
    assert budget.choose([at(A, 100, 10), at(A, FAR, 10), at(A, 300_000, 10)], 4 * MIB) == {0, 2}
    assert budget.refused_bytes == 10


def test_the_largest_clusters_of_a_segment_are_taken_first():
    budget = RangeBudget(ranges=1000)
    sizes = [(100 + number * 7 % 20) * KIB for number in range(20)]
    chosen = budget.choose(packs(*sizes), 4 * MIB)
    assert len(chosen) == 12
    assert {sizes[position] for position in chosen} == set(sorted(sizes)[-12:])
    assert budget.refused_bytes == sum(sorted(sizes)[:-12])


def test_chunks_of_one_pack_that_one_range_covers_count_together():
    budget = RangeBudget(ranges=1000, _window_plain=1, _window_ranges=24)
    near = [at(A, number * 100 * KIB, 90 * KIB) for number in range(12)]
    assert budget.choose(near, 4 * MIB) == set(range(12))
    assert budget.choose(near[:3], 4 * MIB) == set()


def test_a_mebibyte_in_one_place_is_always_taken():
    budget = RangeBudget(ranges=1000, _window_plain=1, _window_ranges=100)
    assert budget.choose([at(A, 0, MIB), at(B, 0, MIB - 1)], 4 * MIB) == {0}


def test_the_first_ranges_are_free():
    assert len(RangeBudget().choose(packs(*[1000] * 200), 200_000)) == 64


def test_small_files_share_a_window_evenly():
    budget = RangeBudget(ranges=1000)
    taken = [bool(take(budget, packs(40 * KIB), 40 * KIB)) for _ in range(204)]
    assert 20 <= sum(taken) <= 24
    assert any(taken[:10])
    assert any(taken[-20:])


def test_ranges_of_earlier_windows_do_not_count():
    budget = RangeBudget(ranges=1000)
    for _ in range(3):
        assert len(take(budget, packs(*[100 * KIB] * 40), WINDOW_BYTES)) == 24
    assert 72 <= budget.ranges - 1000 <= 75


def test_a_file_with_an_eighth_of_its_chunks_changed_each_time_stays_cheap_and_quick_to_read():
    window, changed, versions = 128, 16, 40
    place = [(0, 40_000 * number) for number in range(window)]
    stored = []
    for version in range(1, versions):
        budget = RangeBudget(ranges=1000)
        new = {(number * 37 + version * 11) % window for number in range(0, window, window // changed)}
        located = [
            None if number in new else at(bytes([pack]) * 16, offset, 64 * KIB)
            for number, (pack, offset) in enumerate(place)
        ]
        chosen = budget.choose(located, WINDOW_BYTES)
        written = [number for number in range(window) if number not in chosen]
        for order, number in enumerate(written):
            place[number] = (version, 40_000 * order)
        stored.append(len(written))
        assert len({pack for pack, _ in place}) <= 25
    assert sum(stored[-10:]) / 10 <= 1.3 * changed


def test_ranges_are_counted_per_window():
    budget = RangeBudget()
    budget.note(A, 0, 100, WINDOW_BYTES)
    budget.note(B, 0, 100, 1)
    assert budget.ranges == 2
    budget.note(A, 0, 100, 1)
    assert budget.ranges == 3


def test_layout_counts_what_it_appends():
    layout = RootLayout()
    layout.add_run(Run(A, 32, 100 + FRAME_HEADER_BYTES, 1, 100))
    layout.add_chunks(A, [PackEntry(bytes(32), 32 + 100 + FRAME_HEADER_BYTES, 10, 20, 1)])
    assert layout.runs.finish() == (Run(A, 32, 110 + 2 * FRAME_HEADER_BYTES, 2, 120),)
    assert (layout.budget.plain_bytes, layout.budget.ranges) == (120, 1)
