"""Copying roots from one store to another: the one operation behind push and fetch.

Owns what is moved (`plan_transfer`, which only reads), the moving (`run_transfer`) and the order packs →
records → confirmation. Must not know which side is local, except for how a pack is best copied.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dvx.core.errors import BackendError
from dvx.core.progress import Reporter
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry
from dvx.formats.placement import Placement, Run
from dvx.store.chunk_reader import Frame, plan_ranges, read_verified
from dvx.store.index import Location
from dvx.store.runs import MAX_WINDOWS
from dvx.store.store import Store
from dvx.store.translate import RootData, lacking_entries, make_placement, translate_runs

if TYPE_CHECKING:
    # Threads and what writes packs, 12 ms, come in when something is copied.
    from concurrent.futures import Future, ThreadPoolExecutor

    from dvx.store.pack_sink import PackSink

# A pack of which at least this part is needed is copied whole: one plain upload or download beats picking frames,
# and the rest of the pack is mostly an older version that somebody needs too.
WHOLE_FROM: Final = 0.5
# A listing of 100 000 files has about this much. Whoever wants some paths of a larger one reads their pages one by
# one, which takes a round trip for each level.
SMALL_LISTING_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RootTransfer:
    """One root to copy. `runs` is all of it, or the part that is wanted; a part gets no record in the target."""

    data: RootData
    source: Placement
    runs: tuple[Run, ...]
    is_whole: bool = True


@dataclass(slots=True)
class TransferPlan:
    """What has to move. Sizes are stored bytes."""

    roots: list[RootTransfer] = field(default_factory=list)
    whole_packs: dict[bytes, int] = field(default_factory=dict)
    frames: dict[bytes, list[PackEntry]] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Stored bytes to move."""
        picked = sum(FRAME_HEADER_BYTES + e.stored for entries in self.frames.values() for e in entries)
        return picked + sum(self.whole_packs.values())


@dataclass(slots=True)
class TransferResult:
    """What was moved: stored bytes, packs made or copied in the target, roots made reachable there."""

    size_bytes: int = 0
    packs: int = 0
    roots: int = 0


def plan_transfer(source: Store, target: Store, roots: Iterable[RootTransfer], *, jobs: int) -> TransferPlan:
    """Find what `target` lacks of these roots. Reads indexes, moves nothing."""
    plan = TransferPlan(roots=list(roots))
    packs = {pack.name: pack.size for root in plan.roots for pack in root.source.packs}
    held = target.index.held_packs(target.id, packs)
    for root in plan.roots:
        if root.is_whole or sum(packs[name] for name in root.source.pages) <= SMALL_LISTING_BYTES:
            plan.whole_packs.update((name, packs[name]) for name in root.source.pages if name not in held)
    runs = [run for root in plan.roots for run in root.runs if run.pack not in held]
    if not target.index.holds_any(target.id):
        # Nothing can be there under another name, so the records tell enough: no index is asked for.
        plan.whole_packs.update((name, packs[name]) for name in _mostly_needed(runs, packs))
        runs = [run for run in runs if run.pack not in plan.whole_packs]
    source.load_pack_indexes((run.pack for run in runs), jobs=jobs)
    lacking = lacking_entries(runs, source.pack_index, target, held=held)
    for name, entries in lacking.items():
        needed = sum(FRAME_HEADER_BYTES + entry.stored for entry in entries)
        if needed >= WHOLE_FROM * packs[name]:
            plan.whole_packs[name] = packs[name]
        else:
            plan.frames[name] = entries
    return plan


def _mostly_needed(runs: Iterable[Run], sizes: Mapping[bytes, int]) -> list[bytes]:
    """The packs of which the runs need so much that they are copied whole, in the order of their first use."""
    spans: dict[bytes, list[tuple[int, int]]] = {}
    for run in runs:
        spans.setdefault(run.pack, []).append((run.offset, run.offset + run.stored))
    return [name for name, found in spans.items() if _covered(found) >= WHOLE_FROM * sizes[name]]


def _covered(spans: list[tuple[int, int]]) -> int:
    """How many bytes lie in at least one of the spans (start, end)."""
    covered = reached = 0
    for start, end in sorted(spans):
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def run_transfer(
    plan: TransferPlan, source: Store, target: Store, *, jobs: int, reporter: Reporter
) -> TransferResult:
    """Copy what the plan names, then write a record for every whole root.

    Packs copied before a failure stay in the target and are not moved again by the next run.
    """
    result = copy_objects(plan, source, target, jobs=jobs, reporter=reporter)
    write_records(plan, source, target)
    result.roots = len(plan.roots)
    return result


