"""Points of curves: which can be drawn, and that thinning them out keeps the peaks."""

import math

import pytest

from dvx.ops.curves import Point, make_curve, number, thinned


def test_points_are_sorted_and_what_is_not_finite_is_counted() -> None:
    points = [
        Point(2, 5),
        Point(0, 1),
        Point(1, math.nan),
        Point(3, math.inf),
        Point(math.nan, 2),
        Point(0, 9),
    ]
    curve = make_curve("run", points)
    assert curve.points == (Point(0, 9), Point(2, 5))
    assert curve.left_out == 3


def test_few_points_are_left_alone() -> None:
    points = [Point(x, x) for x in range(30)]
    assert thinned(points, limit=30) == tuple(points)


def test_thinning_keeps_peaks_ends_and_order() -> None:
    points = [Point(x, math.sin(x / 500)) for x in range(100_000)]
    points[54_321], points[54_322] = Point(54_321, 100), Point(54_322, -100)
    kept = thinned(points, limit=3000)
    assert len(kept) <= 3001
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert {Point(54_321, 100), Point(54_322, -100)} <= set(kept)
    assert [point.x for point in kept] == sorted({point.x for point in kept})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (True, 1.0), (0.5, 0.5), ("inf", math.inf), ("-Inf", -math.inf), ("1.5", None), ("x", None),
     (None, None), (10**400, math.inf), ([1], None)],
)  # fmt: skip
def test_numbers_are_those_that_an_axis_can_have(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_the_text_nan_is_the_number() -> None:
    found = number("nan")
    assert found is not None
    assert math.isnan(found)
