"""Reading a random part of a root in a store and comparing it with its ids.

Owns which chunks are taken. Must not write anything.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from dvx.core.errors import FormatError
from dvx.core.parallel import map_parallel
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry
from dvx.formats.placement import Placement
from dvx.store.chunk_reader import plan_ranges, read_verified
from dvx.store.runs import run_entries
from dvx.store.store import Store
from dvx.store.transfer import WHOLE_FROM


@dataclass(frozen=True, slots=True)
class Sample:
    """How much to read of each root: a number of chunks, or a share of them between 0 and 1.

    The same `seed` takes the same chunks of the same root.
    """

    chunks: int | None
    share: float
    seed: int

    def size(self, available: int) -> int:
        """How many of `available` chunks to take; at least one where there is one."""
        wanted = self.chunks if self.chunks is not None else round(self.share * available)
        return min(available, max(1, wanted))


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was read: chunks, and their stored bytes."""

    chunks: int
    size_bytes: int


def read_sample(store: Store, placement: Placement, sample: Sample, *, jobs: int) -> Sampled:
    """Read some chunks of a root by range, decode them and compare each with its id.

    Header, index and trailer of each pack that has one of them are read, too. Of a directory the first page of its
    manifest is always read as well; a file of one chunk is compared with the id of the file. Where all chunks are
    taken, everything is read that a clone would copy. Raises DamagedPack, FormatError (kind "bad-placement") and
    ObjectNotFound.
    """
    entries = _choose(store, placement, sample, jobs=jobs)
    groups = [(pack, group) for pack, found in entries.items() for group in plan_ranges(found)]
    map_parallel(lambda item: _verify(store, *item), groups, jobs=jobs)
    stored = sum(FRAME_HEADER_BYTES + entry.stored for _, group in groups for entry in group)
    return Sampled(sum(len(group) for _, group in groups), stored)


def _verify(store: Store, pack: bytes, group: Sequence[PackEntry]) -> None:
    read_verified(store, pack, group)


def _choose(store: Store, placement: Placement, sample: Sample, *, jobs: int) -> dict[bytes, list[PackEntry]]:
    """The chunks to read, by pack."""
    ends = list(accumulate(run.chunks for run in placement.runs))
    total = ends[-1] if ends else 0
    random = Random(f"{sample.seed}:{placement.root.hex()}")  # noqa: S311 - which chunks, not a secret
    places = sorted(random.sample(range(total), sample.size(total))) if total else []
    numbers = [bisect_right(ends, place) for place in places]
    packs = [placement.runs[number].pack for number in numbers]
    # Nobody reads a chunk of a pack whose ends are damaged.
    map_parallel(store.check_pack_ends, list(dict.fromkeys([*packs, *placement.pages])), jobs=jobs)
    chosen = _first_page(store, placement)
    for place, number in zip(places, numbers, strict=True):
        run = placement.runs[number]
        entries = run_entries(run, store.pack_index(run.pack))
        entry = entries[place - (ends[number] - run.chunks)]
        if placement.kind == "file" and total == 1 and entry.id != placement.root:
            raise FormatError("a placement record spells another file", kind="bad-placement")
        chosen.setdefault(run.pack, []).append(entry)
    return _with_neighbours(store, placement, chosen) if len(places) == total else chosen


def _with_neighbours(
    store: Store, placement: Placement, chosen: dict[bytes, list[PackEntry]]
) -> dict[bytes, list[PackEntry]]:
    """All of what a clone would copy: packs of pages, and packs that are needed mostly, with every frame in them."""
    for name, found in chosen.items():
        entries = store.pack_index(name).entries
        needed = sum(FRAME_HEADER_BYTES + entry.stored for entry in set(found))
        if name in placement.pages or needed >= WHOLE_FROM * store.pack_size(name):
            chosen[name] = list(entries)
    for name in placement.pages:
        chosen[name] = list(store.pack_index(name).entries)
    return chosen


def _first_page(store: Store, placement: Placement) -> dict[bytes, list[PackEntry]]:
    if not placement.pages:
        return {}
    for pack in placement.pages:
        entry = store.pack_index(pack).find(placement.root)
        if entry is not None:
            return {pack: [entry]}
    raise FormatError("a placement record names no pack with the first page", kind="bad-placement")
