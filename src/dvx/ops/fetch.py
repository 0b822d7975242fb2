"""`dvx fetch`: copy what pointers name from a remote to the local store.

Owns the choice between whole roots and parts of them. The copying itself is dvx.store.transfer.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace

from dvx.backends.backend import ObjectNotFound
from dvx.formats.placement import Placement
from dvx.ops.project import Project
from dvx.ops.selection import check_named, path_of_target
from dvx.ops.sources import check_fits, expect_roots, incomplete_records, missing_on_remote, root_data
from dvx.ops.trees import Tree
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target
from dvx.store.damage import DamagedPack
from dvx.store.page_reader import PageReader
from dvx.store.runs import RunCutter, packs_within
from dvx.store.store import Store
from dvx.store.transfer import RootTransfer, TransferPlan, plan_transfer, run_transfer


@dataclass(slots=True)
class FetchPlan:
    """What a fetch will do. `present` counts targets that are in the local store already."""

    transfer: TransferPlan = field(default_factory=TransferPlan)
    present: int = 0
    missing: list[TrackedPointer] = field(default_factory=list)
    remote: Store | None = None


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch did; `size_bytes` counts stored bytes that were downloaded."""

    roots: int
    present: int
    size_bytes: int
    packs: int


def sum_up(results: Sequence[FetchResult]) -> FetchResult | None:
    """Several fetches as one; None for none."""
    if not results:
        return None
    columns = zip(*(astuple(result) for result in results), strict=True)
    return FetchResult(*(sum(column) for column in columns))


def plan_fetch(
    project: Project,
    targets: Sequence[Target],
    *,
    remote_name: str | None,
    careful: bool = False,
    avoid: Container[bytes] = (),
) -> FetchPlan:
    """Find what is not in the local store. Raises DataMissing if the remote has none of it.

    `careful` asks the remote for every object first; used after a pack turned out to be gone or damaged.
    Packs to `avoid` are as good as gone.
    """
    plan = FetchPlan()
    roots = list(dict.fromkeys(target.tracked.pointer.id for target in targets))
    complete = project.local.complete_placements(roots, jobs=project.jobs)
    wanted = [target for target in targets if target.tracked.pointer.id not in complete]
    plan.present = len(targets) - len(wanted)
    if not wanted:
        return plan
    absent = [root for root in roots if root not in complete]
    project.reporter.start("asking the remote")
    remote = plan.remote = project.remote(remote_name, roots=absent)
    expect_roots(remote, (target.tracked for target in wanted))
    found = _placements(project, remote, wanted, careful=careful, avoid=avoid)
    transfers = []
    for target in wanted:
        placement = found.get(target.tracked.pointer.id)
        if placement is None:
            plan.missing.append(target.tracked)
            continue
        check_fits(placement, target.tracked)
        transfers.append((target, placement))
    parts = [placement for target, placement in transfers if target.inside]
    _know_pages(project, remote, parts)
    with project.pages(remote_name) as pages:
        roots_to_copy = [_root_transfer(project, remote, pages, *transfer) for transfer in transfers]
    plan.transfer = plan_transfer(remote, project.local, _unique(roots_to_copy), jobs=project.transfers)
    project.reporter.finish()
    return plan


def _placements(
    project: Project, remote: Store, wanted: Sequence[Target], *, careful: bool, avoid: Container[bytes]
) -> dict[bytes, Placement]:
    roots = list(dict.fromkeys(target.tracked.pointer.id for target in wanted))
    if careful:
        there = remote.complete_placements(roots, jobs=project.transfers, avoid=avoid)
    else:
        there = {root: found[0] for root, found in remote.placements(roots, jobs=project.transfers).items()}
    unknown = [root for root in roots if root not in there]
    if not unknown:
        return there
    from dvx.ops.far_packs import packs_on  # 1 ms that an ordinary fetch does without

    # A version made from a part of a directory: nobody pushed it, and the rest of it is in packs of the remote.
    return there | packs_on(project, remote, list(incomplete_records(project, unknown).values()))


def _know_pages(project: Project, remote: Store, placements: Sequence[Placement]) -> None:
    """Ask for the indexes of all packs of pages at once, so that reading listings does not wait for them one by one."""
    remote.load_pack_indexes(
        (name for placement in placements for name in placement.pages), jobs=project.transfers
    )


def _root_transfer(
    project: Project, remote: Store, pages: PageReader, target: Target, placement: Placement
) -> RootTransfer:
    data = root_data(target.tracked)
    if not target.inside or target.tracked.pointer.kind == "file":
        return RootTransfer(data, placement, placement.runs)
    tree = Tree(project.repository.root, target.tracked.path, target.tracked.pointer, target.inside)
    spans = [(offset, offset + entry.size) for offset, _, entry in tree.entries(pages)]
    remote.load_pack_indexes(packs_within(placement.runs, spans), jobs=project.transfers)
    cutter = RunCutter(placement.runs, remote.pack_index)
    runs = tuple(run for start, end in spans for run in cutter.cut(start, end))
    return RootTransfer(data, placement, runs, is_whole=False)


