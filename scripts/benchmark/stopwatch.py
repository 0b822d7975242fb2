"""Adding up where threads spend their time, by stage.

Owns the sums and the nesting: time in a stage that was entered from another one counts for the inner one only,
except inside a stage that is taken as a whole. Must not know what the stages mean.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any

_CALIBRATION_CALLS = 20_000


@dataclass(slots=True)
class StageTime:
    """What all threads together spent in one stage: calls, wall seconds and CPU seconds."""

    calls: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


class _Span:
    """A stage that a thread is in, with what the stages inside it took."""

    __slots__ = ("cpu_s", "inner_cpu_s", "inner_wall_s", "is_whole", "wall_s")

    def __init__(self, *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self.inner_wall_s = self.inner_cpu_s = 0.0
        self.cpu_s = thread_time()
        self.wall_s = perf_counter()


class _Local(threading.local):
    """The spans a thread is in, outermost first, and its own sums."""

    def __init__(self, register: Callable[[dict[str, StageTime]], None]) -> None:
        self.spans: list[_Span] = []
        self.sums: dict[str, StageTime] = {}
        register(self.sums)


class Stopwatch:
    """Sums by stage; `whole` are stages in which nothing else is counted."""

    def __init__(self, whole: frozenset[str] = frozenset()) -> None:
        self._whole = whole
        self._sums: list[dict[str, StageTime]] = []
        self._local = _Local(self._sums.append)

    def totals(self) -> dict[str, StageTime]:
        """The sums of all threads so far."""
        totals: dict[str, StageTime] = {}
        for sums in list(self._sums):
            for stage, found in list(sums.items()):
                total = totals.setdefault(stage, StageTime())
                total.calls += found.calls
                total.wall_s += found.wall_s
                total.cpu_s += found.cpu_s
        return totals

    def wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """A function that does the same and is counted; the steps of a generator are counted one by one."""
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function, stage)

        @functools.wraps(function)
        def counted(*args: Any, **named: Any) -> Any:
            local = self._local
            if local.spans and local.spans[-1].is_whole:
                return function(*args, **named)
            span = self._enter(local, stage)
            try:
                return function(*args, **named)
            finally:
                self._leave(local, span, stage)

        return counted

    def _wrap_generator(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        step = self.wrap(next, stage)
        end = object()

        @functools.wraps(function)
        def counted(*args: Any, **named: Any) -> Iterator[Any]:
            steps = function(*args, **named)
            try:
                while (item := step(steps, end)) is not end:
                    yield item
            finally:
                steps.close()

        return counted

    def _enter(self, local: _Local, stage: str) -> _Span:
        span = _Span(is_whole=stage in self._whole)
        local.spans.append(span)
        return span

    def _leave(self, local: _Local, span: _Span, stage: str) -> None:
        wall_s, cpu_s = perf_counter() - span.wall_s, thread_time() - span.cpu_s
        local.spans.pop()
        total = local.sums.get(stage) or local.sums.setdefault(stage, StageTime())
        total.calls += 1
        total.wall_s += wall_s - span.inner_wall_s
        total.cpu_s += cpu_s - span.inner_cpu_s
        if local.spans:
            local.spans[-1].inner_wall_s += wall_s
            local.spans[-1].inner_cpu_s += cpu_s


def cost_of_counting_s() -> float:
    """About how many seconds one counted call takes by being counted."""
    counted = Stopwatch().wrap(_nothing, "nothing")
    started_s = perf_counter()
    for _ in range(_CALIBRATION_CALLS):
        counted()
    return (perf_counter() - started_s) / _CALIBRATION_CALLS


def _nothing() -> None:
    return None
