"""Keys of a store: exact spelling and strict reading."""

import pytest

from dvx.formats.layout import pack_key, parse_pack_key, parse_record_key, record_key, root_prefix

NAME = bytes(range(0xA0, 0xB0))
ROOT = bytes(range(0xC0, 0xE0))


def test_keys_have_the_documented_spelling() -> None:
    assert pack_key(NAME) == f"packs/a0/{NAME.hex()}"
    assert root_prefix(ROOT) == f"roots/c0/{ROOT.hex()}/"
    assert record_key(ROOT, NAME) == f"roots/c0/{ROOT.hex()}/{NAME.hex()}"


def test_keys_are_read_back() -> None:
    assert parse_pack_key(pack_key(NAME)) == NAME
    assert parse_record_key(record_key(ROOT, NAME)) == (ROOT, NAME)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "dvx-store.json",
        f"packs/a1/{NAME.hex()}",
        f"packs/A0/{NAME.hex().upper()}",
        f"packs/a0/{NAME.hex()}.tmp",
        f"packs/a0/{NAME.hex()}\n",
        f"packs/a0/{NAME.hex()[:-1]}",
        f"x/packs/a0/{NAME.hex()}",
        f"roots/c1/{ROOT.hex()}/{NAME.hex()}",
        f"roots/c0/{ROOT.hex()}/",
        f"roots/c0/{ROOT.hex()}/{NAME.hex()}/x",
        f"roots/c0/{ROOT.hex()}/{NAME.hex()}\n",
    ],
)
def test_other_keys_are_not_read(key: str) -> None:
    assert parse_pack_key(key) is None
    assert parse_record_key(key) is None
