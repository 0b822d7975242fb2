"""`dvx push`: copy what pointers name from the local store to a remote, and have it confirmed.

Owns which roots are pushed and what is known of the remote beforehand. The copying is dvx.store.transfer.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import BackendError, DataMissing, DvxError, name_some
from dvx.core.shell_words import quote_all
from dvx.formats.placement import Placement
from dvx.ops.project import Project
from dvx.ops.sources import check_fits, expect_roots, incomplete_records, root_data
from dvx.repo.pointers import TrackedPointer
from dvx.store.store import Store

if TYPE_CHECKING:
    from dvx.store.transfer import TransferPlan

# How many older versions of a path are looked up on the remote when its packs are not known here.
OLDER_VERSIONS = 3


@dataclass(slots=True)
class PushPlan:
    """What a push will do. `present` are roots the remote has confirmed to hold completely; `transfer` is
    None where nothing has to move."""

    remote: Store
    transfer: "TransferPlan | None" = None
    present: dict[bytes, Placement] = field(default_factory=dict)
    missing: list[TrackedPointer] = field(default_factory=list)
    plain_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did; `size_bytes` are stored bytes uploaded, `plain_bytes` what the new roots stand for."""

    roots: int
    present: int
    size_bytes: int
    packs: int
    plain_bytes: int


def plan_push(project: Project, tracked: Sequence[TrackedPointer], *, remote_name: str | None) -> PushPlan:
    """Find what the remote lacks. It is asked for every object of every root; nothing is inferred."""
    by_root = {item.pointer.id: item for item in tracked}
    project.reporter.start("asking the remote")
    try:
        remote = project.remote(remote_name, create=True, roots=list(by_root))
    except DataMissing as error:
        if project.rehearsal is None or error.kind != "empty-remote":
            raise
        from dvx.ops.rehearsal import Rehearsed, steps_of_first_push  # only for `--dry-run`

        place = project.remote_config(remote_name).url
        raise Rehearsed([*steps_of_first_push(tracked, place)]) from None
    expect_roots(remote, tracked)
    plan = PushPlan(remote)
    plan.present = remote.complete_placements(list(by_root), jobs=project.transfers)
    for item in tracked:
        if item.pointer.id in plan.present:
            check_fits(plan.present[item.pointer.id], item)
    absent = [item for root, item in by_root.items() if root not in plan.present]
    if not absent:
        return plan
    from dvx.store.transfer import RootTransfer, plan_transfer  # 15 ms that a push of nothing does not need

    local = project.local.complete_placements([item.pointer.id for item in absent], jobs=project.jobs)
    far = [item.pointer.id for item in absent if item.pointer.id not in local]
    if far:
        from dvx.ops.far_packs import packs_on  # versions made from a part of a directory

        local |= packs_on(project, remote, list(incomplete_records(project, far).values()))
    plan.missing = [item for item in absent if item.pointer.id not in local]
    sendable = [item for item in absent if item.pointer.id in local]
    for item in sendable:
        check_fits(local[item.pointer.id], item)
    _learn_older_versions(
        project, remote, sendable, {item.pointer.id: local[item.pointer.id] for item in sendable}
    )
    roots = [
        RootTransfer(root_data(item), local[item.pointer.id], local[item.pointer.id].runs)
        for item in sendable
    ]
    plan.transfer = plan_transfer(project.local, remote, roots, jobs=project.jobs)
    plan.plain_bytes = sum(item.pointer.size for item in sendable)
    return plan


def _learn_older_versions(
    project: Project, remote: Store, tracked: Sequence[TrackedPointer], local: dict[bytes, Placement]
) -> None:
    """Learn which chunks of earlier versions of these paths the remote has, where this clone does not know.

    Needed where the data was pulled without a copy in the local store, or added anew in a fresh clone. Costs a
    few requests for each path, and only when a local pack of it is unknown to the remote.
    """
    from dvx.repo.recent_pointers import older_roots  # not for a push that has nothing to send

    older: list[bytes] = []
    for item in tracked:
        names = [pack.name for pack in local[item.pointer.id].packs]
        if len(remote.index.held_packs(remote.id, names)) < len(names):
            older.extend(older_roots(project.git, item.pointer_path, limit=OLDER_VERSIONS))
    learn_roots(project, remote, older)


def learn_roots(project: Project, remote: Store, roots: Sequence[bytes]) -> None:
    """Learn which chunks the remote has of these roots, as far as it has them."""
    if not roots:
        return
    found = remote.complete_placements(list(dict.fromkeys(roots)), jobs=project.transfers)
    names = [pack.name for placement in found.values() for pack in placement.packs]
    remote.load_pack_indexes(names, jobs=project.transfers)
    remote.index.add_hold(remote.id, names)


