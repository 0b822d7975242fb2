"""Byte planes: payload layout, both ways to split and merge."""

import struct
import subprocess
import sys

import pytest
from blake3 import blake3

from dvx.chunking.planes import format_planes, parse_planes


def numbers(count: int, width: int) -> bytes:
    """Little-endian numbers with noise below and one of three values in the top byte."""
    noise = blake3(b"planes").digest(length=count * width)
    return b"".join(noise[i * width : (i + 1) * width - 1] + bytes([60 + i % 3]) for i in range(count))


def test_raw_planes_have_the_documented_layout() -> None:
    payload = format_planes(b"AaBbC", compress=[False, False], use_numpy=False)
    assert payload == struct.pack("<BIBI", 0, 3, 0, 2) + b"ABC" + b"ab"


def test_plane_that_does_not_shrink_is_raw_even_if_wanted() -> None:
    noise = blake3(b"noise").digest(length=1000)
    payload = format_planes(noise, compress=[True, True], use_numpy=False)
    assert payload == struct.pack("<BIBI", 0, 500, 0, 500) + noise[0::2] + noise[1::2]


@pytest.mark.parametrize("use_numpy", [False, True])
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [40, 20_000])
def test_numbers_at_any_start_and_length_come_back(use_numpy: bool, width: int, cut: int, count: int) -> None:
    plain = memoryview(numbers(count, width))[cut:]
    flags = [(cut + k) % width == width - 1 for k in range(width)]
    payload = format_planes(plain, compress=flags, use_numpy=use_numpy)
    assert parse_planes(payload, width=width, plain_bytes=len(plain)) == plain
    if count > 100:
        assert len(payload) < len(plain) * (width - 0.7) / width


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 65535, 65536, 65537])
@pytest.mark.parametrize("width", [2, 4])
def test_both_ways_to_split_give_the_same_payload(width: int, length: int) -> None:
    plain = numbers(20_000, 4)[:length]
    flags = [True] * width
    assert format_planes(plain, compress=flags, use_numpy=True) == format_planes(
        plain, compress=flags, use_numpy=False
    )


def test_small_payloads_do_not_import_numpy() -> None:
    program = (
        "import sys\n"
        "from dvx.chunking.codecs import decode\n"
        "from dvx.chunking.encoder import encode_small\n"
        "plain = b''.join((i * 40503 % 65536).to_bytes(2, 'little') + bytes([1, 60]) for i in range(4096))\n"
        "codec, stored = encode_small('x.npy', plain)\n"
        "assert codec in (2, 3) and decode(codec, stored, len(plain)) == plain, codec\n"
        "assert 'numpy' not in sys.modules and 'pyfastcdc' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
