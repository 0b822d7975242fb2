"""Values from plain text."""

import math
from datetime import date

import pytest

from dvx.repo.value_text import argument_value, cell_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-1", -1), ("1e-3", 0.001), ("1.5", 1.5), ("true", True), ("True", "True"), ("adam", "adam"),
        ('"1"', "1"), ("'a # b'", "a # b"), ("a # b", "a # b"), ("1 # b", "1 # b"), ("[1, 2]", [1, 2]),
        ("2024-01-01", date(2024, 1, 1)), ("inf", math.inf), ("", ""), ("0x10", 16), ("007", "007"),
        ("{a = 1}", "{a = 1}"), ("1\nb = 2", "1\nb = 2"), ("a=b", "a=b"), ("'a' # 'b'", "'a' # 'b'"),
    ],
)  # fmt: skip
def test_argument_is_what_toml_reads_else_text(text, value):
    found = argument_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), (" 2 ", 2), ("+3", 3), ("1.", 1.0), (".5", 0.5), ("1E5", 1e5), ("TRUE", True), ("False", False),
        ("-inf", -math.inf), ("007", "007"), ("1_0", "1_0"), ("x", "x"), ("0", 0), ("-0.0", -0.0), ("00.5", 0.5),
    ],
)  # fmt: skip
def test_cell_is_a_number_where_it_looks_like_one(text, value):
    found = cell_value(text)
    assert found == value
    assert type(found) is type(value)
