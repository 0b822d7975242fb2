"""`dvx pull` with each byte decoded once: packs go into the workspace and into the local store as they arrive.

Owns which packs are read while they arrive and the order of the steps. Must not decide what may be overwritten, and
must not trust a pack: dvx.store.arrivals gives it its name only when every frame was verified.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import BackendError, DataMissing, DvxError, FormatError, IntegrityError, LocalDiskError
from dvx.ops.fetch import FetchPlan, FetchResult
from dvx.ops.project import Project
from dvx.ops.sources import DataSource

if TYPE_CHECKING:
    from dvx.ops.arrival_progress import ArrivalReporter
    from dvx.store.arrivals import ArrivingStore
    from dvx.store.transfer import TransferResult

Sources = dict[bytes, DataSource]
_Result = TypeVar("_Result")

# What a remote that is not as its records say can cause. The ordinary fetch then finds out what is wrong.
WRONG_REMOTE = (ObjectNotFound, IntegrityError, FormatError, DataMissing)
# Where the rest of the downloads would fail as well, each after the whole time for retries.
_HOPELESS = (*WRONG_REMOTE, BackendError, LocalDiskError)


def arriving_packs(project: Project, plan: FetchPlan) -> dict[bytes, int]:
    """The packs of a fetch that a checkout can read while they arrive, in reading order; sizes in bytes.

    None where a root is not on the remote, or is fetched in part.
    """
    if plan.missing or not all(root.is_whole for root in plan.transfer.roots):
        return {}
    names = dict.fromkeys(run.pack for root in plan.transfer.roots for run in root.runs)
    pages = {name for root in plan.transfer.roots for name in root.source.pages}
    local = project.local
    return {
        name: plan.transfer.whole_packs[name]
        for name in names
        if name in plan.transfer.whole_packs
        and name not in pages
        and not local.index.is_burned(local.id, name)
    }


def fetch_into(
    project: Project, plan: FetchPlan, packs: dict[bytes, int], use: Callable[[Sources], _Result]
) -> tuple[FetchResult, _Result]:
    """Fetch what the plan names while `use` reads the roots from the sources it is given.

    All of the plan is fetched also when `use` refuses to change the workspace, as if it came second. Packs that
    were verified stay in the local store whatever happens; of the others nothing stays.
    """
    # 10 ms, with threads, that a pull of what is here does without.
    from dvx.store.arrivals import ArrivingStore
    from dvx.store.transfer import TransferPlan, copy_objects

    assert plan.remote is not None
    transfer, remote, local = plan.transfer, plan.remote, project.local
    rest = TransferPlan(transfer.roots, _without(transfer.whole_packs, packs), transfer.frames)
    with (
        _receiving(project, transfer.size_bytes) as arrival,
        ArrivingStore(remote, local, packs, jobs=project.transfers, on_bytes=arrival.receive) as arriving,
    ):
        result = copy_objects(rest, remote, local, jobs=project.transfers, reporter=arrival.listener)
        sources = {
            root.data.id: DataSource(arriving, arriving.source_runs(root.runs)) for root in transfer.roots
        }
        try:
            used = use(sources)
        except DvxError as error:
            if not isinstance(error, _HOPELESS):
                _complete(project, plan, arriving)
            raise
        _complete(project, plan, arriving)
    return _count(plan, result, packs), used


@contextmanager
def _receiving(project: Project, size_bytes: int) -> Iterator["ArrivalReporter"]:
    """Let the project report what arrives, and what it does beside that once everything is here."""
    from dvx.ops.arrival_progress import ArrivalReporter  # only where something arrives

    reporter = project.reporter
    arrival = ArrivalReporter(reporter, size_bytes)
    project.reporter = arrival
    try:
        yield arrival
    finally:
        project.reporter = reporter
        reporter.finish()


def _complete(project: Project, plan: FetchPlan, arriving: "ArrivingStore") -> None:
    from dvx.store.transfer import write_records

    assert plan.remote is not None
    arriving.finish(jobs=project.jobs)
    write_records(plan.transfer, plan.remote, project.local)


def _count(plan: FetchPlan, result: "TransferResult", packs: dict[bytes, int]) -> FetchResult:
    return FetchResult(
        roots=len(plan.transfer.roots),
        present=plan.present,
        size_bytes=result.size_bytes + sum(packs.values()),
        packs=result.packs + len(packs),
    )


def _without(packs: dict[bytes, int], arriving: dict[bytes, int]) -> dict[bytes, int]:
    return {name: size for name, size in packs.items() if name not in arriving}