def run_push(project: Project, plan: PushPlan) -> PushResult:
    """Upload, write the records, and have the remote confirm every object of every root.

    Packs uploaded before a failure stay there and are not sent again. Raises DataMissing at the end for
    pointers whose data is neither here nor there.
    """
    size_bytes = packs = 0
    transfer = plan.transfer
    if project.rehearsal is not None:
        from dvx.ops.rehearsal import Rehearsed, steps_of_push  # only for `--dry-run`

        raise Rehearsed([*steps_of_push(plan)])
    if transfer is not None and transfer.roots:
        from dvx.store.transfer import confirm_roots, run_transfer

        project.reporter.start("sending", total_bytes=transfer.size_bytes)
        try:
            moved = run_transfer(
                transfer, project.local, plan.remote, jobs=project.transfers, reporter=project.reporter
            )
            project.reporter.start("confirming")
            confirm_roots(plan.remote, [root.data.id for root in transfer.roots], jobs=project.transfers)
        finally:
            project.reporter.finish()
        size_bytes, packs = moved.size_bytes, moved.packs
    sent = len(transfer.roots) if transfer is not None else 0
    result = PushResult(sent, len(plan.present), size_bytes, packs, plan.plain_bytes)
    if plan.missing:
        error = _nowhere(plan)
        error.done = result
        raise error
    return result


def _nowhere(plan: PushPlan) -> DvxError:
    names = name_some(item.path for item in plan.missing)
    sent = len(plan.transfer.roots) if plan.transfer is not None else 0
    pushed = f"{sent} other(s) were pushed, " if sent else ""
    return DataMissing(
        f"the data of {names} is neither in the local store nor on `{plan.remote.location}`",
        affected=f"{pushed}{len(plan.present)} are there already; these are not",
        hints=[
            "push from the clone that added it: `dvx push`",
            f"or, if the files are still here: `dvx add {quote_all([plan.missing[0].path])}`",
        ],
        kind="nothing-to-push-from",
        paths=[item.path for item in plan.missing],
    )


def push(project: Project, tracked: Sequence[TrackedPointer], *, remote_name: str | None) -> PushResult:
    """Plan and run a push under the lock of that remote; a damaged local pack is reported, not sent.

    Where the remote does not confirm what it was known to hold, that is forgotten and everything planned again, once.
    """
    with project.push_lock(project.remote_config(remote_name)):
        return push_locked(project, tracked, remote_name=remote_name)


def outgoing_versions(project: Project, tracked: Sequence[TrackedPointer]) -> list[TrackedPointer]:
    """What the commits that Git has not pushed yet name besides `tracked`; none without a Git remote.

    `git push` sends all of these commits, and whoever has them may ask for the data of each. Imported data is in the
    remote of its source.
    """
    if not project.repository.has_git_remote():
        return []
    from dvx.repo.introduced import (
        outgoing_pointers,  # 2 ms that a repository without a Git remote does without
    )

    known = {item.pointer.id for item in tracked}
    found = [each.tracked for each in outgoing_pointers(project.git)]
    return [item for item in found if item.pointer.id not in known and "import" not in item.pointer.extra]


def push_each(project: Project, tracked: Sequence[TrackedPointer], *, remote_name: str | None) -> PushResult:
    """`push` that goes on with the others where one path cannot be dealt with; see Project.failures."""

    def act(some: Sequence[TrackedPointer]) -> PushResult:
        return push(project, some, remote_name=remote_name)

    results = project.failures.divide(tracked, act, lambda item: item.path)
    # What a try sent before it failed was there already when the others were tried again.
    sent_before = [each for each in project.failures.tried if isinstance(each, PushResult)]
    results += [replace(each, present=-each.roots) for each in sent_before]
    columns = zip(*(astuple(result) for result in results), strict=True)
    return PushResult(*(sum(column) for column in columns)) if results else PushResult(0, 0, 0, 0, 0)


def push_locked(
    project: Project, tracked: Sequence[TrackedPointer], *, remote_name: str | None
) -> PushResult:
    """`push` for a caller that holds the lock of that remote."""
    with project.setting_damage_aside():
        try:
            return run_push(project, plan_push(project, tracked, remote_name=remote_name))
        except BackendError as error:
            if error.kind not in ("not-confirmed", ObjectNotFound.kind):
                raise
        finally:
            project.reporter.finish()
        return run_push(project, plan_push(project, tracked, remote_name=remote_name))
