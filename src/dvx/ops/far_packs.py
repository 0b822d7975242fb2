"""Roots whose record names packs that only a remote has: versions made from a part of a directory.

Such a record lies in the local store like any other and counts as incomplete there until these packs are fetched. Owns
finding, writing and completing them. Must not know how a version was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dvx.backends.backend import ObjectNotFound, not_found
from dvx.core.errors import DataMissing, NotFound, UsageError
from dvx.core.shell_words import quote_all
from dvx.formats.layout import pack_key
from dvx.formats.pack import PackIndex
from dvx.formats.placement import Placement, Run
from dvx.ops.project import Project
from dvx.ops.sources import check_fits, incomplete_records
from dvx.repo.pointers import TrackedPointer
from dvx.store.store import Store
from dvx.store.translate import RootData, make_placement


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A record of a root. `is_near`: the local store has every pack of it; else a remote may have to be asked."""

    placement: Placement
    is_near: bool

    @property
    def far(self) -> dict[bytes, int]:
        """The packs that may be on a remote only, with their sizes in bytes."""
        return {} if self.is_near else {pack.name: pack.size for pack in self.placement.packs}


def find_record(project: Project, tracked: TrackedPointer) -> RootRecord | None:
    """A record of what a pointer names: of the local store if it has one, else of the remote. None if there is none.

    Raises what asking the remote raises.
    """
    root = tracked.pointer.id
    near = project.local.complete_placements([root], jobs=project.jobs).get(root)
    if near is not None:
        return RootRecord(near, True)
    placement = incomplete_records(project, [root]).get(root)
    if placement is None:
        try:
            remote = project.remote(None, roots=[root])
        except (NotFound, UsageError):
            return None
        except DataMissing as error:
            if error.kind == "empty-remote":
                return None
            raise
        placement = remote.likely_placements([root], jobs=project.transfers).get(root)
    if placement is None:
        return None
    check_fits(placement, tracked)
    return RootRecord(placement, False)


def require_record(project: Project, tracked: TrackedPointer) -> RootRecord:
    """`find_record`, for a version of which a part is kept. Raises DataMissing (kind `not-fetched`)."""
    found = find_record(project, tracked)
    if found is None:
        name = quote_all([tracked.path])
        raise DataMissing(
            f"the rest of `{tracked.path}` is neither in the local store nor on the remote, so it cannot be kept",
            affected="nothing was added",
            hints=[
                f"push it from a clone that has it: `dvx push {name}`",
                f"or leave it out, and take the workspace for the whole: `dvx add --remove {name}`",
            ],
            kind="not-fetched",
        )
    return found


def find_pack_index(project: Project, name: bytes) -> PackIndex:
    """The index of a pack, wherever the pack is. Raises ObjectNotFound, and what asking the remote raises."""
    known = project.index.pack_index(name)
    if known is not None:
        return known
    try:
        return project.local.pack_index(name)
    except ObjectNotFound:
        return project.remote(None).pack_index(name)


def record_root(
    project: Project, data: RootData, *, runs: Sequence[Run], pages: Sequence[bytes], far: Mapping[bytes, int]
) -> None:
    """Write the record of a root into the local store, unless it has a complete one.

    Raises ObjectNotFound if a pack is missing that is not one of `far` (name to size in bytes).
    """
    local = project.local
    if local.complete_placements([data.id], jobs=project.jobs):
        return
    placement = make_placement(local, data, runs=runs, pages=pages, sizes=far)
    # What was not stored anew is in packs that the index knows, and a file can vanish behind its back.
    for pack in local.missing_packs([placement], jobs=project.jobs):
        if pack not in far:
            raise not_found(pack_key(pack), local.location)
    if placement not in local.placements([data.id], jobs=project.jobs).get(data.id, ()):
        local.add_record(placement)


def keep_record(project: Project, placement: Placement) -> None:
    """Keep a record of a remote, of which a part was fetched, so that its version can be worked on without asking."""
    local = project.local
    if not local.record_names([placement.root]):
        local.add_record(placement)


def packs_on(project: Project, remote: Store, placements: Sequence[Placement]) -> dict[bytes, Placement]:
    """Those of the records, by root, whose packs the local store and the remote have between them.

    The remote is asked for each pack that is not here, and what it holds is remembered.
    """
    missing = project.local.missing_packs(placements, jobs=project.jobs)
    sizes = {pack.name: pack.size for placement in placements for pack in placement.packs}
    found = remote.pack_sizes(sorted(missing), jobs=project.transfers)
    there = {name for name in missing if found.get(name) == sizes[name]}
    remote.load_pack_indexes(there, jobs=project.transfers)
    remote.index.add_hold(remote.id, there)
    lost = missing - there
    return {p.root: p for p in placements if lost.isdisjoint(pack.name for pack in p.packs)}


def known_elsewhere(project: Project, roots: Sequence[bytes]) -> set[bytes]:
    """Those of the roots that the local store has a record of, with every other pack known to be in some store.

    Asks nobody but the local store.
    """
    records = incomplete_records(project, roots)
    missing = project.local.missing_packs(records.values(), jobs=project.jobs)
    lost = {name for name in missing if not project.index.is_held(name)}
    return {
        root for root, placement in records.items() if lost.isdisjoint(pack.name for pack in placement.packs)
    }
