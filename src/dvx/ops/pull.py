"""`dvx pull` and `dvx checkout`: data into the workspace from the local store, and there from a remote.

Owns which source each tracked path is read from. What may be overwritten is decided in dvx.ops.checkout.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType

from dvx.core.errors import BackendError, DataMissing, NotFound, UsageError
from dvx.ops.arrival import WRONG_REMOTE, Sources, arriving_packs, fetch_into
from dvx.ops.checkout import CheckoutResult, TreeChange, plan_checkout, run_checkout
from dvx.ops.differences import find_differences
from dvx.ops.fetch import FetchPlan, FetchResult, bring_imports, fetch, fetched_before, plan_fetch, sum_up
from dvx.ops.project import Project
from dvx.ops.selection import check_named, path_of_target, trees_to_check_out
from dvx.ops.sources import (
    DataSource,
    local_sources,
    missing_locally,
    partial_local_runs,
)
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target
from dvx.store.damage import DamagedPack
from dvx.store.store import Store


@dataclass(frozen=True, slots=True)
class PullResult:
    """What a pull did; `fetched` is None where nothing was copied to the local store."""

    fetched: FetchResult | None
    checkout: CheckoutResult
    is_direct: bool = False


def pull(
    project: Project, targets: Sequence[Target], *, remote_name: str | None, no_store: bool, force: bool
) -> PullResult:
    """Fetch what is missing and bring the workspace to the pointers.

    With `no_store` the bytes go from the remote to the workspace and are not kept in the local store. Packs of the
    local store that turn out to be damaged are moved aside, and what they held is fetched again.
    """
    if project.rehearsal is None:
        bring_imports(project, targets, remote_name)
    aside: set[bytes] = set()
    while True:
        try:
            return _pull(project, targets, remote_name=remote_name, no_store=no_store, force=force)
        except DamagedPack as error:
            if error.is_remote or error.pack in aside:
                raise
            aside.add(error.pack)
            project.reporter.note(f"{error.what}; its data is fetched again")


def _pull(
    project: Project, targets: Sequence[Target], *, remote_name: str | None, no_store: bool, force: bool
) -> PullResult:
    if no_store:
        from dvx.ops.direct_pull import pull_directly  # 10 ms, with threads

        return PullResult(None, pull_directly(project, targets, remote_name=remote_name, force=force), True)
    plan: FetchPlan | None = None
    with suppress(*WRONG_REMOTE):  # what is wrong, the ordinary way finds out below, or gets round it
        plan = plan_fetch(project, targets, remote_name=remote_name)
        if project.rehearsal is not None and plan.remote is not None and plan.transfer.roots:
            from dvx.ops.rehearsal import Rehearsed, steps_of_pull  # only for `--dry-run`

            raise Rehearsed(steps_of_pull(plan, targets))
        if packs := arriving_packs(project, plan):
            arriving, plan = plan, None
            return _pull_arriving(
                project, targets, arriving, packs=packs, remote_name=remote_name, force=force
            )
    fetched = fetch(project, targets, remote_name=remote_name, plan=plan)
    return PullResult(fetched, checkout(project, targets, force=force, remote_name=remote_name))


def _pull_arriving(
    project: Project,
    targets: Sequence[Target],
    plan: FetchPlan,
    *,
    packs: dict[bytes, int],
    remote_name: str | None,
    force: bool,
) -> PullResult:
    """Fetch and check out at the same time."""

    def use(sources: Sources) -> CheckoutResult:
        return checkout(project, targets, force=force, remote_name=remote_name, arriving=sources)

    return PullResult(*fetch_into(project, plan, packs, use))


def checkout(
    project: Project,
    targets: Sequence[Target],
    *,
    force: bool,
    remote_name: str | None = None,
    arriving: Mapping[bytes, DataSource] = MappingProxyType({}),
    keeps_parts: bool = False,
) -> CheckoutResult:
    """Bring the workspace to the pointers from the local store, and from what is `arriving` there (root to source).

    Where `keeps_parts` is set, of a directory of which a part was checked out no more than this part is brought here.

    Targets whose data is not there are left as they are and reported with DataMissing after the others are done.
    """
    with project.workspace_lock(), project.setting_damage_aside():
        return checkout_locked(
            project,
            targets,
            force=force,
            remote_name=remote_name,
            arriving=arriving,
            keeps_parts=keeps_parts,
        )


def checkout_locked(
    project: Project,
    targets: Sequence[Target],
    *,
    force: bool,
    remote_name: str | None = None,
    arriving: Mapping[bytes, DataSource] = MappingProxyType({}),
    keeps_parts: bool = False,
) -> CheckoutResult:
    """Do what checkout does, with the lock of the workspace held by the caller."""
    here = [target.tracked for target in targets if target.tracked.pointer.id not in arriving]
    sources = local_sources(project, here) | dict(arriving)
    trees = trees_to_check_out(project, targets, keeps_parts=keeps_parts)
    parted = {tree.path for tree in trees if tree.inside or tree.part is not None}
    ready = [
        target for target in targets if target.tracked.pointer.id in sources or target.tracked.path in parted
    ]
    absent = [target.tracked for target in targets if target not in ready]

    def find_source(change: TreeChange) -> DataSource:
        source = sources.get(change.tracked.pointer.id)
        if source is None:
            remote = _known_remote(project, remote_name)
            source = partial_local_runs(project, change.tracked, remote, change.write.spans())
        if source is None:
            raise missing_locally([change.tracked], change.tree.wanted)
        return source

    with project.pages(remote_name) as pages:
        check_named(project, ready, pages)
        chosen = {target.tracked.path for target in ready}
        trees = [tree for tree in trees if tree.path in chosen]
        plan = plan_checkout(project, trees, force=force, pages=pages, remote_name=remote_name)
    result = run_checkout(project, plan, find_source)
    unsatisfied = _really_absent(project, absent)
    if unsatisfied:
        error = missing_locally(unsatisfied)
        error.done = result
        raise error
    return result


def checkout_each(
    project: Project, targets: Sequence[Target], *, force: bool, keeps_parts: bool = False
) -> CheckoutResult:
    """`checkout` that goes on with the others where one target cannot be dealt with; see Project.failures."""
    result = CheckoutResult()
    for part in project.failures.divide(
        targets, lambda some: checkout(project, some, force=force, keeps_parts=keeps_parts), path_of_target
    ):
        result.add(part)
    return _with_tried(project, result)


def pull_each(
    project: Project, targets: Sequence[Target], *, remote_name: str | None, no_store: bool, force: bool
) -> PullResult:
    """`pull` that goes on with the others where one target cannot be dealt with; see Project.failures."""

    def act(some: Sequence[Target]) -> PullResult:
        return pull(project, some, remote_name=remote_name, no_store=no_store, force=force)

    results = project.failures.divide(targets, act, path_of_target)
    checkout_result = CheckoutResult()
    for result in results:
        checkout_result.add(result.checkout)
    fetched = [result.fetched for result in results if result.fetched is not None]
    return PullResult(
        sum_up([*fetched, *fetched_before(project)]), _with_tried(project, checkout_result), no_store
    )


def _with_tried(project: Project, result: CheckoutResult) -> CheckoutResult:
    """Add what tries wrote before they failed; the paths themselves were looked at again."""
    for each in project.failures.tried:
        if isinstance(each, CheckoutResult):
            result.add(replace(each, paths=0, kept=[], refused=[]))
    return result


def _really_absent(project: Project, absent: Sequence[TrackedPointer]) -> list[TrackedPointer]:
    """Those of the paths without local data that are not right in the workspace anyway. No remote is asked."""
    missing = []
    trees = trees_to_check_out(project, map(Target, absent), keeps_parts=False)
    with project.local_pages() as pages:
        for tracked, tree in zip(absent, trees, strict=True):
            try:
                is_right = next(find_differences(project, tree, pages), None) is None
            except DataMissing:
                is_right = False
            if not is_right:
                missing.append(tracked)
    return missing


def _known_remote(project: Project, remote_name: str | None) -> Store | None:
    """The remote for what is remembered of it, or None where it cannot be opened: a checkout works without."""
    try:
        return project.remote(remote_name)
    except (BackendError, DataMissing, NotFound, UsageError):
        return None
