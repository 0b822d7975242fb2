"""AdaptiveLimit: lower when throttled, back up with success."""

import threading
import time

from dvx.backends.concurrency import AdaptiveLimit
from dvx.testing.shell import HANG_S


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_throttling_halves_at_most_once_a_second_and_never_below_one() -> None:
    clock = FakeClock()
    limit = AdaptiveLimit(16, clock=clock)
    seen = []
    for _ in range(6):
        for _ in range(10):
            limit.report_throttled()
        seen.append(limit.limit)
        clock.now_s += 1
    assert seen == [8, 4, 2, 1, 1, 1]


def test_success_gives_one_place_for_every_full_round() -> None:
    limit = AdaptiveLimit(4, clock=FakeClock())
    limit.report_throttled()
    seen = []
    for _ in range(8):
        limit.report_success()
        seen.append(limit.limit)
    assert seen == [2, 3, 3, 3, 4, 4, 4, 4]


def test_no_more_than_the_limit_run_at_the_same_time() -> None:
    limit = AdaptiveLimit(3)
    lock = threading.Lock()
    running: list[int] = [0, 0]
    is_full = threading.Event()

    def work() -> None:
        with limit.hold():
            with lock:
                running[0] += 1
                running[1] = max(running)
                if running[0] == 3:
                    is_full.set()
            is_full.wait(HANG_S)
            time.sleep(0.02)  # the time for one more to come in, if the limit let it
            with lock:
                running[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running == [0, 3]
