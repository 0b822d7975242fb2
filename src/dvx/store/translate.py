"""Saying where a root's bytes are in another store: its runs, chunk by chunk where the packs differ.

Owns the making of placement records. Must not move data.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dvx.core.errors import DataMissing
from dvx.core.ids import format_id
from dvx.formats.pack import PackEntry
from dvx.formats.placement import PackRef, Placement, Run
from dvx.store.index import Location
from dvx.store.runs import FindIndex, RunBuilder, run_entries
from dvx.store.store import Store

_CHUNKS_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True)
class RootData:
    """What a pointer says of a root: id, kind ("file" or "directory") and plain size in bytes."""

    id: bytes
    kind: str
    size: int


def make_placement(
    store: Store,
    root: RootData,
    *,
    runs: Sequence[Run],
    pages: Sequence[bytes] = (),
    sizes: Mapping[bytes, int] = MappingProxyType({}),
) -> Placement:
    """The placement of a root whose runs and page packs are all in `store`, or of a size told in `sizes`."""
    names = dict.fromkeys([*(run.pack for run in runs), *pages])
    packs = tuple(PackRef(name, sizes.get(name) or store.pack_size(name)) for name in names)
    return Placement(
        root=root.id, kind=root.kind, size=root.size, packs=packs, pages=tuple(pages), runs=tuple(runs)
    )


def translate_runs(runs: Iterable[Run], find_index: FindIndex, target: Store) -> tuple[Run, ...]:
    """The runs that spell the same bytes in `target`. Raises DataMissing if it lacks a chunk.

    `find_index` gives the indexes of the packs that `runs` refer to.
    """
    runs = list(runs)
    held = target.index.held_packs(target.id, {run.pack for run in runs})
    builder = RunBuilder()
    for stretch, is_held in _stretches(runs, held):
        if is_held:
            builder.add_run(stretch[0])
        else:
            _translate_chunks(stretch, find_index, target, builder)
    return builder.finish()


def _stretches(runs: Sequence[Run], held: set[bytes]) -> Iterator[tuple[list[Run], bool]]:
    """Runs to keep one by one, runs to translate in groups of bounded size."""
    waiting: list[Run] = []
    chunks = 0
    for run in runs:
        if run.pack in held:
            if waiting:
                yield waiting, False
                waiting, chunks = [], 0
            yield [run], True
            continue
        waiting.append(run)
        chunks += run.chunks
        if chunks >= _CHUNKS_AT_ONCE:
            yield waiting, False
            waiting, chunks = [], 0
    if waiting:
        yield waiting, False


def _translate_chunks(runs: Sequence[Run], find_index: FindIndex, target: Store, builder: RunBuilder) -> None:
    ids = [entry.id for run in runs for entry in run_entries(run, find_index(run.pack))]
    known = target.index.find_chunks(target.id, ids)
    missing = [chunk_id for chunk_id in ids if chunk_id not in known]
    if missing:
        raise DataMissing(
            f"{len(missing)} of {len(ids)} chunks are not in `{target.location}`",
            affected=f"the first one is {format_id(missing[0])}",
            hints=["run `dvx push` in the clone that added the data, then `dvx pull` here"],
        )
    for chunk_id in ids:
        location = known[chunk_id]
        builder.add_chunk(location.pack, location.entry)


def lacking_entries(
    runs: Sequence[Run], find_index: FindIndex, target: Store, *, held: set[bytes]
) -> dict[bytes, list[PackEntry]]:
    """The chunks of `runs`, by pack, that `target` does not have under any pack; `held` packs are skipped."""
    lacking: dict[bytes, dict[int, PackEntry]] = {}
    batch: list[Location] = []
    for run in runs:
        if run.pack in held:
            continue
        batch.extend(Location(run.pack, entry) for entry in run_entries(run, find_index(run.pack)))
        if len(batch) >= _CHUNKS_AT_ONCE:
            _keep_lacking(batch, target, lacking)
            batch = []
    _keep_lacking(batch, target, lacking)
    return {pack: list(entries.values()) for pack, entries in lacking.items()}


def _keep_lacking(batch: list[Location], target: Store, lacking: dict[bytes, dict[int, PackEntry]]) -> None:
    known = target.index.find_chunks(target.id, [location.entry.id for location in batch])
    for pack, entry in batch:
        if entry.id not in known:
            lacking.setdefault(pack, {})[entry.offset] = entry
