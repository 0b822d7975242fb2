"""The store marker."""

import pytest

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.formats.marker import StoreMarker, format_marker, parse_marker

MARKER = StoreMarker(bytes(range(16)))
TEXT = b'{"dvx":"store","id":"000102030405060708090a0b0c0d0e0f","version":1}\n'


def test_marker_has_the_documented_text() -> None:
    assert format_marker(MARKER) == TEXT
    assert parse_marker(TEXT) == MARKER


def test_parse_marker_ignores_unknown_keys_and_layout() -> None:
    spread = TEXT.replace(b",", b",\n  ").replace(b"}", b', "note": "ours"}')
    assert parse_marker(spread) == MARKER


def test_parse_marker_from_newer_version_says_update() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_marker(TEXT.replace(b":1}", b":2}"))


@pytest.mark.parametrize(
    "data",
    [b"", TEXT[:-2], TEXT.replace(b"0f", b"0F"), TEXT.replace(b"store", b"shop"), TEXT + b" " * 20_000],
)
def test_parse_marker_with_invalid_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_marker(data)
    assert caught.value.kind == "bad-store"


@pytest.mark.parametrize("marker", [StoreMarker(b"short"), StoreMarker(bytes(16), 2)])
def test_format_marker_with_invalid_value_is_refused(marker: StoreMarker) -> None:
    with pytest.raises(FormatError):
        format_marker(marker)
