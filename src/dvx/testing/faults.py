"""A backend that fails on purpose, at a chosen call.

Owns the faults that a network, a disk and a dying process cause. Must be deterministic: a fault is named by
operation and call number, never by chance.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from dvx.backends.backend import Backend, ObjectStat, TransientBackendError
from dvx.core.errors import BackendError
from dvx.core.progress import ByteListener, counting

T = TypeVar("T")

CRASH_STATUS: Final = 137  # what a shell reports for a process that was killed
WRITES: Final = frozenset({"put", "put_file", "delete"})


class Effect(StrEnum):
    """What goes wrong."""

    ERROR = "error"  # fails before anything is done, passing
    REFUSAL = "refusal"  # fails before anything is done, for good
    LOST_RESPONSE = "lost-response"  # is done, then reported as failed
    TRUNCATE = "truncate"  # half of the bytes; a download leaves half a file and fails, passing
    FLIP_BIT = "flip-bit"  # one bit in the middle differs, in what is read or in what is stored
    DELAY = "delay"  # is done after a wait
    CRASH = "crash"  # the process ends before anything is done
    CRASH_AFTER = "crash-after"  # the process ends after it is done


@dataclass(frozen=True, slots=True)
class Fault:
    """`effect` strikes at calls `call` to `call + times - 1` of `operation`, counted from 1.

    `operation` is the name of a method, `write` for any of put, put_file and delete, or `any`.
    """

    operation: str
    call: int
    effect: Effect
    times: int = 1
    throttled: bool = False
    delay_s: float = 0.0

    def strikes(self, operation: str, calls: Counter[str]) -> bool:
        """Whether this fault concerns the call of `operation` that was counted last."""
        if self.operation == "any":
            number = calls.total()
        elif self.operation == "write":
            number = sum(calls[name] for name in WRITES) if operation in WRITES else 0
        else:
            number = calls[operation] if operation == self.operation else 0
        return self.call <= number < self.call + self.times


class FaultyBackend:
    """A Backend that passes every call to `inner`, apart from the faults."""

    def __init__(self, inner: Backend, faults: Sequence[Fault]) -> None:
        self.inner = inner
        self.calls: Counter[str] = Counter()
        self._faults = tuple(faults)
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        """The place of the inner backend."""
        return self.inner.location

    @property
    def is_local(self) -> bool:
        """Whether the inner backend is local."""
        return self.inner.is_local

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Put, with faults."""
        fault = self._count("put")
        stored = _damage(data, fault)
        self._run(fault, lambda: self.inner.put(key, stored, if_absent=if_absent))

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Put a file, with faults; FLIP_BIT and TRUNCATE damage the file itself."""
        fault = self._count("put_file")
        _damage_file(path, fault)
        # A backend removes the file only once it knows of the success.
        is_consumed = consume and (fault is None or fault.effect is not Effect.LOST_RESPONSE)
        with counting(on_bytes, size=os.path.getsize(path)) as passed:
            self._run(
                fault,
                lambda: self.inner.put_file(key, path, consume=is_consumed, on_bytes=passed.add),
            )

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Get, with faults."""
        fault = self._count("get")
        return _damage(self._run(fault, lambda: self.inner.get(key, max_bytes=max_bytes)), fault)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Get a range, with faults."""
        fault = self._count("get_range")
        return _damage(self._run(fault, lambda: self.inner.get_range(key, offset, length)), fault)

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Get the tail, with faults."""
        fault = self._count("get_tail")
        data, size = self._run(fault, lambda: self.inner.get_tail(key, length))
        return _damage(data, fault), size

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Download, with faults."""
        fault = self._count("download")
        self._run(fault, lambda: self.inner.download(key, path, size=size, on_bytes=on_bytes))
        _damage_file(path, fault)
        if fault is not None and fault.effect is Effect.TRUNCATE:
            raise TransientBackendError("injected: the body broke")

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Download a range, with faults; TRUNCATE fails, passing, after the range was written."""
        fault = self._count("download_range")
        with counting(on_bytes, size=length) as passed:
            self._run(
                fault,
                lambda: self.inner.download_range(
                    key, path, offset=offset, length=length, on_bytes=passed.add
                ),
            )
            if fault is not None and fault.effect is Effect.FLIP_BIT:
                with open(path, "r+b") as file:
                    file.seek(offset)
                    damaged = _damage(file.read(length), fault)
                    file.seek(offset)
                    file.write(damaged)
            if fault is not None and fault.effect is Effect.TRUNCATE:
                raise TransientBackendError("injected: the body broke")

    def local_path(self, key: str) -> str | None:  # noqa: ARG002
        """Return None, so that every byte passes through here."""
        return None

    def stat(self, key: str) -> ObjectStat | None:
        """Stat, with faults."""
        return self._run(self._count("stat"), lambda: self.inner.stat(key))

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """List, with faults; TRUNCATE fails, passing, after half of the objects."""
        fault = self._count("list")
        found = self._run(fault, lambda: list(self.inner.list(prefix, start_after=start_after)))
        if fault is None or fault.effect is not Effect.TRUNCATE:
            yield from found
            return
        yield from found[: len(found) // 2]
        raise TransientBackendError("injected: the listing broke")

    def delete(self, key: str) -> None:
        """Delete, with faults."""
        self._run(self._count("delete"), lambda: self.inner.delete(key))

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()

    def _count(self, operation: str) -> Fault | None:
        with self._lock:
            self.calls[operation] += 1
            return next((fault for fault in self._faults if fault.strikes(operation, self.calls)), None)

    def _run(self, fault: Fault | None, call: Callable[[], T]) -> T:
        if fault is None:
            return call()
        _strike_before(fault)
        result = call()
        if fault.effect is Effect.LOST_RESPONSE:
            raise TransientBackendError("injected: the answer was lost", throttled=fault.throttled)
        if fault.effect is Effect.CRASH_AFTER:
            os._exit(CRASH_STATUS)
        return result


def _strike_before(fault: Fault) -> None:
    if fault.effect is Effect.ERROR:
        raise TransientBackendError("injected: the request failed", throttled=fault.throttled)
    if fault.effect is Effect.REFUSAL:
        raise BackendError("injected: the request was refused")
    if fault.effect is Effect.DELAY:
        time.sleep(fault.delay_s)
    if fault.effect is Effect.CRASH:
        os._exit(CRASH_STATUS)


def _damage(data: bytes, fault: Fault | None) -> bytes:
    if fault is not None and fault.effect is Effect.TRUNCATE:
        return data[: len(data) // 2]
    if fault is not None and fault.effect is Effect.FLIP_BIT:
        return flip_bit(data, len(data) // 2)
    return data


def _damage_file(path: str, fault: Fault | None) -> None:
    if fault is None or fault.effect not in (Effect.TRUNCATE, Effect.FLIP_BIT):
        return
    with open(path, "rb") as file:
        damaged = _damage(file.read(), fault)
    with open(path, "wb") as file:
        file.write(damaged)


def flip_bit(data: bytes, position: int) -> bytes:
    """Return `data` with the lowest bit of the byte at `position` inverted; empty data stays empty."""
    if not data:
        return data
    damaged = bytearray(data)
    damaged[position] ^= 1
    return bytes(damaged)
