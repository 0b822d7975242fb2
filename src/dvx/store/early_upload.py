"""Uploading packs while later ones are still being made.

Owns the threads that copy each new pack of one store to another, and what was sent. A pack alone makes no root
reachable: records, and the confirmation of every object, are the push that follows. Must not make packs.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from dvx.core.errors import BackendUnreachable, CredentialsError, DvxError
from dvx.core.progress import Reporter
from dvx.formats.pack import FRAME_HEADER_BYTES, PackIndex
from dvx.store.pack_copy import copy_pack
from dvx.store.pack_writer import SealedPack
from dvx.store.store import Store
from dvx.store.transfer import WHOLE_FROM


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What was sent early: stored bytes and packs."""

    size_bytes: int = 0
    packs: int = 0


class EarlyUploads:
    """Copies packs from `source` as they are sealed. `take` may be called from any thread.

    The first failure ends all uploads; the work that makes the packs goes on and does not hear of it.
    """

    def __init__(self, source: Store, open_target: Callable[[], Store], *, jobs: int) -> None:
        """`open_target` is called once, from one of the `jobs` threads, when there is something to upload."""
        self._source = source
        self._open_target = open_target
        self._pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="dvx-early")
        self._lock = threading.Lock()
        # One of its own, since opening waits for the network, and `take` must not.
        self._opening = threading.Lock()
        self._target: Store | None = None
        self._error: DvxError | None = None
        self._is_stopped = False
        # Bytes that were sent, or need not be, and who is told of more of them.
        self._passed = 0
        self._reporter: Reporter | None = None
        self._futures: dict[Future[int], int] = {}

    def take(self, pack: SealedPack) -> None:
        """Upload a pack that is in the source by now, some time soon."""
        with self._lock:
            if not self._is_stopped:
                self._futures[self._pool.submit(self._upload, pack.name, pack.index)] = pack.index.size

    def finish(self, reporter: Reporter) -> Uploaded:
        """Wait for all uploads; takes no more packs.

        Raises the failure where trying again at once would only repeat it: no answer, or refused credentials.
        After another failure, the push that follows finds what is missing.
        """
        with self._lock:
            self._is_stopped = True
        self._pool.shutdown(wait=False)
        with self._lock:
            reporter.start("sending", total_bytes=sum(self._futures.values()))
            reporter.advance(size_bytes=self._passed)
            self._reporter = reporter
        try:
            wait(self._futures)
        finally:
            reporter.finish()
        if isinstance(self._error, BackendUnreachable | CredentialsError):
            raise self._error
        sent = [size for future in self._futures if (size := future.result())]
        return Uploaded(sum(sent), len(sent))

    def stop(self, *, waits: bool) -> None:
        """Start no further upload; those under way end by themselves, which `waits` waits for.

        Nothing is at the target under a final name that is not complete.
        """
        with self._lock:
            self._is_stopped = True
            target, is_busy = self._target, not all(future.done() for future in self._futures)
        if target is not None and is_busy:
            target.backend.close()  # so that nothing waits for its next attempt
        self._pool.shutdown(wait=waits, cancel_futures=True)

    def _upload(self, name: bytes, index: PackIndex) -> int:
        """Returns the bytes that were sent, 0 where nothing was."""
        try:
            target = self._opened()
            if target is None or not _is_mostly_new(target, index):
                self._pass(index.size)
                return 0
            copy_pack(self._source, target, name, size=index.size, on_bytes=self._pass)
        except DvxError as error:
            self._error = self._error or error
            return 0
        return index.size

    def _pass(self, count: int) -> None:
        with self._lock:
            self._passed += count
            if self._reporter is not None:
                self._reporter.advance(size_bytes=count)

    def _opened(self) -> Store | None:
        """The target, or None once an upload has failed."""
        with self._opening:
            if self._error is None and self._target is None:
                try:
                    self._target = self._open_target()
                except DvxError as error:
                    self._error = error
            return self._target if self._error is None else None


def _is_mostly_new(target: Store, index: PackIndex) -> bool:
    """Whether a push would send the pack whole, too, and not only some frames of it."""
    known = target.index.find_chunks(target.id, [entry.id for entry in index.entries])
    lacking = sum(FRAME_HEADER_BYTES + entry.stored for entry in index.entries if entry.id not in known)
    return lacking >= WHOLE_FROM * index.size
