"""Where to read the data of a root from: the local store, or a remote.

Owns the choice of a placement. Must not move data between stores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import BackendError, DataMissing, IntegrityError, NotFound, UsageError
from dvx.core.ids import format_id
from dvx.core.shell_words import quote, quote_all
from dvx.formats.placement import Placement, Run
from dvx.ops.project import Project
from dvx.repo.pointers import TrackedPointer
from dvx.store.runs import FindIndex, RunCutter, packs_within
from dvx.store.store import Store
from dvx.store.translate import RootData, translate_runs

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DataSource:
    """A store and the runs there that spell a root's stream."""

    store: Store
    runs: tuple[Run, ...]


def root_data(tracked: TrackedPointer) -> RootData:
    """What a pointer says of its root."""
    return RootData(tracked.pointer.id, tracked.pointer.kind, tracked.pointer.size)


def expect_roots(store: Store, tracked: Iterable[TrackedPointer]) -> None:
    """Tell a store what pointers say of roots whose records will be read: a record that needs more is not believed."""
    store.expect_sizes((item.pointer.id, item.pointer.size) for item in tracked)


def check_fits(placement: Placement, tracked: TrackedPointer) -> None:
    """Raise IntegrityError unless a record is for what the pointer names; done before anything is written."""
    pointer = tracked.pointer
    if placement.size != pointer.size or placement.kind != pointer.kind:
        raise IntegrityError(
            f"`{tracked.pointer_path}` says {pointer.kind} of {pointer.size} bytes, the store has a "
            f"{placement.kind} of {placement.size} bytes under the same id",
            affected=f"`{tracked.path}` was not touched",
            hints=[f"restore the pointer: `git checkout HEAD -- {quote(tracked.pointer_path)}`"],
            kind="size-mismatch",
        )


def local_sources(project: Project, tracked: Sequence[TrackedPointer]) -> dict[bytes, DataSource]:
    """Sources in the local store for the roots that are completely there."""
    roots = list(dict.fromkeys(item.pointer.id for item in tracked))
    placements = project.local.complete_placements(roots, jobs=project.jobs)
    for item in tracked:
        if item.pointer.id in placements:
            check_fits(placements[item.pointer.id], item)
    return {root: DataSource(project.local, placement.runs) for root, placement in placements.items()}


def stored_placements(
    project: Project, roots: Sequence[bytes], *, remote_name: str | None
) -> dict[bytes, Placement]:
    """Placements of the roots that the local store has completely, or else the remote.

    Every pack is looked for. A remote that is not set up or cannot be asked has nothing.
    """
    found = project.local.complete_placements(list(roots), jobs=project.jobs)
    rest = [root for root in roots if root not in found]
    if rest:
        try:
            remote = project.remote(remote_name)
            found.update(remote.complete_placements(rest, jobs=project.transfers))
            found.update(_in_both(project, remote, [root for root in rest if root not in found]))
        except (BackendError, DataMissing, NotFound, UsageError):
            return found
    return found


def incomplete_records(project: Project, roots: Sequence[bytes]) -> dict[bytes, Placement]:
    """A record in the local store of each root that has one; for roots that are not complete there."""
    found = project.local.placements(roots, jobs=project.jobs)
    return {root: placements[0] for root, placements in found.items()}


def _in_both(project: Project, remote: Store, roots: Sequence[bytes]) -> dict[bytes, Placement]:
    """Placements of roots whose packs the local store and the remote have between them."""
    if not roots:
        return {}
    from dvx.ops.far_packs import packs_on  # which builds on this module

    return packs_on(project, remote, list(incomplete_records(project, roots).values()))


def partial_local_runs(
    project: Project, tracked: TrackedPointer, remote: Store | None, spans: Sequence[Span]
) -> DataSource | None:
    """Runs in the local store for just `spans` of a root that is not completely there.

    Uses a record of the local store, or of the remote (from memory where it was read before), to learn the chunks.
    The runs keep their places in the stream. None if a chunk is missing locally.
    """
    if remote is not None:
        expect_roots(remote, [tracked])
    root = tracked.pointer.id
    for store in (project.local, remote):
        if store is None:
            continue
        for placement in store.placements([root], jobs=project.transfers).get(root, []):
            check_fits(placement, tracked)
            try:
                runs = local_spans(project, placement, spans, find_index=store.pack_index)
            except (DataMissing, ObjectNotFound):
                continue
            return DataSource(project.local, runs)
    return None


