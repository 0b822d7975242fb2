"""ops.cat: ranges of bytes, as they are written and what they mean for a file."""

import pytest

from dvx.core.errors import UsageError
from dvx.ops.cat import parse_range


@pytest.mark.parametrize(
    ("text", "size", "span"),
    [
        ("0-0", 10, (0, 1)),
        ("0-9", 10, (0, 10)),
        ("3-5", 10, (3, 6)),
        ("3-500", 10, (3, 10)),
        ("3-", 10, (3, 10)),
        ("-3", 10, (7, 10)),
        ("-30", 10, (0, 10)),
        ("-3", 0, (0, 0)),
    ],
)
def test_range_means_what_it_means_in_http(text, size, span):
    assert parse_range(text).within(size) == span


@pytest.mark.parametrize(
    "text", ["", "-", "5", "5-3", "-0", "a-b", "1-2,4-5", "1 - 2", "--5", "1" * 30 + "-"]
)
def test_text_that_is_no_range_is_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_range(text)
    assert caught.value.kind == "bad-range"


@pytest.mark.parametrize("size", [0, 10])
def test_range_behind_the_end_is_refused(size):
    with pytest.raises(UsageError, match=f"{size} bytes"):
        parse_range("10-").within(size)
