"""Counts, durations, tables and documents."""

import json

import pytest

from dvx.cli.render import (
    format_count,
    format_document,
    format_duration,
    format_saved,
    format_size_change,
    format_table,
    plural,
    without_password,
)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (20000, "20 000"), (1234567, "1 234 567")]
)
def test_count_has_spaces_between_thousands(count: int, text: str) -> None:
    assert format_count(count) == text


def test_plural_follows_the_count() -> None:
    assert [plural(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2 000 files"]
    assert plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (4.12, "4.1 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (725, "12 min 5 s"),
        (12000, "3 h 20 min"),
    ],
)
def test_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("stored", "plain", "text"),
    [(68, 100, "32 %"), (100, 100, "0 %"), (120, 100, "0 %"), (0, 5, "100 %"), (0, 0, None)],
)
def test_saved_is_never_negative_and_absent_for_nothing(stored: int, plain: int, text: str | None) -> None:
    assert format_saved(stored_bytes=stored, plain_bytes=plain) == text


@pytest.mark.parametrize(("size", "text"), [(1200000, "+1.20 MB"), (-3, "-3 B"), (0, "+0 B")])
def test_size_change_has_a_sign(size: int, text: str) -> None:
    assert format_size_change(size) == text


def test_table_aligns_columns_and_escapes_cells() -> None:
    assert format_table([["a", "1", "x"], ["long\x1b", "22", "y"]]) == ["a         1   x", "long\\x1b  22  y"]


def test_table_without_rows_is_empty() -> None:
    assert format_table([]) == []


def test_document_starts_with_its_schema_and_is_ascii() -> None:
    text = format_document("dvx.test/1", {"name": "größe\x9b"})
    assert list(json.loads(text).items()) == [("schema", "dvx.test/1"), ("name", "größe\x9b")]
    assert text.isascii()


def test_password_in_an_address_is_not_shown() -> None:
    assert without_password("https://me:secret@host/x") == "https://me:***@host/x"
    assert without_password("s3://bucket/prefix") == "s3://bucket/prefix"
