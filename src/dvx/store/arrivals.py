"""Packs that are read while they arrive: each byte is decoded once, for the workspace and for the local store.

Owns the rule by which an arriving pack becomes part of the local store: every frame, header and content, was
compared with the pack's index and its chunk ids, by whoever decoded it or at the end by `finish`. Until then it is
a temporary file that no index and no store knows. Must not choose packs or write into the workspace.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Final

from dvx.core.errors import IntegrityError
from dvx.core.parallel import map_parallel
from dvx.core.progress import ByteListener
from dvx.disk.page_cache import forget_file
from dvx.formats.layout import pack_key
from dvx.formats.pack import PackEntry, PackIndex
from dvx.formats.placement import Run
from dvx.store.arriving_pack import ArrivingPack
from dvx.store.chunk_reader import plan_ranges, read_verified
from dvx.store.store import Store
from dvx.store.translate import translate_runs

# As many packs as wait for fsync when data is added.
_SEALERS: Final = 2
# 16 packs are 1 GiB: more than 32 connections can have in flight. With those that the reader just passed it is all
# that a kill can lose.
_PACKS_AHEAD: Final = 16
# The windows that readers have in flight (160 MiB at most) lie in this many packs.
_PACKS_BEHIND: Final = 4


class ArrivingStore(Store):
    """The local store together with packs that are still arriving from a remote, seen as one remote store.

    What is read through it is verified chunk by chunk, because it is a remote (`Store.is_remote`). Use as a
    context manager; leaving it removes what was not verified. Only `finish` makes the rest part of the store.
    """

    keeps_what_is_read = True

    def __init__(
        self,
        source: Store,
        target: Store,
        packs: Mapping[bytes, int],
        *,
        jobs: int,
        on_bytes: ByteListener | None = None,
    ) -> None:
        """`packs` are the names and sizes of packs of `source`, in the order in which they will be read.

        `on_bytes` is told of their bytes as they arrive.
        """
        super().__init__(
            target.backend,
            target.index,
            target.id,
            temporary_folder=target.temporary_folder,
            is_remote=True,
        )
        self._source = source
        self._target = target
        self._order = {name: number for number, name in enumerate(packs)}
        self._packs = [
            ArrivingPack(source, name, size, folder=target.temporary_folder, on_bytes=on_bytes)
            for name, size in packs.items()
        ]
        self._downloads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="dvx-arrive")
        self._sealers = ThreadPoolExecutor(max_workers=_SEALERS, thread_name_prefix="dvx-seal")
        self._settlers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dvx-settle")
        self._sealed: dict[bytes, Future[None]] = {}
        self._lock = threading.Lock()
        self._started = 0
        self._settling: list[Future[None]] = []

    @property
    def location(self) -> str:
        """The place of the remote: damage that is found here came from there."""
        return self._source.location

    def __enter__(self) -> "ArrivingStore":
        try:
            self._start_until(_PACKS_AHEAD)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._close()

    def _close(self) -> None:
        self._downloads.shutdown(wait=False, cancel_futures=True)
        self._settlers.shutdown(wait=True, cancel_futures=True)
        self._sealers.shutdown(wait=True)
        for pack in self._packs:
            pack.discard()
        self._downloads.shutdown(wait=True)

    def _start_until(self, number: int) -> None:
        with self._lock:
            for pack in self._packs[self._started : number]:
                pack.start(self._downloads)
                self._started += 1  # only now: others look at it without the lock
            behind = self._packs[len(self._settling) : max(0, number - _PACKS_AHEAD - _PACKS_BEHIND)]
            self._settling += [self._settlers.submit(self._settle, pack) for pack in behind]

    def _settle(self, pack: ArrivingPack) -> None:
        """Verify what the reader left out of a pack that it has passed; what is wrong is reported by `finish`."""
        if pack.name not in self._sealed:
            for group in plan_ranges(pack.unverified()):
                read_verified(self, pack.name, group)

    def _arriving(self, name: bytes) -> ArrivingPack | None:
        """The pack if it is one that arrives; it and those behind it are asked for if they were not yet."""
        number = self._order.get(name)
        if number is None:
            return None
        if self._started < number + _PACKS_AHEAD:
            self._start_until(number + _PACKS_AHEAD)
        pack = self._packs[number]
        return None if pack.is_stored else pack

    def pack_index(self, name: bytes) -> PackIndex:
        """The index of a pack; that of an arriving pack comes from its own end. See Store.pack_index."""
        pack = self._arriving(name)
        if pack is not None:
            with suppress(FileNotFoundError):  # it was sealed meanwhile
                return pack.index()
        return self._target.pack_index(name)

    def read_pack(self, name: bytes, offset: int, length: int) -> bytes:
        """Bytes of a pack, waiting for them where it is arriving; see Store.read_pack."""
        pack = self._arriving(name)
        if pack is not None:
            with suppress(FileNotFoundError):  # it was sealed meanwhile, and is read like any other
                return pack.read(offset, length)
        return self._target.read_pack(name, offset, length)

    def note_verified(self, pack: bytes, entries: Iterable[PackEntry]) -> None:
        """Count verified frames; a pack whose frames all are goes into the local store in the background."""
        arriving = self._arriving(pack)
        if arriving is not None and arriving.note_verified(entries):
            self._seal(arriving)

    def _seal(self, pack: ArrivingPack) -> None:
        with self._lock:
            if pack.name not in self._sealed:
                self._sealed[pack.name] = self._sealers.submit(self._add, pack)

    def _add(self, pack: ArrivingPack) -> None:
        pack.wait()
        # No digest: it would take another pass over the file, and only a push of this pack to one more remote
        # would use it; without it that push compares the frames.
        self._target.backend.put_file(pack_key(pack.name), pack.path, consume=True)
        if (path := self._target.backend.local_path(pack_key(pack.name))) is not None:
            forget_file(path)  # what it holds is on its way into the workspace
        self.index.add_pack(self._target.id, pack.name, pack.index())
        self.index.add_hold(self._source.id, [pack.name])
        pack.forget()

    def finish(self, *, jobs: int) -> None:
        """Verify every frame that nobody has read and wait until all packs are in the local store.

        Raises what a download raised, and after the other packs became part of the store, DamagedPack.
        """
        failures: list[IntegrityError] = []
        for number, pack in enumerate(self._packs):
            try:
                self._start_until(number + _PACKS_AHEAD)
                self._verify_rest(pack, jobs=jobs)
            except IntegrityError as error:
                failures.append(error)
        wait(self._settling)
        for sealed in self._sealed.values():
            sealed.result()
        if failures:
            raise failures[0]

    def _verify_rest(self, pack: ArrivingPack, *, jobs: int) -> None:
        sealed = self._sealed.get(pack.name)
        if sealed is not None:
            sealed.result()
            return
        try:
            rest = list(plan_ranges(pack.unverified()))
            map_parallel(lambda group: _verify(self, pack.name, group), rest, jobs=jobs)
            if not pack.index().entries:
                self._seal(pack)
        except FileNotFoundError:
            if pack.name not in self._sealed:
                raise
            # `_settle` completed and sealed it meanwhile; `finish` waits for that.

    def source_runs(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """The same runs where the chunks that are not in arriving packs are read from the local store."""
        done: list[Run] = []
        for stretch in _stretches(runs, self._order):
            is_arriving = stretch[0].pack in self._order
            done += stretch if is_arriving else translate_runs(stretch, self._source.pack_index, self._target)
        return tuple(done)


def _verify(store: Store, pack: bytes, group: Sequence[PackEntry]) -> None:
    read_verified(store, pack, group)


def _stretches(runs: Sequence[Run], arriving: Mapping[bytes, object]) -> Iterator[list[Run]]:
    """Neighbouring runs that all are in arriving packs, or all are not."""
    stretch: list[Run] = []
    for run in runs:
        if stretch and (run.pack in arriving) != (stretch[0].pack in arriving):
            yield stretch
            stretch = []
        stretch.append(run)
    if stretch:
        yield stretch
