"""The canonical TOML writer: one spelling for one set of values."""

import math
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
import tomli

from dvx.core.errors import FormatError
from dvx.formats.canonical_toml import MAX_DEPTH, canonical_table, format_document

EVERY_KIND: dict[str, object] = {
    "z": 1,
    "a key": 'tab\t quote" back\\slash nul\x00 del\x7f é \U0001f600',
    "": True,
    "float": 1e300,
    "inf": -math.inf,
    "when": datetime(2024, 5, 27, 7, 32, 0, 999999, tzinfo=UTC),
    "there": datetime(2024, 5, 27, 7, 32, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    "local": datetime(2024, 5, 27, 7, 32),  # noqa: DTZ001 - TOML has local times
    "day": date(99, 1, 2),
    "clock": time(7, 32),
    "array": [1, [2.5, "x"], {"b": 1, "a": []}],
    "table": {"only": {"tables": {}, "x.y": {"v": -0.0}}},
    "points": [{"x": 1, "deep": {"y": 2}}, {}, {"more": [{"k": 1}]}],
}

EVERY_KIND_TEXT = """\
first = 1
"" = true
"a key" = "tab\\t quote\\" back\\\\slash nul\\u0000 del\\u007F é \U0001f600"
array = [1, [2.5, "x"], {a = [], b = 1}]
clock = 07:32:00
day = 0099-01-02
float = 1e+300
inf = -inf
local = 2024-05-27T07:32:00
there = 2024-05-27T07:32:00-05:30
when = 2024-05-27T07:32:00.999999Z
z = 1

[[points]]
x = 1

[points.deep]
y = 2

[[points]]

[[points]]

[[points.more]]
k = 1

[table.only.tables]

[table.only."x.y"]
v = -0.0
"""


def test_format_document_with_every_kind_of_value_gives_the_canonical_text() -> None:
    text = format_document({"first": 1}, EVERY_KIND)
    assert text == EVERY_KIND_TEXT
    assert tomli.loads(text) == {"first": 1, **EVERY_KIND}


def test_canonical_table_puts_plain_values_before_tables_and_sorts() -> None:
    table = canonical_table({"b": {"y": {}, "x": 1}, "c": 2, "a": [{}]})
    assert list(table) == ["c", "a", "b"]
    assert list(table["b"]) == ["x", "y"]  # type: ignore[call-overload]


def test_canonical_table_with_nan_compares_equal_to_itself() -> None:
    assert canonical_table({"x": [float("nan")]}) == canonical_table({"x": [float("nan")]})


def _nested(depth: int) -> dict[str, object]:
    table: dict[str, object] = {}
    for _ in range(depth):
        table = {"t": table}
    return table


def test_canonical_table_with_deep_nesting_is_refused() -> None:
    assert canonical_table(_nested(MAX_DEPTH)) == _nested(MAX_DEPTH)
    with pytest.raises(FormatError, match="nested deeper"):
        canonical_table(_nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, None, b"bytes", (1, 2), {1, 2}, {1: 2}, object()])
def test_canonical_table_with_what_toml_lacks_is_refused(value: object) -> None:
    with pytest.raises(FormatError):
        canonical_table({"x": value})
