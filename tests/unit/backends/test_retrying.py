"""RetryingBackend: what is tried again, for how long, and what a lost answer means."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.backends.backend import (
    NO_CONNECTION,
    Backend,
    ObjectExists,
    ObjectNotFound,
    TransientBackendError,
)
from dvx.backends.memory import MemoryBackend
from dvx.backends.retrying import RetryingBackend
from dvx.core.errors import BackendError, BackendUnreachable, ExitCode, IntegrityError
from dvx.testing.faults import Effect, Fault, FaultyBackend


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.delays_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, delay_s: float) -> None:
        self.delays_s.append(delay_s)
        self.now_s += delay_s


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def wrap(inner: Backend, time: FakeTime, *, deadline_s: float = 300.0) -> RetryingBackend:
    """Retry with the longest delay that full jitter allows."""
    return RetryingBackend(
        inner, deadline_s=deadline_s, clock=time.clock, sleep=time.sleep, uniform=lambda low, high: high
    )


def test_passing_failures_are_repeated_with_doubling_delays_up_to_twenty_seconds(time: FakeTime) -> None:
    inner = MemoryBackend()
    backend = wrap(FaultyBackend(inner, [Fault("put", 1, Effect.ERROR, times=9)]), time)
    backend.put("key", b"content")
    assert time.delays_s == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0, 20.0])
    assert inner.get("key", max_bytes=10) == b"content"


def test_throttling_waits_longer_and_lowers_concurrency(time: FakeTime) -> None:
    faults = [Fault("put", 1, Effect.ERROR, times=3, throttled=True)]
    backend = RetryingBackend(
        FaultyBackend(MemoryBackend(), faults),
        deadline_s=300,
        max_concurrency=32,
        clock=time.clock,
        sleep=time.sleep,
        uniform=lambda low, high: high,
    )
    backend.put("key", b"x")
    assert time.delays_s == [1.0, 2.0, 4.0]
    assert backend.concurrency == 4


def test_deadline_ends_in_unreachable_with_the_cause_and_what_was_tried(time: FakeTime) -> None:
    backend = wrap(FaultyBackend(MemoryBackend("place"), [Fault("get", 1, Effect.ERROR, times=10**6)]), time)
    with pytest.raises(BackendUnreachable) as caught:
        backend.get("key", max_bytes=1)
    assert not isinstance(caught.value, TransientBackendError)
    assert isinstance(caught.value.__cause__, TransientBackendError)
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert "place" in caught.value.what
    assert "injected" in caught.value.what
    assert 280 <= time.now_s <= 300


def test_refusal_is_not_repeated(time: FakeTime) -> None:
    inner = FaultyBackend(MemoryBackend(), [Fault("get", 1, Effect.REFUSAL)])
    with pytest.raises(BackendError, match="refused"):
        wrap(inner, time).get("key", max_bytes=1)
    assert inner.calls["get"] == 1
    assert time.delays_s == []


def test_missing_object_is_not_repeated(time: FakeTime) -> None:
    inner = FaultyBackend(MemoryBackend(), [])
    with pytest.raises(ObjectNotFound):
        wrap(inner, time).get_tail("key", 10)
    assert inner.calls["get_tail"] == 1


def test_place_that_was_never_reached_is_given_up_after_thirty_seconds(time: FakeTime) -> None:
    class Unconnected(MemoryBackend):
        def get(self, key: str, *, max_bytes: int) -> bytes:
            raise TransientBackendError("no connection", kind=NO_CONNECTION)

    backend = wrap(Unconnected(), time)
    with pytest.raises(BackendUnreachable):
        backend.get("key", max_bytes=1)
    assert time.now_s <= 30
    time.now_s = 0
    backend.put("key", b"x")  # now it was reached: the network may come back
    with pytest.raises(BackendUnreachable):
        backend.get("key", max_bytes=1)
    assert time.now_s > 250


def test_lost_answer_of_our_own_create_means_success(time: FakeTime) -> None:
    inner = MemoryBackend()
    backend = wrap(FaultyBackend(inner, [Fault("put", 1, Effect.LOST_RESPONSE)]), time)
    backend.put("gc/final", b"ours", if_absent=True)
    assert inner.get("gc/final", max_bytes=10) == b"ours"


@pytest.mark.parametrize("theirs", [b"them", b"longer than ours"])
def test_create_that_failed_and_then_lost_against_another_writer_is_refused(
    time: FakeTime, theirs: bytes
) -> None:
    inner = MemoryBackend()
    inner.put("gc/final", theirs)
    backend = wrap(FaultyBackend(inner, [Fault("put", 1, Effect.ERROR)]), time)
    with pytest.raises(ObjectExists):
        backend.put("gc/final", b"ours", if_absent=True)
    assert inner.get("gc/final", max_bytes=100) == theirs


def test_create_of_the_same_content_without_a_failure_before_is_refused(time: FakeTime) -> None:
    inner = MemoryBackend()
    inner.put("gc/final", b"same")
    with pytest.raises(ObjectExists):
        wrap(inner, time).put("gc/final", b"same", if_absent=True)


def test_read_back_after_a_lost_create_is_repeated_too(time: FakeTime) -> None:
    faults = [Fault("put", 1, Effect.LOST_RESPONSE), Fault("get", 1, Effect.ERROR, times=2)]
    inner = FaultyBackend(MemoryBackend(), faults)
    wrap(inner, time).put("gc/final", b"ours", if_absent=True)
    assert inner.calls["get"] == 3


def test_broken_download_goes_on_from_where_it_broke(time: FakeTime, tmp_path: Path) -> None:
    content = bytes(range(256)) * 100_000  # 25.6 MB: four ranges of 8 MiB, the broken half is not read again
    inner = FaultyBackend(
        MemoryBackend(), [Fault("download", 1, Effect.TRUNCATE), Fault("get_range", 2, Effect.ERROR)]
    )
    inner.inner.put("packs/one", content)
    target = tmp_path / "target"
    wrap(inner, time).download("packs/one", str(target), size=len(content))
    assert target.read_bytes() == content
    assert inner.calls == {"download": 1, "stat": 1, "get_range": 3}


def test_download_that_keeps_failing_leaves_no_file(time: FakeTime, tmp_path: Path) -> None:
    faults = [Fault("download", 1, Effect.TRUNCATE), Fault("get_range", 1, Effect.ERROR, times=10**6)]
    inner = FaultyBackend(MemoryBackend(), faults)
    inner.inner.put("packs/one", b"x" * 1000)
    with pytest.raises(BackendUnreachable):
        wrap(inner, time).download("packs/one", str(tmp_path / "target"), size=1000)
    assert list(tmp_path.iterdir()) == []


def test_download_that_breaks_and_has_another_size_leaves_no_file(time: FakeTime, tmp_path: Path) -> None:
    inner = FaultyBackend(MemoryBackend(), [Fault("download", 1, Effect.ERROR)])
    inner.inner.put("packs/one", b"x" * 1001)
    with pytest.raises(IntegrityError) as caught:
        wrap(inner, time).download("packs/one", str(tmp_path / "target"), size=1000)
    assert caught.value.kind == "wrong-size"
    assert list(tmp_path.iterdir()) == []


def test_broken_listing_goes_on_without_gaps_or_repeats(time: FakeTime) -> None:
    faults = [Fault("list", call, Effect.TRUNCATE) for call in (1, 2)] + [Fault("list", 3, Effect.ERROR)]
    inner = FaultyBackend(MemoryBackend(), faults)
    keys = [f"packs/{number:03}" for number in range(100)]
    for key in keys:
        inner.inner.put(key, b"x")
    assert [stat.key for stat in wrap(inner, time).list("packs/")] == keys
    assert inner.calls["list"] == 4


def test_listener_hears_of_every_failure_and_of_the_time_that_is_left(time: FakeTime) -> None:
    heard: list[tuple[str, float]] = []
    backend = RetryingBackend(
        FaultyBackend(MemoryBackend(), [Fault("stat", 1, Effect.ERROR, times=2)]),
        deadline_s=10,
        on_retry=lambda error, left_s: heard.append((error.what, round(left_s, 1))),
        clock=time.clock,
        sleep=time.sleep,
        uniform=lambda low, high: high,
    )
    assert backend.stat("key") is None
    assert heard == [("injected: the request failed", 10.0), ("injected: the request failed", 9.8)]


def test_close_ends_waiting(time: FakeTime) -> None:
    backend = wrap(FaultyBackend(MemoryBackend(), [Fault("any", 1, Effect.ERROR, times=10**6)]), time)
    calls: list[Callable[[], object]] = [lambda: backend.stat("key"), lambda: list(backend.list(""))]
    backend.close()
    for call in calls:
        with pytest.raises(BackendUnreachable):
            call()
    assert time.delays_s == []


def test_jitter_is_drawn_between_zero_and_the_bound(time: FakeTime) -> None:
    bounds: list[tuple[float, float]] = []

    def lowest(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    backend = RetryingBackend(
        FaultyBackend(MemoryBackend(), [Fault("put", 1, Effect.ERROR, times=3)]),
        deadline_s=10,
        clock=time.clock,
        sleep=time.sleep,
        uniform=lowest,
    )
    backend.put("key", b"x")
    assert bounds == [(0, 0.2), (0, 0.4), (0, 0.8)]
    assert time.delays_s == [0, 0, 0]