def local_spans(
    project: Project, placement: Placement, spans: Iterable[Span], *, find_index: FindIndex | None = None
) -> tuple[Run, ...]:
    """The runs in the local store for `spans` of a root, each in its place; what is between them must not be read.

    Raises DataMissing or ObjectNotFound where the local store lacks a chunk.
    """
    find_index = find_index or project.local.pack_index
    cutter = RunCutter(placement.runs, find_index)
    runs: list[Run] = []
    position = 0
    for start, end in spans:
        if start > position:
            runs.append(_gap(start - position))
        runs.extend(translate_runs(cutter.cut(start, end), find_index, project.local))
        position = end
    if placement.size > position:
        runs.append(_gap(placement.size - position))
    return tuple(runs)


def _gap(size: int) -> Run:
    """Stands for bytes that nobody reads, and in whose packs nobody has to look."""
    return Run(b"", 0, 0, 0, size)


def has_spans(project: Project, placement: Placement, spans: Iterable[Span]) -> bool:
    """Whether the local store has these stretches of a root, each chunk of them."""
    try:
        local_spans(project, placement, spans)
    except (DataMissing, ObjectNotFound):
        return False
    return True


def remote_source(
    project: Project,
    tracked: TrackedPointer,
    remote: Store,
    *,
    spans: Sequence[Span],
    careful: bool = False,
) -> DataSource:
    """A source on a remote, for reading without a copy in the local store. Raises DataMissing.

    With `careful`, or where there are several records, every pack is looked for before a record is chosen. The
    indexes of the packs that `spans` of the root's stream need are asked for at once, not one by one later.
    """
    expect_roots(remote, [tracked])
    placements = remote.placements([tracked.pointer.id], jobs=project.transfers).get(tracked.pointer.id, [])
    if careful or len(placements) > 1:
        complete = remote.complete_placements([tracked.pointer.id], jobs=project.transfers)
        placements = list(complete.values())
    if not placements:
        raise missing_on_remote([tracked], remote)
    check_fits(placements[0], tracked)
    runs = placements[0].runs
    remote.load_pack_indexes(packs_within(runs, spans), jobs=project.transfers)
    return DataSource(remote, runs)


def missing_on_remote(tracked: Sequence[TrackedPointer], remote: Store) -> DataMissing:
    """The error for pointers whose data a remote does not have."""
    first = tracked[0]
    names = ", ".join(f"`{item.path}`" for item in tracked[:5])
    more = f" and {len(tracked) - 5} more" if len(tracked) > 5 else ""
    return DataMissing(
        f"the data of {names}{more} is not on `{remote.location}`",
        affected=f"{len(tracked)} path(s), the first with id {format_id(first.pointer.id)}; "
        "the workspace was not changed for them",
        hints=[f"push it from a clone that has it: `dvx push {quote_all([first.path])}`"],
        kind="not-on-remote",
        paths=[item.path for item in tracked],
    )


def missing_locally(tracked: Sequence[TrackedPointer], wanted: Sequence[str] = ()) -> DataMissing:
    """The error for pointers whose data is not in the local store; `wanted` are the parts of the only one."""
    names = ", ".join(f"`{item.path}`" for item in tracked[:5])
    more = f" and {len(tracked) - 5} more" if len(tracked) > 5 else ""
    from dvx.ops.parts import names_to_pull  # only where data is missing

    target = quote_all(names_to_pull(tracked[0].path, wanted)) if len(tracked) == 1 else ""
    return DataMissing(
        f"the data of {names}{more} is not in the local store",
        affected="these paths were left as they are",
        hints=[f"fetch it: `{f'dvx pull {target}'.strip()}`"],
        kind="not-fetched",
        paths=[item.path for item in tracked],
    )
