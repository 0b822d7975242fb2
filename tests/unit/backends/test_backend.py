"""The grammar of keys."""

import pytest

from dvx.backends.backend import MAX_KEY_CHARACTERS, check_key, check_prefix, is_key
from dvx.core.errors import PathRefused

GOOD = [
    "dvx-store.json",
    "packs/7f/7f3a91c2000000000000000000000000",
    "roots/ab/" + "ab" * 32 + "/" + "0" * 32,
    "gc/0_1/condemned",
    "a.b/c.d",
    "a" * MAX_KEY_CHARACTERS,
    "tmpx/a",
    "tmp",
]
BAD = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    ".a",
    "a/.b",
    "a.",
    "a./b",
    "A",
    "é",
    "a b",
    "a\n",
]


@pytest.mark.parametrize("key", GOOD)
def test_good_key_is_accepted(key: str) -> None:
    check_key(key)
    assert is_key(key)


@pytest.mark.parametrize("key", [*BAD, "a" * (MAX_KEY_CHARACTERS + 1), "tmp/a", "a:b", "a\\b", "a\0", "~a"])
def test_bad_key_is_refused(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(PathRefused) as caught:
        check_key(key)
    assert caught.value.kind == "bad-key"


def test_every_beginning_of_a_good_key_is_a_good_prefix() -> None:
    for key in GOOD:
        for end in range(len(key) + 1):
            check_prefix(key[:end])


@pytest.mark.parametrize(
    "prefix", ["/", "a//", "../", ".", "A", "a/./", "a./", "a" * (MAX_KEY_CHARACTERS + 1)]
)
def test_bad_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(PathRefused):
        check_prefix(prefix)
