"""store.runs: building, cutting, and the price of fragments."""

import pytest

from dvx.core.errors import FormatError
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackHeader, PackIndex
from dvx.formats.placement import Run
from dvx.store.runs import (
    RunBuilder,
    RunCutter,
    frame_end,
    packs_within,
    run_entries,
)

MIB = 1024 * 1024
A, B = b"a" * 16, b"b" * 16


def index_of(*plain):
    offset, entries = 32, []
    for number, size in enumerate(plain):
        entries.append(PackEntry(bytes([number]) * 32, offset, size, size, 0))
        offset += FRAME_HEADER_BYTES + size
    return PackIndex(PackHeader(1, 1), tuple(entries), 10**6)


INDEX = index_of(10, 20, 30, 40)


def run_of(first, last, pack=A):
    entries = INDEX.entries[first : last + 1]
    stored = frame_end(entries[-1]) - entries[0].offset
    return Run(pack, entries[0].offset, stored, len(entries), sum(entry.plain for entry in entries))


def test_neighbours_become_one_run_and_others_do_not():
    builder = RunBuilder()
    for pack, number in [(A, 0), (A, 1), (A, 3), (B, 0), (A, 2), (A, 3)]:
        builder.add_chunk(pack, INDEX.entries[number])
    assert builder.finish() == (run_of(0, 1), run_of(3, 3), run_of(0, 0, B), run_of(2, 3))


def test_added_runs_merge_with_chunks():
    builder = RunBuilder()
    builder.add_run(run_of(0, 1))
    builder.add_chunk(A, INDEX.entries[2])
    builder.add_run(run_of(3, 3))
    assert builder.finish() == (run_of(0, 3),)


def test_nothing_added_gives_no_runs():
    assert RunBuilder().finish() == ()


def test_cut_of_whole_runs_needs_no_index():
    cutter = RunCutter([run_of(0, 1), run_of(3, 3)], lambda name: pytest.fail("asked for an index"))
    assert list(cutter.cut(0, 70)) == [run_of(0, 1), run_of(3, 3)]
    assert list(cutter.cut(30, 30)) == []


def test_cut_in_the_middle_gives_whole_chunks():
    cutter = RunCutter([run_of(0, 3), run_of(0, 0, B)], lambda name: INDEX)
    assert list(cutter.cut(10, 60)) == [run_of(1, 2)]
    assert list(cutter.cut(60, 110)) == [run_of(3, 3), run_of(0, 0, B)]
    assert [(name, [e.plain for e in entries]) for name, entries in cutter.chunks(30, 110)] == [
        (A, [30, 40]),
        (B, [10]),
    ]


@pytest.mark.parametrize(("start", "end"), [(5, 10), (0, 15), (10, 29), (0, 101), (100, 120)])
def test_cut_off_a_chunk_boundary_or_beyond_the_end_is_a_format_error(start, end):
    cutter = RunCutter([run_of(0, 3)], lambda name: INDEX)
    with pytest.raises(FormatError):
        list(cutter.cut(start, end))


@pytest.mark.parametrize(
    "bad",
    [
        Run(A, 33, 22, 1, 10),
        Run(A, 32, 23, 1, 10),
        Run(A, 32, 22, 2, 10),
        Run(A, 32, 22, 1, 11),
        Run(A, 32, 999, 99, 100),
    ],
)
def test_run_that_disagrees_with_the_index_is_a_format_error(bad):
    with pytest.raises(FormatError):
        run_entries(bad, INDEX)


def test_empty_chunks_of_equal_place_are_cut_to_nothing():
    cutter = RunCutter([], lambda name: INDEX)
    assert list(cutter.cut(0, 0)) == []
    with pytest.raises(FormatError):
        list(cutter.cut(0, 1))


def test_packs_within_names_only_the_packs_of_the_spans():
    runs = [Run(bytes([number]) * 16, 32, 100, 1, 10) for number in range(5)]
    assert packs_within(runs, [(0, 10)]) == {runs[0].pack}
    assert packs_within(runs, [(9, 11), (40, 41)]) == {runs[0].pack, runs[1].pack, runs[4].pack}
    assert packs_within(runs, [(10, 10), (20, 30)]) == {runs[2].pack}
    assert packs_within(runs, []) == set()


def test_next_chunk_answers_only_for_the_one_chunk_right_behind_the_last_cut():
    def cutter():
        return RunCutter([run_of(0, 3), run_of(1, 3, B)], lambda name: INDEX)

    found = cutter()
    assert found.next_chunk(0, 10) is None, "nothing was cut yet"
    assert list(found.chunks(0, 10)) == [(A, INDEX.entries[:1])]
    assert found.next_chunk(10, 20) == (A, INDEX.entries[1])
    assert found.next_chunk(10, 20) is None
    assert found.next_chunk(30, 29) is None
    assert found.next_chunk(30, 70) is None, "two chunks"
    assert found.next_chunk(30, 30) == (A, INDEX.entries[2])
    assert found.next_chunk(60, 40) == (A, INDEX.entries[3])
    assert found.next_chunk(100, 20) is None, "the next run"
    assert list(found.chunks(100, 120)) == [(B, INDEX.entries[1:2])]
    assert found.next_chunk(120, 30) == (B, INDEX.entries[2])
    assert list(found.chunks(30, 60)) == [(A, INDEX.entries[2:3])]
    assert found.next_chunk(60, 0) is None
    assert found.next_chunk(60, 40) == (A, INDEX.entries[3])
    found = cutter()
    list(found.chunks(0, 10))
    list(found.cut(30, 60))
    assert found.next_chunk(10, 20) is None, "something else was cut meanwhile"
