"""store.transfer: what moves, in what order, and what counts as done."""

import os
import threading
from dataclasses import replace

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError
from dvx.core.progress import NullReporter
from dvx.formats.layout import pack_key, root_prefix
from dvx.store import transfer as transfer_module
from dvx.store.damage import DamagedPack
from dvx.store.transfer import RootTransfer, confirm_roots, plan_transfer, run_transfer
from dvx.store.translate import RootData
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.stores import (
    add_directory,
    add_file,
    copy_roots,
    make_store,
    read_directory,
    read_file,
)

MIB = 1024 * 1024
FILES = {f"{number:03d}": os.urandom(30_000) for number in range(40)}


def transfers(placements):
    return [RootTransfer(RootData(each.root, each.kind, each.size), each, each.runs) for each in placements]


def plan(source, target, *placements):
    return plan_transfer(source, target, transfers(placements), jobs=2)


def test_plan_of_a_new_root_moves_whole_packs_and_of_a_known_one_nothing(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    first = plan(local, remote, placement)
    assert set(first.whole_packs) == {pack.name for pack in placement.packs}
    assert first.frames == {}
    assert first.size_bytes == sum(pack.size for pack in placement.packs)
    assert list(remote.backend.list("packs/")) == []
    copy_roots(local, remote, [placement])
    assert plan(local, remote, placement).size_bytes == 0


@pytest.mark.parametrize("limit", [0, 10**6])
def test_part_of_a_root_comes_with_its_listing_only_where_that_is_small(
    tmp_path, local, remote, monkeypatch, limit
):
    placement = add_directory(local, tmp_path, FILES)
    monkeypatch.setattr(transfer_module, "SMALL_LISTING_BYTES", limit)
    (whole,) = transfers([placement])
    part = replace(whole, runs=(), is_whole=False)
    assert set(plan_transfer(local, remote, [part], jobs=2).whole_packs) == (
        set(placement.pages) if limit else set()
    )
    assert set(placement.pages) <= set(plan_transfer(local, remote, [whole], jobs=2).whole_packs)


def test_small_part_of_a_pack_is_picked_and_not_compressed_again(tmp_path, local, remote):
    add_directory(local, tmp_path, FILES)
    part = add_file(local, tmp_path, FILES["007"])
    picked = plan(local, remote, part)
    assert picked.whole_packs == {}
    assert 30_000 <= picked.size_bytes < 31_000
    result = copy_roots(local, remote, [part])
    assert (result.roots, result.packs) == (1, 1)
    there = remote.complete_placements([part.root], jobs=1)[part.root]
    assert read_file(remote, there, tmp_path / "out") == FILES["007"]


def test_chunks_that_the_target_has_elsewhere_are_not_moved(tmp_path, local, remote):
    placement = add_file(local, tmp_path, FILES["001"] * 10)
    add_file(remote, tmp_path, FILES["001"] * 10)
    assert plan(local, remote, placement).size_bytes == 0
    result = copy_roots(local, remote, [placement])
    assert (result.size_bytes, result.roots) == (0, 1)


def test_records_come_after_all_packs(tmp_path, index, local):
    order = []

    class Noting(MemoryBackend):
        """Notes the kind of each object that is put."""

        def put(self, key, data, *, if_absent=False):
            order.append(key.split("/")[0])
            super().put(key, data, if_absent=if_absent)

    target = make_store(tmp_path, index, backend=Noting(), is_remote=True)
    order.clear()
    copy_roots(local, target, [add_directory(local, tmp_path, FILES), add_file(local, tmp_path, b"x" * 500)])
    assert order.count("roots") == 2
    assert set(order[:-2]) == {"packs"}


def test_part_of_a_root_gets_no_record(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    part = RootTransfer(
        RootData(placement.root, placement.kind, placement.size),
        placement,
        placement.runs[:1],
        is_whole=False,
    )
    run_transfer(plan_transfer(local, remote, [part], jobs=2), local, remote, jobs=2, reporter=NullReporter())
    assert list(remote.backend.list(root_prefix(placement.root))) == []


@pytest.mark.parametrize("operation", ["put", "put_file"])
@pytest.mark.parametrize("effect", [Effect.REFUSAL, Effect.LOST_RESPONSE])
@pytest.mark.parametrize("call", [1, 2])
def test_failed_transfer_leaves_no_record_without_packs_and_the_next_one_finishes(
    tmp_path, index, local, operation, effect, call
):
    inner = MemoryBackend()
    make_store(tmp_path, index, backend=inner, is_remote=True)
    faulty = FaultyBackend(inner, [Fault(operation, call, effect)])
    target = make_store(tmp_path, index, backend=faulty, is_remote=True)
    placements = [add_directory(local, tmp_path, FILES), add_file(local, tmp_path, b"y" * 900)]
    roots = [each.root for each in placements]
    before = threading.active_count()
    with pytest.raises(BackendError, match="injected"):
        copy_roots(local, target, placements)
    assert threading.active_count() <= before
    assert os.listdir(target.temporary_folder) == []
    known = target.placements(roots, jobs=1)
    assert set(known) == set(target.complete_placements(roots, jobs=1))
    copy_roots(local, target, placements)
    confirm_roots(target, roots, jobs=2)
    there = target.complete_placements(roots, jobs=1)
    assert read_directory(target, there[roots[0]], tmp_path / "out") == FILES


def test_damaged_source_pack_is_not_copied(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    name = max(placement.packs, key=lambda pack: pack.size).name
    data = local.backend.get(pack_key(name), max_bytes=10**8)
    local.backend.put(pack_key(name), flip_bit(data, 5000))
    with pytest.raises(DamagedPack) as caught:
        copy_roots(local, remote, [placement])
    assert caught.value.pack == name
    assert remote.backend.stat(pack_key(name)) is None
    assert remote.placements([placement.root], jobs=1) == {}


def test_confirm_asks_for_every_object(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    copy_roots(local, remote, [placement])
    confirm_roots(remote, [placement.root], jobs=2)
    for pack in placement.packs:
        data = remote.backend.get(pack_key(pack.name), max_bytes=10**8)
        remote.backend.delete(pack_key(pack.name))
        with pytest.raises(BackendError) as caught:
            confirm_roots(remote, [placement.root], jobs=2)
        assert caught.value.kind == "not-confirmed"
        remote.backend.put(pack_key(pack.name), data)
    remote.complete_placements([placement.root], jobs=2)
    for item in list(remote.backend.list("roots/")):
        remote.backend.delete(item.key)
    with pytest.raises(BackendError):
        confirm_roots(remote, [placement.root], jobs=2)


def test_lost_pack_is_copied_under_a_new_name(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    copy_roots(local, remote, [placement])
    for pack in placement.packs:
        remote.backend.delete(pack_key(pack.name))
    assert remote.complete_placements([placement.root], jobs=2) == {}
    copy_roots(local, remote, [placement])
    there = remote.complete_placements([placement.root], jobs=2)[placement.root]
    assert not {pack.name for pack in there.packs} & {pack.name for pack in placement.packs}
    assert read_directory(remote, there, tmp_path / "out") == FILES
