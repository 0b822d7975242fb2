"""How many requests may be under way at one place, lowered when it asks for less.

Owns one number and the threads that wait for it. Must not know what the requests are.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# One burst of refusals reports the same overload many times: only one of them a second counts.
_HALVE_EVERY_S: Final = 1.0


class AdaptiveLimit:
    """A semaphore whose size is halved by `report_throttled` and grows back by one with every full round.

    Additive increase, multiplicative decrease, as in TCP congestion control (RFC 5681, section 3.1).
    """

    def __init__(self, maximum: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._maximum = max(1, maximum)
        self._limit = self._maximum
        self._under_way = 0
        self._successes = 0
        self._halved_s = float("-inf")
        self._clock = clock
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """How many requests may be under way now, between 1 and the maximum."""
        return self._limit

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for a place, and keep it for the time of the block."""
        with self._free:
            while self._under_way >= self._limit:
                self._free.wait()
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify()

    def report_throttled(self) -> None:
        """Halve the limit, at most once a second and never below one."""
        with self._free:
            now_s = self._clock()
            if now_s - self._halved_s >= _HALVE_EVERY_S:
                self._halved_s = now_s
                self._limit = max(1, self._limit // 2)
            self._successes = 0

    def report_success(self) -> None:
        """Count a request that went well; a whole limit of them in a row allows one more."""
        if self._limit == self._maximum:
            return
        with self._free:
            self._successes += 1
            if self._successes >= self._limit and self._limit < self._maximum:
                self._limit += 1
                self._successes = 0
                self._free.notify()
