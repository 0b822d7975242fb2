"""Cut points: limits, blocks, golden vectors, agreement with the written algorithm."""

import json
import struct
from pathlib import Path
from typing import Any

import pyfastcdc
import pytest
from blake3 import blake3
from pyfastcdc.py.constants import GEAR

from dvx.chunking.cutter import CHUNKER_ID, MEAN_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter
from dvx.chunking.parts import MAX_CHUNK_BYTES
from dvx.core.errors import DvxError

GOLDEN = json.loads((Path(__file__).parent / "golden" / "cut-points-v1.json").read_text())


def xof(seed: str, length: int) -> bytes:
    return blake3(seed.encode()).digest(length=length)


def make_input(recipe: dict[str, Any]) -> bytes:
    """Build a golden input; the recipes are described in docs/reference/format/chunking.md."""
    length = recipe["length"]
    match recipe["shape"]:
        case "xof":
            return xof(recipe["seed"], length)
        case "zeros":
            return bytes(length)
        case "period":
            return (bytes(range(251)) * (length // 251 + 1))[:length]
        case "text":
            noise = xof(recipe["seed"], length // 4)
            lines = (f"{i},{noise[4 * i : 4 * i + 4].hex()}\n" for i in range(length // 16 + 1))
            return "".join(lines).encode()[:length]
    raise AssertionError(recipe)


def cut_as_specified(data: bytes) -> list[int]:
    """The algorithm exactly as docs/reference/format/chunking.md words it, byte by byte."""
    mask, ends, start = 0x0000D90F03530000, [], 0
    while start < len(data):
        limit = min(len(data) - start, MAX_CHUNK_BYTES)
        length = limit
        state = 0
        for i in range(MIN_CHUNK_BYTES, limit - limit % 2):
            state = ((state << 1) + GEAR[data[start + i]]) % 2**64
            if state & mask == 0:
                length = i
                break
        start += length
        ends.append(start)
    return ends


def test_limits_are_those_of_the_format() -> None:
    assert (CHUNKER_ID, MIN_CHUNK_BYTES, MEAN_CHUNK_BYTES, MAX_CHUNK_BYTES) == (1, 32768, 65536, 262144)


@pytest.mark.parametrize("vector", GOLDEN["vectors"], ids=lambda vector: vector["name"])
def test_golden_input_is_cut_where_it_always_was(vector: dict[str, Any]) -> None:
    data = make_input(vector)
    assert blake3(data).hexdigest() == vector["input_blake3"]
    assert Cutter().cut(data, final=True) == vector["ends"]


def test_32_mib_of_noise_have_the_pinned_digest_of_all_cut_points() -> None:
    recipe = GOLDEN["digest"]
    ends = Cutter().cut(make_input(recipe), final=True)
    packed = struct.pack(f"<{len(ends)}Q", *ends)
    assert (len(ends), blake3(packed).hexdigest()) == (recipe["chunks"], recipe["ends_blake3"])


def test_gear_table_has_the_pinned_digest() -> None:
    assert blake3(struct.pack("<256Q", *GEAR)).hexdigest() == GOLDEN["gear_blake3"]


@pytest.mark.parametrize("length", [32769, 32770, 100_001, 700_000])
def test_library_cuts_as_the_specification_is_worded(length: int) -> None:
    data = xof("specification", length)
    assert Cutter().cut(data, final=True) == cut_as_specified(data)


def test_zeros_are_cut_as_specified() -> None:
    data = bytes(600_000)
    assert Cutter().cut(data, final=True) == cut_as_specified(data) == [262144, 524288, 600000]


def test_empty_data_has_no_chunks() -> None:
    assert Cutter().cut(b"", final=True) == []
    assert Cutter().cut(b"", final=False) == []


@pytest.mark.parametrize("length", [1, 100, MIN_CHUNK_BYTES])
def test_data_up_to_the_minimum_is_one_chunk_without_the_library(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyfastcdc, "FastCDC", None)
    assert Cutter().cut(bytes(length), final=True) == [length]
    assert Cutter().cut(bytes(length), final=False) == []


def test_block_end_that_is_not_the_file_end_leaves_the_last_chunk_out() -> None:
    data = xof("block", 1_000_000)
    whole = Cutter().cut(data, final=True)
    block = Cutter().cut(data[: whole[5] + 10], final=False)
    assert block == whole[:6]


def test_block_of_the_maximum_without_a_cut_point_is_decided() -> None:
    assert Cutter().cut(bytes(MAX_CHUNK_BYTES), final=False) == [MAX_CHUNK_BYTES]
    assert Cutter().cut(bytes(MAX_CHUNK_BYTES - 1), final=False) == []


@pytest.mark.parametrize("block_bytes", [1, 4097, 32768, 262144, 999_999])
def test_blocks_of_any_size_with_carry_over_give_the_cuts_of_the_whole(block_bytes: int) -> None:
    data = xof("carry", 60_000 if block_bytes == 1 else 2_500_000) + bytes(300_000 if block_bytes > 1 else 0)
    cutter, ends, start, stop = Cutter(), [], 0, 0
    while stop < len(data):
        stop = min(stop + block_bytes, len(data))
        found = cutter.cut(memoryview(data)[start:stop], final=stop == len(data))
        ends += [start + end for end in found]
        start = ends[-1] if ends else 0
    assert ends == Cutter().cut(data, final=True)


def test_mean_and_forced_share_of_noise_are_as_documented() -> None:
    ends = Cutter().cut(xof("statistics", 64 << 20), final=True)
    lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert all(MIN_CHUNK_BYTES <= length <= MAX_CHUNK_BYTES for length in lengths[:-1])
    assert sum(lengths) / len(lengths) == pytest.approx(MEAN_CHUNK_BYTES, rel=0.05)
    assert lengths.count(MAX_CHUNK_BYTES) <= 0.005 * len(lengths)


def test_writable_buffers_are_cut_like_bytes() -> None:
    data = bytearray(xof("buffer", 500_000))
    assert Cutter().cut(memoryview(data), final=True) == Cutter().cut(bytes(data), final=True)


def test_pure_python_library_is_refused_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyfastcdc.py import FastCDC as PurePython

    monkeypatch.setattr(pyfastcdc, "FastCDC", PurePython)
    with pytest.raises(DvxError, match="compiled part of the package `pyfastcdc`") as caught:
        Cutter().cut(bytes(MIN_CHUNK_BYTES + 1), final=True)
    assert caught.value.kind == "no-native-chunker"
    assert "--only-binary" in caught.value.hints[0]
