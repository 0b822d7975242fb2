"""A store: packs and placement records over a backend, seen with the help of the local index.

Owns the order in which objects are written and the checks on what is read back. The local store and every
remote are the same to it. Must not know about Git, pointers or the workspace.
"""

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dvx.backends.backend import Backend, ObjectNotFound
from dvx.core.errors import UPDATE_HINT, FormatError, IntegrityError, UnsupportedVersion
from dvx.core.ids import format_id
from dvx.core.parallel import map_parallel
from dvx.disk.atomic import disk_errors
from dvx.formats.layout import PACKS_PREFIX, pack_key, parse_pack_key, record_key
from dvx.store.damage import damaged_pack
from dvx.store.index import ChunkIndex
from dvx.store.marker import create_marker, no_store, read_marker, renew_marker
from dvx.store.record_names import ASK_EACH_LIMIT, RecordNames

if TYPE_CHECKING:
    # Records, ends of packs and new packs come in when they are used: a status reads listings from packs whose indexes
    # are known, and does without their 3 ms.
    from dvx.formats.pack import PackEntry, PackIndex
    from dvx.formats.placement import Placement
    from dvx.store.indexes_ahead import IndexesAhead
    from dvx.store.pack_writer import SealedPack

_MAX_RECORD_BYTES: Final = 128 * 1024 * 1024
_FEW: Final = 8
GC_PREFIX: Final = "gc/"


