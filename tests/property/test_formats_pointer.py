"""Laws of pointers: one encoding for each value, nothing lost, nothing but DvxError from any bytes."""

import math
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.errors import DvxError
from dvx.formats.pointer import (
    MAX_POINTER_BYTES,
    Pointer,
    format_pointer,
    parse_pointer,
)
from dvx.formats.pointer_lines import PointerReader

KNOWN = {"version", "kind", "id", "size", "files"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), TEXT)
ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
PLAIN = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats().map(lambda value: math.nan if math.isnan(value) else value),
    st.datetimes(),
    st.datetimes(timezones=ZONES),
    st.dates(),
    st.times(),
)
VALUES: st.SearchStrategy[object] = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
EXTRAS = st.dictionaries(KEYS.filter(lambda key: key not in KNOWN), VALUES, max_size=5)
COUNTS = st.integers(0, 2**63 - 1)
IDS = st.binary(min_size=32, max_size=32)
POINTERS = st.one_of(
    st.builds(Pointer, kind=st.just("file"), id=IDS, size=COUNTS, extra=EXTRAS),
    st.builds(Pointer, kind=st.just("directory"), id=IDS, size=COUNTS, files=COUNTS, extra=EXTRAS),
)


@settings(max_examples=300, deadline=None)
@given(POINTERS)
def test_pointer_survives_and_has_one_encoding(pointer: Pointer) -> None:
    data = format_pointer(pointer)
    again = parse_pointer(data)
    assert again == pointer
    assert format_pointer(again) == data
    assert parse_pointer(data.replace(b"\n", b"\r\n")) == pointer


def outcome(data: bytes) -> Pointer | str:
    try:
        return parse_pointer(data)
    except DvxError as error:
        return error.kind


@settings(max_examples=500, deadline=None)
@given(
    POINTERS,
    st.integers(0, 400),
    st.sampled_from([b"", b"0", b"1", b"9" * 18, b"-", b"f", b"F", b"_", b"\n"]),
)
def test_pointers_without_extra_keys_are_read_as_their_toml_is(
    pointer: Pointer, place: int, inserted: bytes
) -> None:
    data = format_pointer(replace(pointer, extra={}))
    for changed in (data[:place] + inserted + data[place:], data[:place] + inserted + data[place + 1 :]):
        # A comment at the end makes it a text that only the TOML reader takes, and changes no meaning.
        assert outcome(changed) == outcome(changed + b"\n# the end\n")


@settings(max_examples=200, deadline=None)
@given(POINTERS)
def test_pointer_keeps_the_type_of_every_value(pointer: Pointer) -> None:
    document = tomli.loads(format_pointer(pointer).decode())

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [shape(inner) for inner in value]
        exact = value if isinstance(value, datetime | date | time) else None
        return type(value).__name__, repr(value) if exact is None else exact

    assert shape({key: document[key] for key in pointer.extra}) == shape(dict(pointer.extra))


@settings(max_examples=200, deadline=None)
@given(EXTRAS, st.randoms(use_true_random=False))
def test_order_of_extra_keys_does_not_matter(extra: dict[str, object], random: object) -> None:
    items = list(extra.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    pointers = [Pointer(kind="file", id=bytes(32), size=0, extra=each) for each in (extra, dict(items))]
    assert format_pointer(pointers[0]) == format_pointer(pointers[1])


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_give_only_dvx_errors(data: bytes) -> None:
    try:
        pointer = parse_pointer(data)
    except DvxError:
        return
    assert parse_pointer(format_pointer(pointer)) == pointer


@settings(max_examples=500, deadline=None)
@given(POINTERS, st.data())
def test_mutated_pointer_gives_only_dvx_errors(pointer: Pointer, draw: st.DataObject) -> None:
    data = bytearray(format_pointer(pointer))
    for _ in range(draw.draw(st.integers(1, 4))):
        start = draw.draw(st.integers(0, len(data)))
        data[start : start + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    assert len(data) <= MAX_POINTER_BYTES
    try:
        found = parse_pointer(bytes(data))
    except DvxError:
        return
    assert parse_pointer(format_pointer(found)) == found


_PIECES = st.sampled_from(
    ["\n", " = ", '"', "'", '"""', "[", "]", "[[", ".", ",", "#", "\\", "\r", "a", "b", "size", "1", "-0", "1.5", "1e5",
     "nan", "true", "{", "}", "\n\n[a]\n", "\n\n[a.b]\n", "\na = 1", "\n[params]\nlr = 0.1\n", "é", "\x1b", "\u2028"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(POINTERS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), _PIECES), max_size=6))
def test_reading_by_lines_never_differs_from_reading_toml(
    pointer: Pointer, edits: list[tuple[int, int, str]]
) -> None:
    text = format_pointer(pointer).decode("utf-8")
    for place, gone, piece in edits:
        at = max(0, len(text) - place)
        text = text[:at] + piece + text[at + gone :]
    data = text.encode("utf-8", "replace")
    found = PointerReader().read(data)
    if found is not None:
        assert repr(found) == repr(parse_pointer(data))
