"""Where the bytes of a merged directory are: in the local store, after what it lacks of them was fetched.

Owns the choice of a record for each side and the fetch of ranges. Must not know how paths were merged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from dvx.core.errors import DataMissing, DvxError, NotFound, UsageError
from dvx.core.shell_words import quote
from dvx.formats.manifest_patch import Piece
from dvx.formats.placement import Placement, Run
from dvx.formats.pointer import Pointer
from dvx.formats.three_way import Side
from dvx.ops.far_packs import RootRecord, find_pack_index, find_record
from dvx.ops.parts import part_wanted
from dvx.ops.project import Project
from dvx.ops.sources import check_fits, root_data
from dvx.repo.pointers import TrackedPointer, pointer_path_of
from dvx.store.runs import RunBuilder, RunCutter, packs_within
from dvx.store.store import Store
from dvx.store.transfer import RootTransfer, plan_transfer, run_transfer
from dvx.store.translate import translate_runs


@dataclass(frozen=True, slots=True)
class _Source:
    """A record of one side, and the remote it comes from; None for one of the local store."""

    placement: Placement
    remote: Store | None


@dataclass(frozen=True, slots=True)
class MergedRuns:
    """Runs that spell a merged directory; `far` are packs that may be on a remote only, with their sizes in bytes."""

    runs: tuple[Run, ...]
    far: Mapping[bytes, int]


def merged_runs(
    project: Project, sides: Mapping[Side, Pointer], pieces: Sequence[Piece], path: str
) -> MergedRuns:
    """The runs that spell `pieces`, one behind the other.

    A side that is not completely in the local store is looked up on the remote, and what the pieces need of it is
    fetched, unless no more than a part of the directory is wanted here: then it stays there. Raises DataMissing where
    the remote does not have it either, or there is none.
    """
    if part_wanted(project, path) is not None:
        return _far_runs(project, sides, pieces, path)
    return MergedRuns(_local_runs(project, sides, pieces, path), {})


def _far_runs(
    project: Project, sides: Mapping[Side, Pointer], pieces: Sequence[Piece], path: str
) -> MergedRuns:
    used = {piece.side for piece in pieces}
    records: dict[Side, RootRecord] = {}
    for side in used:
        record = find_record(project, TrackedPointer(path, pointer_path_of(path), sides[side]))
        if record is None:
            raise _missing(path, "")
        records[side] = record
    cutters = {
        side: RunCutter(record.placement.runs, partial(find_pack_index, project))
        for side, record in records.items()
    }
    builder = RunBuilder()
    for piece in pieces:
        for run in cutters[piece.side].cut(piece.start, piece.end):
            builder.add_run(run)
    far = {name: size for record in records.values() for name, size in record.far.items()}
    return MergedRuns(builder.finish(), far)


def _local_runs(
    project: Project, sides: Mapping[Side, Pointer], pieces: Sequence[Piece], path: str
) -> tuple[Run, ...]:
    sources = _find_sources(project, sides, pieces, path)
    for side, source in sources.items():
        if source.remote is not None:
            _fetch(project, source, source.remote, sides[side], _spans(pieces, side), path)
    cutters = {
        side: RunCutter(source.placement.runs, (source.remote or project.local).pack_index)
        for side, source in sources.items()
    }
    builder = RunBuilder()
    for piece in pieces:
        runs = list(cutters[piece.side].cut(piece.start, piece.end))
        remote = sources[piece.side].remote
        if remote is not None:
            runs = list(translate_runs(runs, remote.pack_index, project.local))
        for run in runs:
            builder.add_run(run)
    return builder.finish()


def _spans(pieces: Sequence[Piece], side: Side) -> list[tuple[int, int]]:
    return sorted((piece.start, piece.end) for piece in pieces if piece.side is side)


def _find_sources(
    project: Project, sides: Mapping[Side, Pointer], pieces: Sequence[Piece], path: str
) -> dict[Side, _Source]:
    used = {piece.side for piece in pieces}
    roots = {side: pointer.id for side, pointer in sides.items() if side in used}
    local = project.local.complete_placements(list(roots.values()), jobs=project.jobs)
    absent = [root for root in roots.values() if root not in local]
    remote = _open_remote(project, absent, path) if absent else None
    if remote is not None:
        remote.expect_sizes((pointer.id, pointer.size) for pointer in sides.values())
    far = remote.complete_placements(absent, jobs=project.transfers) if remote is not None else {}
    found: dict[Side, _Source] = {}
    for side, root in roots.items():
        placement = local.get(root) or far.get(root)
        if placement is None:
            raise _missing(path, f"on `{remote.location}`" if remote is not None else "")
        check_fits(placement, TrackedPointer(path, pointer_path_of(path), sides[side]))
        found[side] = _Source(placement, None if root in local else remote)
    return found


def _open_remote(project: Project, roots: Sequence[bytes], path: str) -> Store:
    try:
        return project.remote(None, roots=roots)
    except (NotFound, UsageError) as error:
        raise _missing(path, "") from error


def _fetch(
    project: Project,
    source: _Source,
    remote: Store,
    pointer: Pointer,
    spans: Sequence[tuple[int, int]],
    path: str,
) -> None:
    """Copy the stretches of one side's stream that are needed, and no more, to the local store."""
    remote.load_pack_indexes(packs_within(source.placement.runs, spans), jobs=project.transfers)
    cutter = RunCutter(source.placement.runs, remote.pack_index)
    runs = tuple(run for start, end in spans for run in cutter.cut(start, end))
    data = root_data(TrackedPointer(path, pointer_path_of(path), pointer))
    transfer = RootTransfer(data, source.placement, runs, is_whole=False)
    plan = plan_transfer(remote, project.local, [transfer], jobs=project.transfers)
    project.reporter.start("receiving", total_bytes=plan.size_bytes)
    run_transfer(plan, remote, project.local, jobs=project.transfers, reporter=project.reporter)
    project.reporter.finish()


def _missing(path: str, where: str) -> DvxError:
    return DataMissing(
        f"the data of a version of `{path}` is neither in the local store nor {where or 'on a remote'}",
        affected=f"`{path}` was not merged; nothing was changed",
        hints=[
            f"fetch it (during a merge: `dvx fetch --rev MERGE_HEAD {quote(path)}`), then run `dvx resolve`",
            f"or push it from the clone that has it: `dvx push {quote(path)}`",
        ],
        kind="not-fetched",
    )