class Store:
    """Packs and records of one place. Thread-safe as far as its backend is."""

    # Whether bytes that are read from here become part of the local store, which takes none unverified.
    keeps_what_is_read: bool = False

    def __init__(
        self,
        backend: Backend,
        index: ChunkIndex,
        store_id: bytes,
        *,
        temporary_folder: str,
        is_remote: bool,
        record_names: RecordNames | None = None,
    ) -> None:
        """`temporary_folder` is a local folder for packs in the making; `record_names` may know some ahead."""
        self.backend = backend
        self.index = index
        self.id = store_id
        self.temporary_folder = temporary_folder
        self.is_remote = is_remote
        self._record_names = record_names or RecordNames(backend)
        self._ahead: IndexesAhead | None = None
        self._root_sizes: dict[bytes, int] = {}

    def expect_sizes(self, sizes: Iterable[tuple[bytes, int]]) -> None:
        """Be told how large roots are by those who name them: their records are read no further than that needs."""
        for root, size in sizes:
            self._root_sizes[root] = max(size, self._root_sizes.get(root, 0))

    @property
    def location(self) -> str:
        """Where the store is, for messages."""
        return self.backend.location

    # Packs

    def pack_index(self, name: bytes) -> "PackIndex":
        """The index of a pack, from memory, from `index.db`, or from the end of the pack itself.

        Raises ObjectNotFound if it is not known and the pack is not there, DamagedPack if its end is not intact.
        """
        if self._ahead is not None:
            self._ahead.wait_for(name)
        return self._learn_index(name)

    def pack_size(self, name: bytes) -> int:
        """The size of a pack in bytes, as its own end says it. Raises as `pack_index`."""
        known = self.index.pack_size(name)
        return known if known is not None else self.pack_index(name).size

    @contextmanager
    def indexes_ahead(self, *, ahead: int) -> "Iterator[IndexesAhead]":
        """For the length of the context, the indexes of packs that it is told of are asked for ahead of readers."""
        from dvx.store.indexes_ahead import IndexesAhead  # threads: 7 ms that few commands need

        with IndexesAhead(self._learn_index, ahead=ahead) as self._ahead:
            try:
                yield self._ahead
            finally:
                self._ahead = None

    def _learn_index(self, name: bytes, tail_bytes: int | None = None) -> "PackIndex":
        known = self.index.pack_index(name)
        if known is not None:
            return known
        index = self._read_pack_index(name, tail_bytes)
        self.index.add_pack(self.id, name, index)
        return index

    def _read_pack_index(self, name: bytes, tail_bytes: int | None) -> "PackIndex":
        from dvx.store.pack_tail import read_tail_index

        try:
            if tail_bytes is None:
                return read_tail_index(self.backend, name)
            return read_tail_index(self.backend, name, tail_bytes=tail_bytes)
        except UnsupportedVersion:
            raise
        except (FormatError, IntegrityError) as error:
            raise damaged_pack(self, name) from error

    def check_pack_ends(self, name: bytes) -> None:
        """Read header, index and trailer of a pack from the store itself, whatever is remembered of it.

        Raises ObjectNotFound, and DamagedPack if they are not intact, or are those of another pack than before.
        """
        from dvx.store.pack_tail import read_exact_index

        try:
            found = read_exact_index(self.backend, name)
        except UnsupportedVersion:
            raise
        except (FormatError, IntegrityError) as error:
            raise damaged_pack(self, name) from error
        known = self.index.pack_index(name)
        if known is None:
            self.index.add_pack(self.id, name, found)
        elif known != found:
            raise damaged_pack(self, name)

    def read_pack(self, name: bytes, offset: int, length: int) -> bytes:
        """Exactly these bytes of a pack, not verified. Raises what Backend.get_range raises."""
        return self.backend.get_range(pack_key(name), offset, length)

    def note_verified(self, pack: bytes, entries: "Iterable[PackEntry]") -> None:
        """Be told of frames of a pack that were read from here and compared with their ids."""

    def load_pack_indexes(self, names: Iterable[bytes], *, jobs: int) -> None:
        """Make the indexes of many packs known, asking for the unknown ones in parallel."""
        unknown = [name for name in dict.fromkeys(names) if self.index.pack_index(name) is None]
        if not unknown:
            return
        map_parallel(self.pack_index, unknown, jobs=jobs)

    def add_sealed_pack(self, pack: "SealedPack") -> None:
        """Move a sealed pack into the store, durably, and make it known."""
        self.backend.put_file(pack_key(pack.name), pack.path, consume=True)
        self.index.add_pack(self.id, pack.name, pack.index, digest=pack.digest)

    def missing_packs(self, placements: "Iterable[Placement]", *, jobs: int) -> set[bytes]:
        """Ask the store which of the packs that these placements need are absent or have another size.

        Packs found missing are forgotten by the index, packs found present are remembered where known.
        """
        sizes = {pack.name: pack.size for placement in placements for pack in placement.packs}
        found = self.pack_sizes(list(sizes), jobs=jobs)
        missing = {name for name, size in sizes.items() if found.get(name) != size}
        held = self.index.held_packs(self.id, sizes)
        if missing & held:
            self.index.drop_hold(self.id, missing & held)
        if present := sizes.keys() - missing - held:
            self.index.add_hold(self.id, present)
        return missing

    def pack_sizes(self, names: Sequence[bytes], *, jobs: int) -> dict[bytes, int]:
        """Ask the store for the size of each pack in bytes; packs that are not there are left out."""
        if len(names) > ASK_EACH_LIMIT:
            listed = ((parse_pack_key(item.key), item.size) for item in self.backend.list(PACKS_PREFIX))
            return {name: size for name, size in listed if name is not None}
        jobs = self._threads_for(names, jobs)
        stats = map_parallel(lambda name: self.backend.stat(pack_key(name)), names, jobs=jobs)
        return {name: stat.size for name, stat in zip(names, stats, strict=True) if stat is not None}

    def _threads_for(self, questions: Sequence[object], jobs: int) -> int:
        """How many threads to ask with: a folder answers a few questions before threads are imported (7 ms)."""
        return 1 if self.backend.is_local and len(questions) <= _FEW else jobs

    # Records

    def record_names(self, roots: Sequence[bytes], *, jobs: int = 1) -> dict[bytes, list[bytes]]:
        """The names of the records of each root; roots without any are left out."""
        return self._record_names.find(roots, jobs=jobs)

    def read_record(self, root: bytes, name: bytes) -> "Placement":
        """Read one record. Raises ObjectNotFound, or FormatError if it is not a record of this root."""
        cached = self._cached_placements([root]).get((root, name))
        if cached is not None:
            return cached
        try:
            body, placement = self._get_record(root, name)
        except FormatError:
            if not self.is_remote:
                raise
            body, placement = self._get_record(root, name)  # bits may flip on the way
        if self.is_remote:
            self.index.cache_record(self.id, root, name, body)
        return placement

    def _get_record(self, root: bytes, name: bytes) -> "tuple[bytes, Placement]":
        body = self.backend.get(record_key(root, name), max_bytes=_MAX_RECORD_BYTES)
        return body, self._parse_record(body, root)

    def _parse_record(self, body: bytes, root: bytes) -> "Placement":
        from dvx.formats.placement import parse_placement

        placement = parse_placement(body, size_bytes=self._root_sizes.get(root))
        if placement.root != root:
            raise FormatError(f"a record under {format_id(root)} is for another root", kind="bad-placement")
        return placement

    def placements(self, roots: Sequence[bytes], *, jobs: int) -> "dict[bytes, list[Placement]]":
        """All readable records of each root; damaged ones are skipped as if they were absent."""
        names = self.record_names(roots, jobs=jobs)
        pairs = [(root, name) for root, found in names.items() for name in found]
        result: dict[bytes, list[Placement]] = {}
        known = self._cached_placements(names)
        unknown = [pair for pair in pairs if pair not in known]
        read = map_parallel(self._try_record, unknown, jobs=self._threads_for(unknown, jobs))
        known.update(zip(unknown, read, strict=True))
        for pair in pairs:
            placement = known[pair]
            if placement is not None:
                result.setdefault(placement.root, []).append(placement)
        return result

    def _cached_placements(self, roots: Iterable[bytes]) -> "dict[tuple[bytes, bytes], Placement | None]":
        """The remembered records of these roots, by root and name: a thousand take one query each 500."""
        found: dict[tuple[bytes, bytes], Placement | None] = {}
        for root, name, body in self.index.cached_records(self.id, list(roots)) if self.is_remote else ():
            with suppress(FormatError):  # a damaged row of a cache: the record itself is asked for
                found[root, name] = self._parse_record(body, root)
        return found

    def _try_record(self, pair: tuple[bytes, bytes]) -> "Placement | None":
        try:
            return self.read_record(*pair)
        except UnsupportedVersion:
            raise
        except (ObjectNotFound, FormatError, IntegrityError):
            return None

    def likely_placements(self, roots: Sequence[bytes], *, jobs: int) -> "dict[bytes, Placement]":
        """A placement of each root that has one; packs are looked for only where there are several records.

        A pack that is missing all the same shows when it is read; `complete_placements` then finds another record.
        """
        found = self.placements(roots, jobs=jobs)
        several = {root: placements for root, placements in found.items() if len(placements) > 1}
        likely = {root: placements[0] for root, placements in found.items()}
        return likely | (self._complete_among(several, jobs=jobs) if several else {})

    def complete_placements(
        self, roots: Sequence[bytes], *, jobs: int, avoid: Container[bytes] = ()
    ) -> "dict[bytes, Placement]":
        """A placement of each root whose packs are all really in the store; other roots are left out.

        Packs to `avoid` (found damaged) count as missing.
        """
        complete = self._complete_placements(roots, jobs=jobs, avoid=avoid)
        rest = [root for root in roots if root not in complete]
        # A record that was damaged on its way here may name packs that never were: ask for the record itself.
        if rest and self.index.forget_records(self.id, rest):
            complete.update(self._complete_placements(rest, jobs=jobs, avoid=avoid))
        return complete

    def _complete_placements(
        self, roots: Sequence[bytes], *, jobs: int, avoid: Container[bytes]
    ) -> "dict[bytes, Placement]":
        return self._complete_among(self.placements(roots, jobs=jobs), jobs=jobs, avoid=avoid)

    def _complete_among(
        self, candidates: "Mapping[bytes, Sequence[Placement]]", *, jobs: int, avoid: Container[bytes] = ()
    ) -> "dict[bytes, Placement]":
        missing = self.missing_packs((p for found in candidates.values() for p in found), jobs=jobs)
        complete: dict[bytes, Placement] = {}
        for root, found in candidates.items():
            for placement in found:
                if not any(pack.name in missing or pack.name in avoid for pack in placement.packs):
                    complete[root] = placement
                    break
        return complete

    def drop_records(self, root: bytes) -> None:
        """Delete the records of a root from this store. Only for the local store: remotes are shared."""
        for name in self.record_names([root]).get(root, []):
            self.backend.delete(record_key(root, name))

    def add_record(self, placement: "Placement") -> None:
        """Write a record of its own random name. All packs it needs must be in the store already."""
        from dvx.formats.placement import format_placement
        from dvx.store.pack_writer import random_name

        name = random_name()
        body = format_placement(placement)
        self.backend.put(record_key(placement.root, name), body)
        if self.is_remote:
            self.index.cache_record(self.id, placement.root, name, body)

    def check_no_collection(self) -> None:
        """Refuse to call a push done in a store whose garbage collection this version cannot take part in.

        A writer has to look for packs condemned by a collection after it wrote its record
        (docs/reference/format/README.md). No version so far starts collections, hence any object means a newer one.
        """
        if next(iter(self.backend.list(GC_PREFIX)), None) is not None:
            raise UnsupportedVersion(
                f"`{self.location}` has garbage collection records of a newer dvx",
                affected="the objects were uploaded, but they may be collected; do not rely on this push",
                hints=[f"{UPDATE_HINT}, then run `dvx push` again"],
            )


