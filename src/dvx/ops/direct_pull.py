"""`dvx pull --no-store`: data straight from a remote into the workspace; only listings stay in the local store.

Owns the order of the steps, so that few requests wait for others: the marker and the names of the records, the
records, then listings and pack indexes together, then data. What may be overwritten is decided in dvx.ops.checkout.
"""

import os
from collections.abc import Container, Iterable, Sequence
from contextlib import ExitStack
from typing import Final

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import DataMissing
from dvx.core.parallel import map_parallel
from dvx.formats.placement import Placement
from dvx.ops.checkout import CheckoutResult, TreeChange, plan_checkout, run_checkout
from dvx.ops.project import Project
from dvx.ops.selection import check_named, trees_to_check_out
from dvx.ops.sources import DataSource, check_fits, expect_roots, local_sources, missing_on_remote
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target
from dvx.store.damage import DamagedPack
from dvx.store.indexes_ahead import IndexesAhead
from dvx.store.pack_copy import copy_pack
from dvx.store.pack_tail import tail_lengths
from dvx.store.runs import packs_within
from dvx.store.store import Store
from dvx.store.transfer import SMALL_LISTING_BYTES

# Connections that are left to the indexes of packs while listings arrive.
_MIN_AHEAD: Final = 2


def pull_directly(
    project: Project, targets: Sequence[Target], *, remote_name: str | None, force: bool
) -> CheckoutResult:
    """Pull past the local store; a pack that is gone or damaged makes it look for another record, once."""

    def pull(*, careful: bool = False, avoid: Container[bytes] = ()) -> CheckoutResult:
        with _RemoteRoots(project, remote_name, careful=careful, avoid=avoid) as roots:
            return _pull(project, targets, roots, force=force)

    with project.workspace_lock(), project.setting_damage_aside():
        try:
            return pull()
        except ObjectNotFound:
            try:
                return pull(careful=True)
            except ObjectNotFound as error:
                raise _roots_missing(project, targets, remote_name) from error
        except DamagedPack as error:
            if not error.is_remote or not error.pack:
                raise
            try:
                return pull(careful=True, avoid={error.pack})
            except DataMissing:
                raise error from None  # no other record: the damage is what there is to say


def _pull(
    project: Project, targets: Sequence[Target], roots: "_RemoteRoots", *, force: bool
) -> CheckoutResult:
    sources = local_sources(project, [target.tracked for target in targets])
    roots.prepare([target for target in targets if target.tracked.pointer.id not in sources])
    try:
        with project.pages(roots.remote_name) as pages:
            check_named(project, targets, pages)
            trees = trees_to_check_out(project, targets, keeps_parts=False)
            plan = plan_checkout(project, trees, force=force, pages=pages, remote_name=roots.remote_name)
    except DataMissing as error:
        if error.kind == "manifest-missing":
            raise _roots_missing(project, targets, roots.remote_name) from error
        raise
    here = {change.tree.path: sources.get(change.tracked.pointer.id) for change in plan.changes}
    roots.find(change.tracked for change in plan.changes if change.write and not here[change.tree.path])

    def find_source(change: TreeChange) -> DataSource:
        return here[change.tree.path] or roots.source(change)

    return run_checkout(project, plan, find_source)


def _roots_missing(project: Project, targets: Sequence[Target], remote_name: str | None) -> DataMissing:
    """The error for targets that a remote does not have."""
    return missing_on_remote([target.tracked for target in targets], project.remote(remote_name))


class _RemoteRoots:
    """The records of roots on a remote, which is opened when it is first needed. Use as a context manager."""

    def __init__(
        self, project: Project, remote_name: str | None, *, careful: bool, avoid: Container[bytes]
    ) -> None:
        """With `careful` every pack is looked for before a record is chosen; packs to `avoid` are damaged."""
        self.remote_name = remote_name
        self._project = project
        self._careful = careful
        self._avoid = avoid
        self._found: dict[bytes, Placement] = {}
        self._remote: Store | None = None
        self._ahead: IndexesAhead | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "_RemoteRoots":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stack.close()

    def prepare(self, targets: Sequence[Target]) -> None:
        """Ask at once for what will certainly be needed of targets that the local store does not have.

        That is the listings that are not there, and the first pack indexes of what is not in the workspace at all.
        Makes no request where everything may be right already.
        """
        new = [target for target in targets if self._is_absent(target)]
        unlisted = [target for target in targets if not self._is_listed(target)]
        self.find(target.tracked for target in [*unlisted, *new])
        listings = dict(item for target in unlisted for item in self._listing_packs(target))
        for target in new:
            if not target.inside and (placement := self._found.get(target.tracked.pointer.id)) is not None:
                self._expect(placement, [(0, placement.size)], busy=len(listings))
        self._copy_listings(listings)

    def _is_absent(self, target: Target) -> bool:
        return not os.path.lexists(self._project.repository.absolute(target.tracked.path))

    def _is_listed(self, target: Target) -> bool:
        pointer, local = target.tracked.pointer, self._project.local
        return pointer.kind == "file" or bool(local.index.find_chunks(local.id, [pointer.id]))

    def find(self, tracked: Iterable[TrackedPointer]) -> None:
        """Learn where the data of these pointers is, all with the same few round trips."""
        todo = {item.pointer.id: item for item in tracked if item.pointer.id not in self._found}
        if not todo:
            return
        jobs = self._project.transfers
        remote = self._remote = self._project.remote(self.remote_name, roots=list(todo))
        expect_roots(remote, todo.values())
        if self._careful:
            found = remote.complete_placements(list(todo), jobs=jobs, avoid=self._avoid)
        else:
            found = remote.likely_placements(list(todo), jobs=jobs)
        for root, placement in found.items():
            check_fits(placement, todo[root])
        self._found.update(found)

    def _listing_packs(self, target: Target) -> list[tuple[bytes, int]]:
        """The packs of pages to copy, with their sizes in bytes; none where single pages are better."""
        placement = self._found.get(target.tracked.pointer.id)
        if placement is None:
            return []
        local = self._project.local
        held = local.index.held_packs(local.id, placement.pages)
        sizes = {pack.name: pack.size for pack in placement.packs}
        packs = [(name, sizes[name]) for name in placement.pages if name not in held]
        is_small = sum(size for _, size in packs) <= SMALL_LISTING_BYTES
        return packs if is_small or not target.inside else []

    def _copy_listings(self, packs: dict[bytes, int]) -> None:
        remote, local = self._remote, self._project.local
        if remote is None:
            return

        def copy(name: bytes) -> None:
            copy_pack(remote, local, name, size=packs[name])

        map_parallel(copy, packs, jobs=self._project.transfers, name="dvx-listing")

    def source(self, change: TreeChange) -> DataSource:
        """Where to read what a change writes. Raises DataMissing."""
        assert self._remote is not None
        placement = self._found.get(change.tracked.pointer.id)
        if placement is None:
            raise missing_on_remote([change.tracked], self._remote)
        self._expect(placement, change.write.spans())
        return DataSource(self._remote, placement.runs)

    def _expect(self, placement: Placement, spans: Sequence[tuple[int, int]], *, busy: int = 0) -> None:
        assert self._remote is not None
        if self._ahead is None:
            ahead = max(_MIN_AHEAD, self._project.transfers - busy)
            self._ahead = self._stack.enter_context(self._remote.indexes_ahead(ahead=ahead))
        needed = packs_within(placement.runs, spans)
        lengths = tail_lengths(placement)
        self._ahead.expect({name: length for name, length in lengths.items() if name in needed})