def _unique(roots: Sequence[RootTransfer]) -> Iterator[RootTransfer]:
    seen: set[bytes] = set()
    for root in roots:
        if not root.is_whole or root.data.id not in seen:
            if root.is_whole:
                seen.add(root.data.id)
            yield root


def run_fetch(project: Project, plan: FetchPlan) -> FetchResult:
    """Download what the plan names. What arrived before a failure is kept and not fetched again.

    Raises DataMissing at the end for pointers whose data the remote does not have.
    """
    size_bytes = packs = 0
    if plan.remote is not None and plan.transfer.roots:
        if project.rehearsal is not None:
            from dvx.ops.rehearsal import Rehearsed, steps_of_fetch  # only for `--dry-run`

            raise Rehearsed([*steps_of_fetch(plan)])
        project.reporter.start("receiving", total_bytes=plan.transfer.size_bytes)
        result = run_transfer(
            plan.transfer, plan.remote, project.local, jobs=project.transfers, reporter=project.reporter
        )
        project.reporter.finish()
        size_bytes, packs = result.size_bytes, result.packs
        _keep_records(project, [root.source for root in plan.transfer.roots if not root.is_whole])
    done = FetchResult(len(plan.transfer.roots), plan.present, size_bytes, packs)
    if plan.missing and plan.remote is not None:
        error = missing_on_remote(plan.missing, plan.remote)
        error.done = done
        raise error
    return done


def _keep_records(project: Project, placements: Sequence[Placement]) -> None:
    """Keep the records of what was fetched in part: with them the part can be worked on without the remote."""
    if placements:
        from dvx.ops.far_packs import keep_record  # as above

        for placement in placements:
            keep_record(project, placement)


def fetch(
    project: Project, targets: Sequence[Target], *, remote_name: str | None, plan: FetchPlan | None = None
) -> FetchResult:
    """Plan and run a fetch; a pack that is gone or damaged makes it look for another record, once.

    `plan` is what `plan_fetch` said a moment ago, if it was asked.
    """
    bring_imports(project, targets, remote_name)
    try:
        return run_fetch(project, plan or plan_fetch(project, targets, remote_name=remote_name))
    except ObjectNotFound:
        try:
            return run_fetch(project, plan_fetch(project, targets, remote_name=remote_name, careful=True))
        except ObjectNotFound as error:
            tracked = [target.tracked for target in targets]
            raise missing_on_remote(tracked, project.remote(remote_name)) from error
    except DamagedPack as error:
        if not error.is_remote:
            raise
        avoid = {error.pack}
        plan = plan_fetch(project, targets, remote_name=remote_name, careful=True, avoid=avoid)
        if plan.missing:
            raise
        return run_fetch(project, plan)


def fetch_named(project: Project, targets: Sequence[Target], *, remote_name: str | None) -> FetchResult:
    """Fetch what a person named. Raises NotFound at the end for paths inside directories that nobody has."""
    result = fetch(project, targets, remote_name=remote_name)
    with project.pages(remote_name) as pages:
        check_named(project, targets, pages)
    return result


def fetch_each(project: Project, targets: Sequence[Target], *, remote_name: str | None) -> FetchResult:
    """`fetch_named` that goes on with the others where one target cannot be dealt with; see Project.failures."""

    def act(some: Sequence[Target]) -> FetchResult:
        return fetch_named(project, some, remote_name=remote_name)

    results = project.failures.divide(targets, act, path_of_target)
    return sum_up([*results, *fetched_before(project)]) or FetchResult(0, 0, 0, 0)


def fetched_before(project: Project) -> list[FetchResult]:
    """What tries brought here before they failed: when the others were tried again, it was here already."""
    tried = [each for each in project.failures.tried if isinstance(each, FetchResult)]
    return [replace(each, present=-each.roots) for each in tried]


def bring_imports(project: Project, targets: Sequence[Target], remote_name: str | None) -> None:
    """Bring imported data that the own remote lacks from its source into the local store."""
    extras = [target.tracked.pointer.extra for target in targets if target.tracked.pointer.extra]
    if not extras:
        return
    from dvx.repo.imports import IMPORT_TABLE  # most pointers have no table at all

    if any(IMPORT_TABLE in extra for extra in extras):
        from dvx.ops.import_sources import (
            bring_missing_imports,
        )  # opens other repositories, by fetches of its own

        bring_missing_imports(project, targets, remote_name=remote_name)