def open_store(
    backend: Backend,
    index: ChunkIndex,
    *,
    temporary_folder: str,
    create: bool,
    is_remote: bool = True,
    roots: Sequence[bytes] = (),
    name: str = "",
) -> Store:
    """Read the marker of a store, or write it when `create` is set and there is none.

    The records of `roots` are what the caller will ask for next; they are listed while the marker is read. `name` is
    that of the remote, for hints. A damaged marker of the local store is written again: packs and records say all else.
    Raises DataMissing (kind "empty-remote") for a place without a marker, and (kind "store-vanished") if there
    was one when this repository used the place before; FormatError for a damaged marker, UnsupportedVersion for a newer
    layout.
    """
    record_names = RecordNames(backend)
    record_names.ask_ahead(roots)
    store_id = _open_marker(backend, index, create=create, name=name if is_remote else None)
    if is_remote and index.known_store(backend.location) != store_id:
        index.know_store(backend.location, store_id)
    with disk_errors(temporary_folder, "create"):
        os.makedirs(temporary_folder, exist_ok=True)
    return Store(
        backend,
        index,
        store_id,
        temporary_folder=temporary_folder,
        is_remote=is_remote,
        record_names=record_names,
    )


def _open_marker(backend: Backend, index: ChunkIndex, *, create: bool, name: str | None) -> bytes:
    """The id of the store at a place; `name` is None for the local store."""
    try:
        return read_marker(backend, name=name or "")
    except ObjectNotFound:
        was_known = name is not None and index.known_store(backend.location) is not None
        if was_known or not create:
            raise no_store(backend, name=name or "", was_known=was_known) from None
        return create_marker(backend)
    except UnsupportedVersion:
        raise
    except FormatError:
        # After a crash it may be empty. A new id only makes the index learn the packs anew.
        if name is not None or not create:
            raise
        return renew_marker(backend) or read_marker(backend)
