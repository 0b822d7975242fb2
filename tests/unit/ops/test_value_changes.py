"""Changes between values, and how they are told."""

import math

import pytest

from dvx.cli.comparison_text import format_absolute, format_relative, verdict
from dvx.formats.metadata import Value
from dvx.ops.directions import Direction
from dvx.ops.value_changes import Change, ValueRow, change_between, is_same


@pytest.mark.parametrize(
    ("first", "other", "direction", "told"),
    [
        (0.8, 0.9, Direction.HIGHER, ("+0.1", "+12.5 %", "better")),
        (0.8, 0.9, Direction.LOWER, ("+0.1", "+12.5 %", "worse")),
        (0.5, 0.25, Direction.LOWER, ("-0.25", "-50 %", "better")),
        (-2, -1, None, ("+1", "+50 %", "")),
        (0, 1, Direction.HIGHER, ("+1", "", "better")),
        (1, 1.0, Direction.HIGHER, ("", "", "")),
        (float("inf"), 1.0, Direction.LOWER, ("-inf", "", "better")),
        (float("nan"), 1.0, Direction.LOWER, ("nan", "", "")),
        (float("nan"), float("nan"), Direction.LOWER, ("", "", "")),
        (1, None, Direction.LOWER, ("", "", "")),
        (None, 1, Direction.LOWER, ("", "", "")),
        (True, False, Direction.LOWER, ("", "", "")),
        ("a", "b", None, ("", "", "")),
        (-(2**63), 2**63 - 1, None, ("+1.84467e+19", "+200 %", "")),
    ],
)
def test_a_change_has_a_difference_a_part_and_a_verdict(
    first: Value | None, other: Value | None, direction: Direction | None, told: tuple[str, str, str]
) -> None:
    change = change_between(first, other, direction)
    row = ValueRow("m", "metrics", "x", (first, other), (change,))
    assert (format_absolute(row, change), format_relative(change), verdict(change)) == told


def test_sizes_change_in_units() -> None:
    change = change_between(3_000_000, 1_000_000, None)
    row = ValueRow("m", "data", "size", (3_000_000, 1_000_000), (change,))
    assert format_absolute(row, change) == "-2.00 MB"


def test_equal_is_by_value_not_by_truth() -> None:
    assert is_same(1, 1.0)
    assert is_same(math.nan, float("nan"))
    assert not is_same(True, 1)
    assert not is_same(0, False)
    assert not is_same("1", 1)
    assert change_between(1, 1, None) == Change()
