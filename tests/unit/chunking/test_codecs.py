"""Decoding: golden payloads, and hostile bytes that must end in a dvx error without large allocations."""

import json
import struct
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from blake3 import blake3

from dvx.chunking.codecs import Codec, decode, decode_all
from dvx.chunking.encoder import Encoder
from dvx.chunking.parts import MAX_CHUNK_BYTES
from dvx.chunking.zstd_frames import compress_general
from dvx.core.errors import DvxError, ExitCode, IntegrityError, UnsupportedVersion

GOLDEN = json.loads((Path(__file__).parent / "golden" / "payloads-v1.json").read_text())
TEXT = b"".join(b"%d,some text\n" % i for i in range(2000))


def test_codec_numbers_are_those_of_the_format() -> None:
    assert {codec.name: int(codec) for codec in Codec} == {"RAW": 0, "ZSTD": 1, "PLANES2": 2, "PLANES4": 3}


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_payload_decodes_to_the_pinned_bytes(vector: dict[str, Any]) -> None:
    stored = bytes.fromhex(vector["payload"])
    plain = decode(vector["codec"], stored, vector["plain_length"])
    assert (len(plain), blake3(plain).hexdigest()) == (vector["plain_length"], vector["plain_blake3"])
    assert decode(vector["codec"], memoryview(stored), vector["plain_length"]) == plain


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_payload_with_another_length_is_corrupt(vector: dict[str, Any]) -> None:
    stored = bytes.fromhex(vector["payload"])
    for length in {vector["plain_length"] + 1, vector["plain_length"] - 1} - {-1}:
        with pytest.raises(IntegrityError) as caught:
            decode(vector["codec"], stored, length)
        assert caught.value.kind == "corrupt-chunk"


@pytest.mark.parametrize("vector", GOLDEN, ids=lambda vector: vector["name"])
def test_golden_payload_cut_short_or_extended_is_corrupt(vector: dict[str, Any]) -> None:
    stored = bytes.fromhex(vector["payload"])
    for wrong in (stored[:-1], stored[: len(stored) // 2], b"", stored + b"\0"):
        if wrong != stored:
            with pytest.raises(IntegrityError):
                decode(vector["codec"], wrong, vector["plain_length"])


def test_empty_chunk_is_raw_only() -> None:
    assert decode(0, b"", 0) == b""
    for codec in (1, 2, 3):
        with pytest.raises(IntegrityError, match="empty chunk"):
            decode(codec, b"", 0)


@pytest.mark.parametrize("codec", [4, 7, 255, -1])
def test_unknown_codec_asks_for_a_newer_dvx(codec: int) -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        decode(codec, b"abc", 3)
    assert caught.value.kind == "unknown-codec"
    assert "pip install --upgrade git-dvx" in caught.value.hints[0]


@pytest.mark.parametrize("length", [-1, MAX_CHUNK_BYTES + 1, 2**40])
def test_impossible_plain_length_is_corrupt(length: int) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode(1, compress_general(TEXT), length)
    assert caught.value.exit_code is ExitCode.INTEGRITY


def test_stored_bytes_longer_than_plain_are_corrupt() -> None:
    frame = zstandard.ZstdCompressor().compress(b"ab")
    with pytest.raises(IntegrityError, match="cannot stand for 2"):
        decode(1, frame, 2)


def test_expanding_bomb_allocates_no_more_than_the_plain_length() -> None:
    declared = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    undeclared = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        for bomb in (declared, undeclared):
            with pytest.raises(IntegrityError):
                decode(1, bomb, MAX_CHUNK_BYTES)
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_CHUNK_BYTES
    finally:
        tracemalloc.stop()


def test_frame_that_wants_a_larger_window_than_a_chunk_is_corrupt() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=0)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    frame = writer.compress(TEXT) + writer.flush()
    assert zstandard.get_frame_parameters(frame).window_size == 2**27
    with pytest.raises(IntegrityError, match="cannot be expanded"):
        decode(1, frame, len(TEXT))


def test_two_frames_or_a_skippable_frame_are_corrupt() -> None:
    half = compress_general(TEXT[:1000])
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"skip"
    for stored in (half + half, skippable, skippable + half, half + skippable):
        with pytest.raises(IntegrityError):
            decode(1, stored, 1000)


@pytest.mark.parametrize(
    ("records", "bodies", "what"),
    [
        ([(0, 3), (0, 2)], b"abcde", "wrong length"),
        ([(0, 2), (0, 2**32 - 1)], b"abcd", "cut short"),
        ([(0, 2), (9, 2)], b"abcd", "unknown codec"),
        ([(0, 2), (0, 2)], b"abcde", "after the last plane"),
        ([(1, 2), (0, 2)], b"abcd", "frame"),
    ],
)
def test_planes_with_wrong_records_are_corrupt(
    records: list[tuple[int, int]], bodies: bytes, what: str
) -> None:
    from dvx.chunking.planes import parse_planes

    payload = b"".join(struct.pack("<BI", *record) for record in records) + bodies
    with pytest.raises(IntegrityError, match=what):
        parse_planes(payload, width=2, plain_bytes=4)


def test_decoding_in_many_threads_gives_the_plain_bytes() -> None:
    payloads = [(TEXT[i:], compress_general(TEXT[i:])) for i in range(8)]
    wrong: list[int] = []

    def work(number: int) -> None:
        plain, stored = payloads[number]
        wrong.extend(number for _ in range(50) if decode(1, stored, len(plain)) != plain)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def chunks_of_every_codec():
    random = np.random.default_rng(3)
    fp32 = (random.standard_normal(20_000, dtype=np.float32) * np.float32(0.02)).view("<u4")
    bf16 = (fp32 >> 16).astype("<u2").tobytes()
    text = b"some text that repeats, " * 3000
    noise = random.bytes(70_001)
    found = []
    for data in (text, noise, bf16, fp32.tobytes(), text[:100], noise[:33_001], bf16[1:]):
        codec, stored = Encoder("x", 1 << 30).encode(memoryview(data), 0)
        found.append((codec, bytes(stored), data))
    return found * 2


def test_many_chunks_at_once_are_what_each_is_alone():
    chunks = chunks_of_every_codec()
    assert {codec for codec, _, _ in chunks} == {Codec.RAW, Codec.ZSTD, Codec.PLANES2, Codec.PLANES4}
    plain = decode_all([(codec, stored, len(data)) for codec, stored, data in chunks])
    assert [bytes(each) for each in plain] == [data for _, _, data in chunks]
    assert decode_all([]) == []


@pytest.mark.parametrize("number", range(7))
def test_one_bad_chunk_among_many_is_an_error(number):
    chunks = [(codec, stored, len(data)) for codec, stored, data in chunks_of_every_codec()]
    codec, stored, length = chunks[number]
    for bad in ((codec, stored[:-1], length), (codec, stored, length - 1), (77, stored, length)):
        if codec != Codec.RAW or bad[0] == 77 or bad[2] != length or len(bad[1]) != length:
            with pytest.raises(DvxError):
                decode_all([*chunks[:number], bad, *chunks[number + 1 :]])
