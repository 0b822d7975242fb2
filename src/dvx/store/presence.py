"""Whether a store has everything of a root, told by names and sizes alone.

Owns the choice of the best record and the words for what is wrong with it. Must not read data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import DvxError, FormatError, IntegrityError, UnsupportedVersion
from dvx.core.parallel import map_parallel
from dvx.formats.layout import pack_key, record_key
from dvx.formats.placement import Placement
from dvx.store.store import Store
from dvx.store.translate import RootData


class PresenceState(StrEnum):
    """Complete: every object is there with its exact size. Damaged: one is there and cannot be right."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    ABSENT = "absent"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Presence:
    """What a store has of one root. `missing` and `damaged` are keys of objects; `placement` is the best record."""

    state: PresenceState
    placement: Placement | None = None
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def packs(self) -> int:
        """How many packs the record names, those of pages included."""
        return len(self.placement.packs) if self.placement is not None else 0


@dataclass(frozen=True, slots=True)
class _Record:
    """A record that was looked at: its key, and the placement if it is a valid one for its root."""

    key: str
    placement: Placement | None


def find_presence(store: Store, roots: Sequence[RootData], *, jobs: int) -> dict[bytes, Presence]:
    """Ask the store itself, not what is remembered of it, for the objects of each root.

    One listing for each root's records, one GET for each record, and the sizes of all packs by HEAD or LIST.
    """
    store.expect_sizes((root.id, root.size) for root in roots)
    store.index.forget_records(store.id, [root.id for root in roots])
    names = store.record_names([root.id for root in roots], jobs=jobs)
    by_id = {root.id: root for root in roots}
    pairs = [(root, name) for root, found in names.items() for name in found]
    records = map_parallel(lambda pair: _read(store, by_id[pair[0]], pair[1]), pairs, jobs=jobs)
    placements = [record.placement for record in records if record.placement is not None]
    packs = dict.fromkeys(pack.name for placement in placements for pack in placement.packs)
    sizes = store.pack_sizes(list(packs), jobs=jobs)
    of_root: dict[bytes, list[Presence]] = {}
    for (root, _), record in zip(pairs, records, strict=True):
        of_root.setdefault(root, []).append(_judge(record, sizes))
    absent = Presence(PresenceState.ABSENT)
    return {root.id: min(of_root.get(root.id, [absent]), key=_badness) for root in roots}


def _read(store: Store, root: RootData, name: bytes) -> _Record:
    key = record_key(root.id, name)
    try:
        placement = store.read_record(root.id, name)
    except UnsupportedVersion:
        raise
    except (FormatError, IntegrityError, ObjectNotFound):
        return _Record(key, None)
    fits = placement.size == root.size and placement.kind == root.kind
    return _Record(key, placement if fits else None)


def _judge(record: _Record, sizes: Mapping[bytes, int]) -> Presence:
    if record.placement is None:
        return Presence(PresenceState.DAMAGED, damaged=(record.key,))
    packs = record.placement.packs
    missing = tuple(pack_key(pack.name) for pack in packs if pack.name not in sizes)
    damaged = tuple(pack_key(pack.name) for pack in packs if sizes.get(pack.name, pack.size) != pack.size)
    state = PresenceState.COMPLETE
    if damaged:
        state = PresenceState.DAMAGED
    elif missing:
        state = PresenceState.INCOMPLETE
    return Presence(state, record.placement, missing, damaged)


def _badness(presence: Presence) -> tuple[bool, bool, int]:
    """Records that are whole come first, then those that miss the least."""
    is_partial = presence.state is not PresenceState.COMPLETE
    return is_partial, presence.placement is None, len(presence.missing) + len(presence.damaged)


def is_damage(error: DvxError) -> bool:
    """Whether an error says that bytes in a store are not what they have to be."""
    return isinstance(error, FormatError | IntegrityError) and not isinstance(error, UnsupportedVersion)
