"""Changes between values, and how they are told."""

import math

import pytest

from dvx.cli.comparison_text import format_absolute, format_relative, verdict
from dvx.formats.metadata import Value, same_value
from dvx.ops.directions import Direction
from dvx.ops.value_changes import Change, ValueRow, change_between, told_once
from dvx.repo.track_rules import TrackRule
from dvx.repo.value_spec import ValueSpec


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
    assert same_value(1, 1.0)
    assert same_value(math.nan, float("nan"))
    assert not same_value(True, 1)
    assert not same_value(0, False)
    assert not same_value("1", 1)
    assert same_value([1, 2.5], [1.0, 2.5])
    assert not same_value([1], [1, 1])
    assert change_between(1, 1, None) == Change()


def _value_row(source: str, *values: Value | None, name: str = "acc") -> ValueRow:
    return ValueRow(source, "metrics", name, values, ())


def test_a_fact_of_a_pointer_and_the_file_it_was_read_from_is_told_once() -> None:
    rows = [_value_row("m", 0.5, 1.0), _value_row("metrics.json", 0.5, 1), _value_row("x.json", None, 1)]
    assert told_once(rows, {"m"}, ()) == (rows[0],)


def test_a_file_that_says_more_than_the_pointers_is_told_too() -> None:
    rows = [_value_row("m", None, 1.0), _value_row("metrics.json", 0.5, 1), _value_row("m.json", None, 2)]
    assert told_once(rows, {"m"}, ()) == tuple(rows)


def test_the_pointer_wins_over_the_file_that_a_rule_names_for_it() -> None:
    rule = TrackRule("models/*", metrics=(ValueSpec("metrics.json"),))
    rows = [
        _value_row("models/m", 0.5, 0.5),
        _value_row("metrics.json", 0.5, 0.7),
        _value_row("o.json", 1, 2),
    ]
    assert told_once(rows, {"models/m"}, [rule]) == (rows[0], rows[2])
