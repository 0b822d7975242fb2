"""Sizes as people write them."""

import pytest

from dvx.core.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0 B", 0),
        ("100B", 100),
        ("20GB", 20 * 10**9),
        ("1.5 TB", 1_500_000_000_000),
        ("512 KiB", 512 * 1024),
        ("512kib", 512 * 1024),
        ("0.1kB", 100),
        (" 1 MB ", 1_000_000),
        ("2.5PiB", 5 * 2**49),
        ("5", None),
        ("GB", None),
        ("1e3 B", None),
        ("-1 B", None),
        ("1iB", None),
        ("1 XB", None),
        ("1  GB", None),
        ("9" * 30 + "GB", None),
        ("", None),
    ],
)
def test_a_size_has_a_number_and_a_unit(text: str, size_bytes: int | None) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("size_bytes", [0, 999, 1500, 12_300_000, 2_150_000_000])
def test_what_is_shown_can_be_read(size_bytes: int) -> None:
    assert parse_size(format_size(size_bytes)) == size_bytes
