"""Indexes of packs that a reader will want, asked for a few packs before it comes to them.

Owns the order and how far ahead. Must not keep indexes: who loads them does.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor


class IndexesAhead:
    """Loads indexes in the background, in the order of a reader. Thread-safe; use as a context manager.

    All of a large root's indexes at once would delay its data: a terabyte has 15 000 packs.
    """

    def __init__(self, load: Callable[[bytes, int], object], *, ahead: int) -> None:
        """`load` makes the index of a pack known, from any thread; it gets what `expect` got.

        At most `ahead` indexes wait for the reader.
        """
        self._load = load
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(max_workers=ahead, thread_name_prefix="dvx-index")
        self._numbers: dict[bytes, int] = {}
        self._packs: list[tuple[bytes, int]] = []
        self._started: list[Future[None]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "IndexesAhead":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def expect(self, packs: Mapping[bytes, int]) -> None:
        """Add packs in the order in which a reader will come to them, and ask for the first.

        Each comes with how many bytes at its end are likely to hold its index.
        """
        with self._lock:
            for name, tail_bytes in packs.items():
                if name not in self._numbers:
                    self._numbers[name] = len(self._packs)
                    self._packs.append((name, tail_bytes))
            self._start_until(self._ahead)

    def wait_for(self, name: bytes) -> None:
        """Ask for the packs behind `name` and wait until its own index is known. Raises what `load` raises.

        Returns at once for a pack that nobody expects.
        """
        with self._lock:
            number = self._numbers.get(name)
            if number is None:
                return
            self._start_until(number + self._ahead)
            waiting = self._started[number]
        waiting.result()

    def _start_until(self, number: int) -> None:
        for name, tail_bytes in self._packs[len(self._started) : number]:
            self._started.append(self._pool.submit(self._learn, name, tail_bytes))

    def _learn(self, name: bytes, tail_bytes: int) -> None:
        self._load(name, tail_bytes)  # the answer is not kept: an index of 64 000 files takes 20 MB
