"""The rate over the last seconds."""

import pytest

from dvx.cli.rate import MovingRate


def test_time_left_is_right_after_ten_seconds_of_a_slow_line_whose_buffers_took_the_start_at_once() -> None:
    rate = MovingRate(0.0)
    buffered, per_second, total = 30_000_000, 6_000_000, 600_000_000
    for tenth in range(101):
        rate.add(tenth / 10, buffered + per_second * tenth // 10)
    passed = buffered + 10 * per_second
    assert rate.per_second(10.0, passed) == pytest.approx(per_second, rel=0.1)
    assert rate.text(10.0, passed, total_bytes=total) == "6.00 MB/s, 1 min 25 s left"


def test_rate_follows_a_line_that_becomes_slower() -> None:
    rate = MovingRate(0.0)
    passed = 0
    for second in range(60):
        passed += 10_000_000 if second < 30 else 1_000_000
        rate.add(float(second + 1), passed)
    assert rate.per_second(60.0, passed) == pytest.approx(1_000_000)


def test_nothing_is_left_at_the_end_and_unknown_before_anything_passes() -> None:
    rate = MovingRate(0.0)
    assert rate.text(0.0, 0, total_bytes=100) == "0 B/s"
    rate.add(1.0, 100)
    assert rate.text(1.0, 100, total_bytes=100) == "100 B/s"
    assert rate.text(1.0, 100, total_bytes=None) == "100 B/s"
