import math

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.canonical_toml import canonical_table
from dvx.formats.pointer import Pointer, format_pointer
from dvx.formats.pointer_merge import (
    PointerSides,
    conflict_sides,
    content_side,
    dropped_tables,
    mark_conflict,
    merge_extra,
    merge_tables,
    with_tables,
)
from dvx.formats.three_way import Side

Table = dict[str, object]


def _pointer(content: bytes, extra: Table | None = None) -> Pointer:
    return Pointer("file", hash_bytes(content), len(content), None, canonical_table(extra or {}))


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ({"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}),
        ({"a": 1}, {}, {"a": 1}, {}),
        ({}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}),
        ({"t": {"x": 1, "y": 1}}, {"t": {"x": 2, "y": 1}}, {"t": {"x": 1}}, {"t": {"x": 2}}),
        ({"t": {"x": 1}}, {}, {"t": {"x": 1, "y": 2}}, {"t": {"y": 2}}),
        ({}, {"t": {"x": {"y": 1}}}, {"t": {"x": {"z": 2}}}, {"t": {"x": {"y": 1, "z": 2}}}),
        ({"n": math.nan}, {"n": math.nan}, {"n": 1.0}, {"n": 1.0}),
        ({"l": [1, 2]}, {"l": [1, 2]}, {"l": [1]}, {"l": [1]}),
    ],
)
def test_changes_of_different_keys_merge(base: Table, ours: Table, theirs: Table, merged: Table) -> None:
    for sides in ((base, ours, theirs), (base, theirs, ours)):
        found = merge_tables(*map(canonical_table, sides))
        assert (found.values, found.conflicts) == (merged, ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "conflicts"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}, [("a",)]),
        ({}, {"a": 1}, {"a": True}, [("a",)]),
        ({"a": 1}, {"a": 1.0}, {"a": True}, [("a",)]),
        ({"a": 1}, {}, {"a": 2}, [("a",)]),
        ({"t": {"x": 1, "y": 1}}, {"t": {"x": 2, "y": 1}}, {}, [("t", "x")]),
        ({"t": {"x": 1}}, {"t": 5}, {"t": {"x": 2}}, [("t",)]),
        ({"t": 5}, {"t": {"x": 1}}, {}, [("t",)]),
        ({"l": [1]}, {"l": [1, 2]}, {"l": [1, 3]}, [("l",)]),
    ],
)
def test_key_that_both_changed_differently_is_a_conflict(
    base: Table, ours: Table, theirs: Table, conflicts: list[tuple[str, ...]]
) -> None:
    for sides in ((base, ours, theirs), (base, theirs, ours)):
        assert list(merge_tables(*map(canonical_table, sides)).conflicts) == conflicts


def test_choice_decides_keys_in_conflict_and_no_others() -> None:
    sides = [{"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 1}, {"a": 3, "b": 1, "c": 3}]
    chosen = {side: merge_tables(*sides, choice=side).values for side in Side}  # type: ignore[arg-type]
    assert chosen[Side.OURS] == {"a": 2, "b": 2, "c": 3}
    assert chosen[Side.THEIRS] == {"a": 3, "b": 2, "c": 3}
    assert chosen[Side.BASE] == {"a": 1, "b": 2, "c": 3}


def test_executable_bit_and_content_of_a_file_merge_apart() -> None:
    sides = PointerSides(_pointer(b"a"), _pointer(b"a", {"executable": True}), _pointer(b"b"))
    assert content_side(sides) is Side.THEIRS
    assert merge_extra(sides).values == {"executable": True}


def test_marked_text_shows_conflicts_only() -> None:
    sides = PointerSides(
        _pointer(b"x", {"p": {"a": 1, "b": 1, "c": 1}}),
        _pointer(b"x", {"p": {"a": 1, "b": 2, "c": 1}}),
        _pointer(b"yy", {"p": {"a": 1, "b": 3, "c": 9}}),
    )
    texts = [format_pointer(pointer) for pointer in conflict_sides(sides) if pointer is not None]
    marked = mark_conflict(texts[0], texts[1], texts[2]).decode()
    head = format_pointer(_pointer(b"yy", {"p": {"a": 1}})).decode()
    assert marked == (
        head + "<<<<<<< ours\nb = 2\n||||||| base\n"
        + marked.partition("||||||| base\n")[2].partition("=======\n")[0]
        + "=======\nb = 3\n>>>>>>> theirs\nc = 9\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "marked"),
    [
        (b"", b"a\n", b"b\n", b"<<< ours\na\n||| base\n===\nb\n>>> theirs\n"),
        (b"1\nx\n2\n", b"1\na\n2\n", b"1\nb\n2\n", b"1\n<<< ours\na\n||| base\nx\n===\nb\n>>> theirs\n2\n"),
        (b"same", b"same", b"same", b"<<< ours\nsame\n||| base\nsame\n===\nsame\n>>> theirs\n"),
        (b"", b"no end", b"", b"<<< ours\nno end\n||| base\n===\n>>> theirs\n"),
        (b"z\n", b"1\na\n", b"1\n", b"1\n<<< ours\na\n||| base\nz\n===\n>>> theirs\n"),
    ],
)
def test_markers_stand_around_what_differs(base: bytes, ours: bytes, theirs: bytes, marked: bytes) -> None:
    assert mark_conflict(base, ours, theirs, marker_bytes=3) == marked


def _described(content: bytes, acc: float) -> Pointer:
    extra: Table = {"metrics": {"acc": acc}, "params": {"lr": 0.1}, "meta": {"licence": "MIT"}}
    return _pointer(content, extra)


def test_tables_that_describe_data_go_with_the_side_whose_data_is_taken() -> None:
    sides = PointerSides(_described(b"a", 0.5), _described(b"a", 0.55), _described(b"b", 0.7))
    merged = merge_extra(sides)
    assert merged.conflicts == ()  # the accuracy of the old data, measured again, is no rival of the new one
    assert with_tables(sides, sides.theirs, merged) == sides.theirs


def test_chosen_side_of_two_new_versions_brings_no_metric_of_the_other() -> None:
    theirs = _pointer(b"c", {"metrics": {"f1": 0.9}, "meta": {"owner": "they"}})
    sides = PointerSides(_pointer(b"a"), _described(b"b", 0.6), theirs)
    merged = with_tables(sides, sides.ours, merge_extra(sides))
    assert merged.extra["metrics"] == {"acc": 0.6}
    assert merged.extra["meta"] == {"licence": "MIT", "owner": "they"}
    assert dropped_tables(sides, merged) == []


def test_data_of_neither_side_has_no_metrics_and_only_parameters_that_both_agree_on() -> None:
    sides = PointerSides(_pointer(b"a"), _described(b"b", 0.6), _described(b"c", 0.6))
    merged = with_tables(sides, _pointer(b"b and c"), merge_extra(sides))
    assert merged.extra == {"meta": {"licence": "MIT"}, "params": {"lr": 0.1}}
    assert dropped_tables(sides, merged) == ["metrics"]


def test_same_data_on_both_sides_merges_its_tables_by_key() -> None:
    sides = PointerSides(_described(b"a", 0.5), _described(b"b", 0.6), _described(b"b", 0.5))
    merged = with_tables(sides, sides.ours, merge_extra(sides))
    assert merged.extra["metrics"] == {"acc": 0.6}


def test_marked_versions_carry_the_tables_of_their_own_data() -> None:
    sides = PointerSides(_described(b"a", 0.5), _described(b"b", 0.6), _described(b"c", 0.7))
    assert conflict_sides(sides) == (sides.base, sides.ours, sides.theirs)
