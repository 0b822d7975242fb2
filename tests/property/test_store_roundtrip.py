"""Laws of the store: what goes in comes out, through any number of stores and versions."""

import random
import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, PackHeader, PackIndex
from dvx.store.runs import RunBuilder, RunCutter
from dvx.testing.stores import (
    add_directory,
    add_file,
    copy_roots,
    make_store,
    open_index,
    read_directory,
    read_file,
)

MIB = 1024 * 1024
FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

names = st.text(st.sampled_from("ab-.0é"), min_size=1, max_size=4).filter(lambda name: name.strip(".") != "")
contents = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 3), st.integers(0, 200_000)
    ),
    st.builds(lambda byte, size: bytes([byte]) * size, st.integers(0, 2), st.integers(0, 300_000)),
)


@st.composite
def trees(draw):
    """Files by path, where no file is the folder of another."""
    paths = draw(st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=12, unique=True))
    folders = {path[:i] for path in paths for i, sign in enumerate(path) if sign == "/"}
    return {path: draw(contents) for path in paths if path not in folders}


@FEW
@given(trees())
def test_directory_comes_back_equal_and_passes_through_two_other_stores(tree):
    with tempfile.TemporaryDirectory() as folder, open_index(folder) as index:
        first = make_store(folder, index)
        second = make_store(folder, index, is_remote=True)
        third = make_store(folder, index)
        placement = add_directory(first, folder, tree)
        assert read_directory(first, placement, f"{folder}/out1") == tree
        copy_roots(first, second, [placement])
        there = second.complete_placements([placement.root], jobs=2)[placement.root]
        assert read_directory(second, there, f"{folder}/out2") == tree
        copy_roots(second, third, [there])
        back = third.complete_placements([placement.root], jobs=2)[placement.root]
        assert read_directory(third, back, f"{folder}/out3") == tree
        assert add_directory(third, folder, tree).root == placement.root


@FEW
@given(st.lists(trees(), min_size=2, max_size=4))
def test_versions_of_a_directory_stay_readable_after_each_other_in_every_store(versions):
    with tempfile.TemporaryDirectory() as folder, open_index(folder) as index:
        local, remote = make_store(folder, index), make_store(folder, index, is_remote=True)
        placements = []
        for tree in versions:
            placement = add_directory(local, folder, tree)
            copy_roots(local, remote, [placement])
            placements.append(placement)
        found = remote.complete_placements([placement.root for placement in placements], jobs=2)
        for number, (tree, placement) in enumerate(zip(versions, placements, strict=True)):
            assert read_directory(local, placement, f"{folder}/local{number}") == tree
            assert read_directory(remote, found[placement.root], f"{folder}/remote{number}") == tree


@st.composite
def edits(draw):
    """Edits of a big file: (kind, position as a fraction, length)."""
    kinds = st.sampled_from(["insert", "delete", "replace"])
    return draw(
        st.lists(
            st.tuples(kinds, st.floats(0, 1, exclude_max=True), st.integers(1, 5000)), min_size=1, max_size=6
        )
    )


def edited(data, changes, seed):
    for kind, fraction, length in changes:
        position = int(fraction * len(data))
        new = b"" if kind == "delete" else random.Random(seed).randbytes(length)
        removed = 0 if kind == "insert" else length
        data = data[:position] + new + data[position + removed :]
    return data


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits(), st.integers(0, 5))
def test_edited_big_file_stores_little_again_and_restores_equal(changes, seed):
    old = random.Random(99).randbytes(6 * MIB)
    new = edited(old, changes, seed)
    with tempfile.TemporaryDirectory() as folder, open_index(folder) as index:
        local, remote = make_store(folder, index), make_store(folder, index, is_remote=True)
        before = add_file(local, folder, old)
        copy_roots(local, remote, [before])
        after = add_file(local, folder, new)
        moved = copy_roots(local, remote, [after]).size_bytes
        # Each edit touches one chunk or two of 256 KiB at most, and what it inserts.
        assert moved <= sum(2 * 256 * 1024 + length + 1000 for _, _, length in changes)
        assert read_file(local, after, f"{folder}/new") == new
        assert read_file(local, before, f"{folder}/old") == old
        there = remote.complete_placements([after.root], jobs=2)[after.root]
        assert read_file(remote, there, f"{folder}/remote") == new


@st.composite
def layouts(draw):
    """Pack indexes and a sequence of (pack, chunk number) that spells a root."""
    packs = {}
    for number in range(draw(st.integers(1, 3))):
        offset, entries = 32, []
        for chunk in range(draw(st.integers(1, 6))):
            stored = draw(st.integers(1, 50))
            chunk_id = bytes([number, chunk]) * 16
            entries.append(PackEntry(chunk_id, offset, stored, draw(st.integers(stored, 60)), 0))
            offset += FRAME_HEADER_BYTES + stored
        packs[bytes([number]) * 16] = PackIndex(PackHeader(1, 1), tuple(entries), 10_000)
    choices = [(name, entry) for name, index in packs.items() for entry in index.entries]
    return packs, draw(st.lists(st.sampled_from(choices), min_size=1, max_size=12))


@settings(max_examples=200, deadline=None)
@given(layouts(), st.data())
def test_run_cutter_gives_what_a_list_of_chunks_gives(layout, data):
    packs, chunks = layout
    builder = RunBuilder()
    for name, entry in chunks:
        builder.add_chunk(name, entry)
    runs = builder.finish()
    assert sum(run.chunks for run in runs) == len(chunks)
    cutter = RunCutter(runs, packs.__getitem__)
    for _ in range(3):
        first = data.draw(st.integers(0, len(chunks)))
        last = data.draw(st.integers(first, len(chunks)))
        start = sum(entry.plain for _, entry in chunks[:first])
        end = start + sum(entry.plain for _, entry in chunks[first:last])
        spelled = [(name, entry) for name, entries in cutter.chunks(start, end) for entry in entries]
        assert spelled == chunks[first:last]
        rebuilt = RunBuilder()
        for run in cutter.cut(start, end):
            rebuilt.add_run(run)
        expected = RunBuilder()
        for name, entry in chunks[first:last]:
            expected.add_chunk(name, entry)
        assert rebuilt.finish() == expected.finish()
