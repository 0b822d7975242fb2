"""dvx.formats.metadata: the tables of a pointer as flat names, and back."""

import math

import pytest

from dvx.core.errors import UsageError
from dvx.core.ids import format_id, hash_bytes
from dvx.formats.metadata import (
    MAX_LIST_ITEMS,
    DataSource,
    Metadata,
    check_value,
    flatten,
    metadata_of,
    with_metadata,
)
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer

PLAIN = Pointer("file", hash_bytes(b"x"), 1)
FULL = Metadata(
    params={"train.lr": 0.001, "train.layers": [64, 32], "seed": 7},
    metrics={"acc": 0.93, "best": True},
    meta={"licence": "CC-BY-4.0"},
    source=DataSource({"data/train": hash_bytes(b"in")}, "python train.py --lr 1e-3", "c" * 40),
)


def test_tables_come_back_from_a_pointer_with_one_line_for_each_value():
    pointer = with_metadata(PLAIN, FULL)
    text = format_pointer(pointer)
    assert metadata_of(parse_pointer(text)) == FULL
    lines = text.decode().splitlines()
    assert '"train.lr" = 0.001' in lines
    assert '"train.layers" = [64, 32]' in lines
    assert f'"data/train" = "{format_id(hash_bytes(b"in"))}"' in lines
    assert format_pointer(parse_pointer(text)) == text


def test_a_pointer_without_tables_stays_byte_identical():
    assert format_pointer(with_metadata(PLAIN, Metadata())) == format_pointer(PLAIN)
    assert metadata_of(PLAIN) == Metadata()


def test_unknown_tables_and_keys_survive_and_removed_ones_go():
    pointer = Pointer(
        "file", PLAIN.id, 1, None, {"later": {"a": 1}, "params": {"old": 1}, "executable": True}
    )
    changed = with_metadata(pointer, Metadata(metrics={"loss": 0.5}))
    assert changed.extra == {"later": {"a": 1}, "executable": True, "metrics": {"loss": 0.5}}


def test_nested_tables_that_a_person_wrote_are_read_with_dots():
    pointer = Pointer("file", PLAIN.id, 1, None, {"params": {"train": {"lr": 1.0, "deep": {"x": "y"}}}})
    assert metadata_of(pointer).params == {"train.lr": 1.0, "train.deep.x": "y"}


def test_other_forms_are_passed_over_when_read():
    extra = {
        "params": [1],
        "metrics": "none",
        "meta": {"ok": 1, "table list": [{"a": 1}], "nested list": [[1]]},
        "source": {"commit": 5, "inputs": {"a": "sha256:00", "b": "blake3:xyz", "c": 3}},
    }
    assert metadata_of(Pointer("file", PLAIN.id, 1, None, extra)) == Metadata(meta={"ok": 1})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("n", 2**63, "beyond 64 bits"),
        ("n", [[1]], "a list of other things"),
        ("n", [0] * (MAX_LIST_ITEMS + 1), "items, more than"),
        ("n", None, "NoneType"),
        ("", 1, "name"),
        ("x" * 201, 1, "name"),
        ("a\x1b[31m", 1, "name"),
    ],
)
def test_what_a_pointer_cannot_hold_is_refused_by_name(name, value, why):
    with pytest.raises(UsageError, match=why) as caught:
        check_value(name, value)
    assert caught.value.kind == "bad-metadata"
    assert caught.value.hints


def test_nan_and_infinity_are_values():
    pointer = with_metadata(PLAIN, Metadata(metrics={"nan": math.nan, "inf": -math.inf}))
    found = metadata_of(parse_pointer(format_pointer(pointer))).metrics
    assert math.isnan(found["nan"])
    assert found["inf"] == -math.inf


def test_flatten_takes_only_tables():
    assert list(flatten(None)) == []
    assert dict(flatten({"a": {"b": 1}, "c": 2})) == {"a.b": 1, "c": 2}
