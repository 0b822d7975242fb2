"""Metadata: what a file says is what a pointer gives back, and no bytes break a reader."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvx.core.errors import DvxError
from dvx.formats.metadata import Metadata, is_value, metadata_of, same_value
from dvx.formats.metadata_tables import with_table
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, format_pointer, parse_pointer, pointer_text
from dvx.repo.value_files import read_file_values, read_series, read_values
from dvx.repo.value_rows import last_cells, last_values, parse_table, series_of_rows
from dvx.repo.value_text import argument_value, cell_value

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)
_NAMES = [
    "p.yaml",
    "p.toml",
    "p.json",
    "trainer_state.json",
    "p.jsonl",
    "p.csv",
    "p.tsv",
    ".env",
    "p.ini",
    "p.py",
]
_SNIPPETS = st.lists(
    st.sampled_from(
        ["a", ": ", "=", "\n", "- ", "[", "]", "{", "}", "&x ", "*x", "!t ", "'", '"', "#", ",", "1", "1e400", "\t",
         "<<", "|", ">", "? ", "---", "...", "%YAML 1.1", "nan", "class A:\n  ", "x = ", "\\", "é", "\0", "  "]
    ),
    max_size=40,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=8), _VALUES, max_size=6))
def test_what_a_file_says_comes_back_out_of_a_pointer(tree: dict) -> None:
    found = read_file_values(json.dumps(tree).encode(), "m.json")
    assert all(is_value(value) for value in found.values.values())
    assert not {item.name for item in found.left_out} & set(found.values)
    pointer = with_table(Pointer("file", bytes(32), 1), "params", found.values)
    if len(pointer_text(pointer).encode()) > MAX_POINTER_BYTES:
        return
    again = metadata_of(parse_pointer(format_pointer(pointer)))
    assert set(again.params) == set(found.values)
    assert all(same_value(again.params[name], value) for name, value in found.values.items())
    assert (again.metrics, again.meta, again.source) == ({}, {}, Metadata().source)


@pytest.mark.parametrize("name", _NAMES)
@given(pieces=_SNIPPETS)
def test_no_text_breaks_a_reader(name: str, pieces: list[str]) -> None:
    data = "".join(pieces).encode()
    for read in (read_values, read_series):
        with suppress(DvxError):
            read(data, name)


@pytest.mark.parametrize("name", _NAMES)
@given(data=st.binary(max_size=200))
def test_no_bytes_break_a_reader(name: str, data: bytes) -> None:
    for read in (read_values, read_series):
        with suppress(DvxError):
            read(data, name)


@given(st.text(max_size=60))
def test_text_of_a_command_line_is_always_a_value_or_itself(text: str) -> None:
    cell_value(text)
    found = argument_value(text)
    if isinstance(found, str) and not text.strip().startswith(('"', "'")):
        assert found == text


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), max_size=5))
def test_rows_with_different_keys_make_a_table_without_loss(rows: list[dict]) -> None:
    series = series_of_rows(rows, "m.jsonl")
    back = [
        {column: value for column, value in zip(series.columns, row, strict=True) if value is not None}
        for row in series.rows
    ]
    assert back == rows


@given(st.lists(st.lists(st.sampled_from(["1", "2.5", "", "x", " "]), min_size=2, max_size=2), max_size=6))
def test_the_short_way_to_the_last_values_gives_what_the_long_way_gives(rows: list[list[str]]) -> None:
    data = "\n".join(",".join(row) for row in [["a", "b"], *rows]).encode() + b"\n"
    series = parse_table(data, "m.csv", delimiter=",")
    assert last_cells(data, "m.csv", delimiter=",") == last_values(series, step=None, name="m.csv")
