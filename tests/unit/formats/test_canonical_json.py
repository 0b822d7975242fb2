"""JSON from stores: one spelling out, only FormatError in."""

import pytest

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.formats.canonical_json import format_json, parse_hex, parse_json


def test_format_json_sorts_keys_and_has_no_spaces() -> None:
    assert format_json({"b": [1, 2], "a": "é"}) == b'{"a":"\\u00e9","b":[1,2]}'


def test_parse_json_keeps_unknown_keys() -> None:
    data = b'{"dvx": "thing", "version": 1, "more": [1]}'
    assert parse_json(data, dvx="thing", version=1) == {"dvx": "thing", "version": 1, "more": [1]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"1",
        b"{}",
        b'{"dvx":"other","version":1}',
        b'{"dvx":"thing"}',
        b'{"dvx":"thing","version":true}',
        b'{"dvx":"thing","version":0}',
        b'{"dvx":"thing","version":1.0}',
        b'{"dvx":"thing","version":' + b"9" * 5000 + b"}",
        b"[" * 200_000,
    ],
)
def test_parse_json_with_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_json(data, dvx="thing", version=1)
    assert caught.value.kind == "bad-thing"


def test_parse_json_from_newer_version_says_update() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_json(b'{"dvx":"thing","version":2}', dvx="thing", version=1)


def test_parse_hex_takes_exact_lowercase_digits_only() -> None:
    assert parse_hex("00ff", size_bytes=2) == b"\x00\xff"
    for value in ("00FF", "00f", "00ff0", " 0ff", "0_ff", "", None, 5, ["00ff"]):
        assert parse_hex(value, size_bytes=2) is None
