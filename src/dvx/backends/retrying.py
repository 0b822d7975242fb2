"""Retry with a deadline round any backend.

Owns when a failed request is tried again, how long a caller waits and how many requests are under way. Must
not know one kind of place from another: backends say what is transient by raising TransientBackendError.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

from dvx.backends.backend import (
    NO_CONNECTION,
    Backend,
    ObjectExists,
    ObjectNotFound,
    ObjectStat,
    TransientBackendError,
    not_found,
    wrong_size,
)
from dvx.backends.concurrency import AdaptiveLimit
from dvx.core.errors import BackendUnreachable, IntegrityError
from dvx.core.progress import ByteListener, PassedBytes
from dvx.disk.atomic import disk_errors

# Full jitter (delay uniform between 0 and the bound), bound doubling from here: see "Exponential Backoff And
# Jitter", AWS Architecture Blog, 2015.
FIRST_DELAY_S: Final = 0.2
FIRST_THROTTLED_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 20.0
# A wrong endpoint looks like a network that is down; who mistyped it should not wait the whole deadline.
FIRST_CONTACT_DEADLINE_S: Final = 30.0
# 8 MiB: a break costs at most 84 ms of work at 100 MB/s, and 30 ms of round trip about a quarter more.
_RESUME_BYTES: Final = 8 * 1024 * 1024

T = TypeVar("T")
RetryListener = Callable[[TransientBackendError, float], None]


class RetryingBackend:
    """A Backend that repeats transient failures of `inner` until `deadline_s` has passed in one call.

    `max_concurrency` bounds the requests under way; throttling halves it for a while. `on_retry` is told of
    every failure and of the seconds that it will be tried again at most, from the thread that waits. When the deadline
    has passed, BackendUnreachable is raised from the last failure; the deadline of calls that cannot connect
    is at most 30 s until the first call has succeeded.
    """

    def __init__(
        self,
        inner: Backend,
        *,
        deadline_s: float,
        max_concurrency: int = 64,
        on_retry: RetryListener | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._inner = inner
        self._deadline_s = deadline_s
        self._on_retry = on_retry
        self._clock = clock
        self._closed = threading.Event()
        # Waiting on the event instead of sleeping lets close() end every wait at once.
        self._sleep = sleep if sleep is not None else self._closed.wait
        self._uniform = uniform
        self._limit = AdaptiveLimit(max_concurrency, clock=clock)
        self._was_reached = False

    @property
    def location(self) -> str:
        """The place of the inner backend."""
        return self._inner.location

    @property
    def is_local(self) -> bool:
        """Whether the inner backend is local."""
        return self._inner.is_local

    @property
    def concurrency(self) -> int:
        """How many requests may be under way now."""
        return self._limit.limit

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data`; see Backend.put.

        A create-once put whose own earlier attempt may have succeeded reads the object back: the same
        content means success. Two callers that put the same content may therefore both succeed.
        """
        may_be_ours = False

        def attempt() -> ObjectExists | None:
            nonlocal may_be_ours
            try:
                self._inner.put(key, data, if_absent=if_absent)
            except TransientBackendError:
                may_be_ours = True
                raise
            except ObjectExists as error:
                if not may_be_ours:
                    raise
                return error
            return None

        refusal = self._call(attempt)
        if refusal is not None and not self._holds(key, data):
            raise refusal

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Store a file; see Backend.put_file."""
        # The inner backend keeps the file until it has succeeded, so every attempt finds it.
        self._call(lambda: self._inner.put_file(key, path, consume=consume, on_bytes=on_bytes))

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Return the whole object; see Backend.get."""
        return self._call(lambda: self._inner.get(key, max_bytes=max_bytes))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly the range; see Backend.get_range."""
        return self._call(lambda: self._inner.get_range(key, offset, length))

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size; see Backend.get_tail."""
        return self._call(lambda: self._inner.get_tail(key, length))

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Write the object to a new file, going on by ranges after a failure; see Backend.download."""
        passed = PassedBytes(on_bytes)
        try:
            with self._limit.hold():
                self._inner.download(key, path, size=size, on_bytes=passed.add)
        except TransientBackendError as error:
            self._report(error)
            try:
                self._finish_download(key, path, size=size, passed=passed)
            except BaseException:
                passed.reach(0)
                with suppress(OSError):
                    os.unlink(path)
                raise
        else:
            self._note_success()

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Write a range to its place in a file; see Backend.download_range."""
        self._call(
            lambda: self._inner.download_range(key, path, offset=offset, length=length, on_bytes=on_bytes)
        )

    def local_path(self, key: str) -> str | None:
        """Return the path of the object's file, if it is one; see Backend.local_path."""
        return self._inner.local_path(key)

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None; see Backend.stat."""
        return self._call(lambda: self._inner.stat(key))

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """Yield objects by key, going on after the last one after a failure; see Backend.list."""
        last = start_after
        found: Iterator[ObjectStat] | None = None

        def attempt() -> ObjectStat | None:
            nonlocal found
            if found is None:
                found = self._inner.list(prefix, start_after=last)
            try:
                return next(found, None)
            except TransientBackendError:
                found = None  # a generator is finished by an exception
                raise

        # Not through the concurrency limit: most steps send no request, and a listing is one at a time.
        while (stat := self._repeat(attempt)) is not None:
            last = stat.key
            yield stat

    def delete(self, key: str) -> None:
        """Remove the object if there is one; see Backend.delete."""
        self._call(lambda: self._inner.delete(key))

    def close(self) -> None:
        """Close the inner backend; calls that wait for their next attempt fail at once."""
        self._closed.set()
        self._inner.close()

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.get(key, max_bytes=len(data)) == data
        except (IntegrityError, ObjectNotFound):
            return False  # larger than what we wrote, or deleted meanwhile

    def _finish_download(self, key: str, path: str, *, size: int, passed: PassedBytes) -> None:
        found = self.stat(key)
        if found is None:
            raise not_found(key, self.location)
        if found.size != size:
            raise wrong_size(key, size=found.size, expected=size)
        with disk_errors(path, "write"), open(path, "ab") as file:
            offset = file.tell()
            passed.reach(offset)
            while offset < size:
                length = min(_RESUME_BYTES, size - offset)
                file.write(self.get_range(key, offset, length))
                offset += length
                passed.reach(offset)

    def _call(self, attempt: Callable[[], T]) -> T:
        def limited() -> T:
            with self._limit.hold():
                return attempt()

        return self._repeat(limited)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        started_s = self._clock()
        failures = 0
        while True:
            try:
                result = attempt()
            except TransientBackendError as error:
                failures += 1
                self._report(error)
                self._wait(error, failures=failures, started_s=started_s)
            else:
                self._note_success()
                return result

    def _note_success(self) -> None:
        self._was_reached = True
        self._limit.report_success()

    def _report(self, error: TransientBackendError) -> None:
        if error.throttled:
            self._limit.report_throttled()
        if error.kind != NO_CONNECTION:
            self._was_reached = True

    def _wait(self, error: TransientBackendError, *, failures: int, started_s: float) -> None:
        """Sleep before the next attempt, or raise BackendUnreachable when it would be too late."""
        first_s = FIRST_THROTTLED_DELAY_S if error.throttled else FIRST_DELAY_S
        # The exponent is bounded because 2.0 ** 1024 overflows.
        delay_s = self._uniform(0, min(LONGEST_DELAY_S, first_s * 2.0 ** min(failures - 1, 30)))
        waited_s = self._clock() - started_s
        left_s = self._allowed_s() - waited_s
        is_enough = error.most_attempts is not None and failures >= error.most_attempts
        if self._closed.is_set() or is_enough or delay_s > left_s:
            raise self._give_up(error, failures=failures, waited_s=waited_s) from error
        if self._on_retry is not None:
            self._on_retry(error, left_s)
        self._sleep(delay_s)

    def _allowed_s(self) -> float:
        return self._deadline_s if self._was_reached else min(self._deadline_s, FIRST_CONTACT_DEADLINE_S)

    def _give_up(self, error: TransientBackendError, *, failures: int, waited_s: float) -> BackendUnreachable:
        return BackendUnreachable(
            f"{self.location} kept failing: {error.what} ({failures} attempts in {waited_s:.0f} s)",
            affected=error.affected,
            hints=("run the command again: what was already transferred is not transferred again",),
        )
