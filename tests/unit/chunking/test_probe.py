"""Estimates: what kinds of content are told apart."""

import struct

import pytest
from blake3 import blake3

from dvx.chunking.codec_ids import Codec
from dvx.chunking.probe import choose, looks_incompressible, promises_compressed

NOISE = blake3(b"probe").digest(length=65536)
TEXT = b"".join(b"%d,red,%d.%d,2024-05-01\n" % (i, i * 7919 % 1000, i * 104729 % 10007) for i in range(2500))


def floats(count: int, code: str) -> bytes:
    """Roughly normal numbers, standard deviation 0.02."""
    raw = blake3(b"floats").digest(length=count * 12)
    sums = (
        sum(raw[12 * i : 12 * i + 12]) + raw[12 * i] / 256 + raw[12 * i + 5] / 65536 for i in range(count)
    )
    values = [(value - 1530) / 256 * 0.02 for value in sums]
    return struct.pack(f"<{count}{code}", *values)


FP32 = floats(8192, "f")
FP16 = floats(16384, "e")
BF16 = b"".join(FP32[i + 2 : i + 4] for i in range(0, len(FP32), 4))


@pytest.mark.parametrize("name", ["a.png", "dir.x/b.JPG", "c.tar.gz", "d.mp4", "e.zst"])
def test_suffix_of_a_compressed_format_is_known(name: str) -> None:
    assert promises_compressed(name)


@pytest.mark.parametrize("name", ["a", "png.txt", "a.csv", "a.safetensors", "a.parquet", ""])
def test_other_names_promise_nothing(name: str) -> None:
    assert not promises_compressed(name)


def test_noise_looks_incompressible() -> None:
    assert all(looks_incompressible(NOISE[i:]) for i in range(0, 60_000, 997))


@pytest.mark.parametrize(
    "data", [TEXT, FP32, FP16, BF16, bytes(70)], ids=["text", "fp32", "fp16", "bf16", "zeros"]
)
def test_content_with_structure_does_not(data: bytes) -> None:
    assert not looks_incompressible(data)
    assert not looks_incompressible(data[1:])


def test_text_is_for_zstd() -> None:
    assert choose(TEXT, 0).codec is Codec.ZSTD


def test_noise_is_stored_raw() -> None:
    assert choose(NOISE, 0).codec is Codec.RAW


@pytest.mark.parametrize("data", [BF16, FP16], ids=["bf16", "fp16"])
@pytest.mark.parametrize("shift", [0, 1])
def test_two_byte_floats_get_their_top_plane_at_either_phase(data: bytes, shift: int) -> None:
    choice = choose(data[shift:], 1000 + shift)
    assert (choice.codec, choice.phases) == (Codec.PLANES2, (False, True))


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_four_byte_floats_get_their_top_plane_at_any_phase(shift: int) -> None:
    choice = choose(FP32[shift:], 4000 + shift)
    assert (choice.codec, choice.phases[3], choice.phases[0]) == (Codec.PLANES4, True, False)


def test_few_bytes_are_raw() -> None:
    assert choose(b"a" * 63, 0).codec is Codec.RAW