def copy_objects(
    plan: TransferPlan, source: Store, target: Store, *, jobs: int, reporter: Reporter
) -> TransferResult:
    """The part of `run_transfer` that moves packs and frames; no root becomes reachable by it."""
    from concurrent.futures import ThreadPoolExecutor

    from dvx.store.pack_sink import PackSink

    result = TransferResult()
    sink = PackSink(target, kind=1)
    try:
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="dvx-transfer") as pool:
            try:
                _copy_packs(plan, source, target, pool, reporter, result)
                _copy_frames(plan, source, sink, pool, reporter, jobs)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        sink.finish()
    finally:
        sink.close()
    result.size_bytes += sink.new_stored_bytes
    result.packs += sink.packs
    return result


def _copy_packs(
    plan: TransferPlan,
    source: Store,
    target: Store,
    pool: "ThreadPoolExecutor",
    reporter: Reporter,
    result: TransferResult,
) -> None:
    from dvx.store.pack_copy import copy_pack

    def tell(count: int) -> None:
        reporter.advance(size_bytes=count)

    futures = {
        pool.submit(copy_pack, source, target, name, size=size, on_bytes=tell): size
        for name, size in plan.whole_packs.items()
    }
    for future in _in_order_of_completion(futures):
        future.result()
        result.size_bytes += futures[future]
        result.packs += 1


def _in_order_of_completion(futures: "Mapping[Future[None], int]") -> "Iterable[Future[None]]":
    from concurrent.futures import FIRST_COMPLETED, wait

    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        yield from done


def _copy_frames(
    plan: TransferPlan,
    source: Store,
    sink: "PackSink",
    pool: "ThreadPoolExecutor",
    reporter: Reporter,
    jobs: int,
) -> None:
    from concurrent.futures import Future

    groups = [(pack, group) for pack, entries in plan.frames.items() for group in plan_ranges(entries)]
    # Bounded by hand: the results of a plain map over all groups would pile up in memory.
    window = min(2 * jobs, MAX_WINDOWS)
    futures: list[Future[list[Frame]]] = []
    for number in range(len(groups) + window):
        if number < len(groups):
            futures.append(pool.submit(_read_verified, source, *groups[number], reporter))
        if number >= window and number - window < len(groups):
            frames = futures[number - window].result()
            futures[number - window] = Future()
            _append_frames(frames, sink)


def _read_verified(source: Store, pack: bytes, group: Sequence[PackEntry], reporter: Reporter) -> list[Frame]:
    frames = [(entry, stored) for entry, stored, _ in read_verified(source, pack, group)]
    reporter.advance(size_bytes=sum(FRAME_HEADER_BYTES + entry.stored for entry in group))
    return frames


def _append_frames(frames: Sequence[Frame], sink: "PackSink") -> None:
    for entry, stored in frames:
        if sink.locate(entry.id) is None:
            sink.write(entry.id, entry.codec, stored, entry.plain)


def write_records(plan: TransferPlan, source: Store, target: Store) -> None:
    """Make every whole root of the plan reachable in the target, which has all its chunks by now."""
    for root in plan.roots:
        if root.is_whole:
            target.add_record(translate_placement(root.data, root.source, source, target))


def translate_placement(root: RootData, placement: Placement, source: Store, target: Store) -> Placement:
    """The placement in `target` of a root all of whose chunks and page packs were copied there."""
    runs = translate_runs(placement.runs, source.pack_index, target)
    pages = _page_packs(placement, source, target)
    return make_placement(target, root, runs=runs, pages=pages)


def _page_packs(placement: Placement, source: Store, target: Store) -> list[bytes]:
    """The packs of `target` that hold the same pages; names differ where a name could not be used again."""
    held = target.index.held_packs(target.id, placement.pages)
    pages = [name for name in placement.pages if name in held]
    for name in placement.pages:
        if name not in held:
            ids = [entry.id for entry in source.pack_index(name).entries]
            found: dict[bytes, Location] = target.index.find_chunks(target.id, ids)
            if len(found) != len(ids):
                raise BackendError(f"pages of a manifest were not copied to `{target.location}`")
            pages.extend(location.pack for location in found.values())
    return list(dict.fromkeys(pages))


def confirm_roots(target: Store, roots: Sequence[bytes], *, jobs: int) -> None:
    """Have the target confirm every object that the roots need there. Raises BackendError if one is absent.

    Nothing is inferred: each root must have a record whose packs all exist with their exact sizes.
    """
    complete = target.complete_placements(list(roots), jobs=jobs)
    lost = [root for root in roots if root not in complete]
    if lost:
        raise BackendError(
            f"`{target.location}` did not keep everything that was written: {len(lost)} of {len(roots)} incomplete",
            affected="the local data is intact; the remote is not complete",
            hints=["run the same command again; if it fails again, run `dvx remote check`"],
            kind="not-confirmed",
        )
    target.check_no_collection()
