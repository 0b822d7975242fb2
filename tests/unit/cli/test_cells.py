"""Values as cells: for people, for JSON, and for spreadsheets that must not take them for formulas."""

import csv
import io
from datetime import UTC, date, datetime

import pytest

from dvx.cli.cells import csv_cell, exact_value, format_value, json_value
from dvx.cli.wide_table import WideColumn, cut, fit_table, text_width


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "true"),
        (12345678, "12345678"),
        (0.1 + 0.2, "0.3"),
        (1e-5, "1e-05"),
        (float("nan"), "nan"),
        (date(2026, 1, 31), "2026-01-31"),
        (["a", 1, False], "[a, 1, false]"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("line\nbreak", "line\\nbreak"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_values_are_one_readable_line(value: object, shown: str) -> None:
    assert format_value(value) == shown
    assert shown.isprintable()


def test_what_json_lacks_is_text() -> None:
    values = [float("nan"), float("inf"), -float("inf"), 1.5, datetime(2026, 1, 31, tzinfo=UTC)]
    assert json_value(values) == ["nan", "inf", "-inf", 1.5, "2026-01-31T00:00:00+00:00"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "  @x", "＝1", '=HYPERLINK("http://evil")', "-"],
)
def test_text_that_a_spreadsheet_takes_for_a_formula_is_quoted(text: str) -> None:
    cell = str(csv_cell(text))
    # A tab and a carriage return are spelled out, so they start nothing.
    assert cell.startswith(("'", "\\"))
    assert csv_cell([text]) == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-0.5, "-0.5"), (0.1 + 0.2, "0.30000000000000004"), (-3, -3), (None, ""), (True, "true"), ("a", "a")],
)
def test_numbers_are_exact_and_stay_numbers(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


def test_control_signs_never_reach_a_csv() -> None:
    target = io.StringIO()
    csv.writer(target).writerow([csv_cell('a"b\x1b]0;x\x07\nc')])
    assert next(csv.reader([target.getvalue()])) == ['a"b\\x1b]0;x\\x07\\nc']


def test_wide_and_combining_signs_count_as_they_are_shown() -> None:
    assert text_width("日本") == 4
    assert text_width("e\u0301") == 1
    assert cut("日本語", 5) == "日本…"
    assert cut("short", 5) == "short"


def test_a_table_fits_by_cutting_text_before_columns_go() -> None:
    columns = [
        WideColumn("commit", ["0123456789"]),
        WideColumn("subject", ["a long subject that goes on and on"], shrinks=True),
        WideColumn("lr", ["0.001"], is_number=True, order=2),
        WideColumn("acc", ["0.91"], is_number=True, order=1),
    ]
    lines, dropped = fit_table(columns, width=None)
    assert lines == [
        "commit      subject                                lr   acc",
        "0123456789  a long subject that goes on and on  0.001  0.91",
    ]
    lines, dropped = fit_table(columns, width=40)
    assert (lines[1], dropped) == ("0123456789  a long subject…  0.001  0.91"[:40], [])
    lines, dropped = fit_table(columns, width=30)
    assert max(map(len, lines)) <= 30
    assert dropped == ["lr"]
    lines, dropped = fit_table(columns, width=10)
    assert dropped == ["acc", "lr"]


def test_colours_take_no_room() -> None:
    columns = [
        WideColumn("a", ["1", "22"], is_number=True, colours=["green", ""]),
        WideColumn("b", ["x", "y"], colours=["", "red"]),
    ]
    lines, _ = fit_table(columns, width=None, paint=lambda text, colour: f"<{colour}>{text}</>")
    assert lines == [" a  b", " <green>1</>  x", "22  <red>y</>"]


def test_of_a_number_only_its_title_is_cut_and_keeps_its_end() -> None:
    columns = [
        WideColumn("train.optimizer.learning_rate", ["0.00123456789"], is_number=True, shrinks=True),
        WideColumn("author", ["Ann"], order=1),
    ]
    lines, dropped = fit_table(columns, width=22)
    assert (lines, dropped) == (["…learning_rate  author", " 0.00123456789  Ann"], [])
    lines, dropped = fit_table(columns, width=15)
    assert (lines, dropped) == (["….learning_rate", "  0.00123456789"], ["author"])


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (0.1234567890123, "0.1234567890123"),
        (1, "1"),
        (True, "true"),
        ("a\x1b", '"a\\u001B"'),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_that_is_told_has_all_its_digits(value: object, exact: str) -> None:
    assert exact_value(value) == exact
