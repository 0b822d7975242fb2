"""store.translate: the same bytes in another store."""

import os

import pytest

from dvx.core.errors import DataMissing
from dvx.store.runs import RunCutter
from dvx.store.translate import RootData, lacking_entries, make_placement, translate_runs
from dvx.testing.stores import add_file, copy_roots

MIB = 1024 * 1024


def spelled(store, runs):
    cutter = RunCutter(runs, store.pack_index)
    end = sum(run.plain for run in runs)
    return [entry.id for _, entries in cutter.chunks(0, end) for entry in entries]


def test_runs_of_packs_that_the_target_holds_stay(tmp_path, local, remote):
    placement = add_file(local, tmp_path, os.urandom(2 * MIB))
    copy_roots(local, remote, [placement])
    assert translate_runs(placement.runs, local.pack_index, remote) == placement.runs


def test_runs_of_other_packs_are_said_chunk_by_chunk(tmp_path, local, remote):
    data = os.urandom(2 * MIB)
    here = add_file(local, tmp_path, data)
    there = add_file(remote, tmp_path, data)
    assert here.packs != there.packs
    runs = translate_runs(here.runs, local.pack_index, remote)
    assert runs == there.runs
    assert spelled(remote, runs) == spelled(local, here.runs)


def test_missing_chunk_is_missing_data(tmp_path, local, remote):
    placement = add_file(local, tmp_path, os.urandom(MIB))
    with pytest.raises(DataMissing) as caught:
        translate_runs(placement.runs, local.pack_index, remote)
    assert remote.location in caught.value.what


def test_lacking_entries_are_those_no_pack_of_the_target_has(tmp_path, local, remote):
    shared, own = os.urandom(200_000), os.urandom(200_000)
    first = add_file(local, tmp_path, shared)
    second = add_file(local, tmp_path, own)
    add_file(remote, tmp_path, shared)
    runs = [*first.runs, *second.runs, *second.runs]
    lacking = lacking_entries(runs, local.pack_index, remote, held=set())
    assert {each.id for entries in lacking.values() for each in entries} == set(spelled(local, second.runs))
    assert sum(len(entries) for entries in lacking.values()) == len(spelled(local, second.runs))
    held = {run.pack for run in second.runs}
    assert lacking_entries(runs, local.pack_index, remote, held=held) == {}


def test_placement_lists_each_pack_once_with_its_size(tmp_path, local):
    placement = add_file(local, tmp_path, os.urandom(MIB))
    made = make_placement(
        local,
        RootData(placement.root, "file", 2 * MIB),
        runs=[*placement.runs, *placement.runs],
    )
    assert made.packs == placement.packs
    assert made.packs[0].size == local.pack_index(made.packs[0].name).size
