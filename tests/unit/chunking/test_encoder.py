"""Encoding: figures for known kinds of content, content that changes within a file, small files."""

import threading

import numpy as np
import pytest
from blake3 import blake3

from dvx.chunking import encoder as encoder_module
from dvx.chunking.codecs import Codec, decode
from dvx.chunking.cutter import Cutter
from dvx.chunking.encoder import Encoder, encode_small

SIZE = 4 << 20
NOISE = blake3(b"encoder").digest(length=SIZE)
TEXT = b"".join(
    b"%d,%d.%d,category %d,2024-01-%02d,text\n" % (i, i * 7919 % 999, i * 104729 % 10007, i % 7, i % 28)
    for i in range(110_000)
)[:SIZE]


def normal(count: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.random.default_rng(7).normal(0, 0.02, count).astype("<f4")


FP32 = normal(SIZE // 4).tobytes()
BF16 = (normal(SIZE // 2).view("<u4") >> 16).astype("<u2").tobytes()
FP16 = normal(SIZE // 2).astype("<f2").tobytes()


def store(plain: bytes, *, name: str = "x") -> tuple[float, list[int]]:
    """Cut, encode and check every chunk; return stored/plain and the codec of each chunk."""
    view, encoder = memoryview(plain), Encoder(name, len(plain))
    start, total, codecs = 0, 0, []
    for end in Cutter().cut(view, final=True):
        codec, stored = encoder.encode(view[start:end], start)
        assert decode(codec, stored, end - start) == view[start:end]
        assert len(stored) <= end - start
        total += len(stored)
        codecs.append(codec)
        start = end
    return total / len(plain), codecs


@pytest.mark.parametrize("shift", [0, 1], ids=["even", "odd"])
def test_bf16_weights_are_stored_at_two_thirds_at_any_offset(shift: int) -> None:
    ratio, codecs = store(b"h" * shift + BF16)
    assert ratio <= 0.675
    assert set(codecs) == {Codec.PLANES2}


@pytest.mark.parametrize("shift", range(4))
def test_fp32_weights_are_stored_at_84_percent_at_any_offset(shift: int) -> None:
    ratio, codecs = store(b"h" * shift + FP32)
    assert ratio <= 0.845
    assert set(codecs) == {Codec.PLANES4}


def test_fp16_weights_are_stored_below_86_percent() -> None:
    ratio, codecs = store(FP16)
    assert ratio <= 0.86
    assert set(codecs) == {Codec.PLANES2}


def test_csv_is_stored_with_zstd() -> None:
    ratio, codecs = store(TEXT)
    assert ratio <= 0.35
    assert set(codecs) == {Codec.ZSTD}


@pytest.mark.parametrize("name", ["noise.bin", "picture.png"])
def test_incompressible_file_is_stored_as_it_is(name: str) -> None:
    assert store(NOISE, name=name) == (1.0, [Codec.RAW] * len(store(NOISE)[1]))


def test_raw_chunk_is_returned_without_a_copy() -> None:
    chunk = memoryview(NOISE)[:65536]
    codec, stored = Encoder("x", SIZE).encode(chunk, 0)
    assert codec == Codec.RAW
    assert stored is chunk


def test_zeros_shrink_to_almost_nothing() -> None:
    assert store(bytes(SIZE))[0] < 0.001


def test_compressed_suffix_on_text_still_compresses() -> None:
    assert store(TEXT, name="wrong.zip")[0] <= 0.35


def test_content_that_changes_within_a_file_is_noticed() -> None:
    parts = [NOISE[: 1 << 20], BF16[: 1 << 20], TEXT[: 1 << 20], FP32[: 1 << 20], b"y" + BF16[: 1 << 20]]
    ratio, codecs = store(b"".join(parts))
    assert set(codecs) == {Codec.RAW, Codec.PLANES2, Codec.ZSTD, Codec.PLANES4}
    assert ratio <= (1 + 0.675 + 0.35 + 0.845 + 0.675) / 5 + 0.03


def test_weights_behind_a_long_json_header_are_noticed() -> None:
    header = b'{"model.layers.0.weight":{"dtype":"BF16","shape":[4096,4096]}},' * 3000
    assert store(header + BF16)[0] <= 0.675


def test_numbers_after_noise_are_found_within_the_recheck_distance() -> None:
    ratio, _ = store(NOISE[: 2 << 20] + BF16)
    late = encoder_module.LOOK_AGAIN_BYTES + 262144
    assert ratio * (6 << 20) <= (2 << 20) + late + 0.675 * (4 << 20)


def test_chunks_out_of_order_from_many_threads_decode() -> None:
    plain = memoryview(NOISE[: 1 << 20] + BF16[: 1 << 20] + TEXT[: 1 << 20])
    ends = Cutter().cut(plain, final=True)
    spans = list(zip([0, *ends], ends, strict=False))
    encoder, wrong = Encoder("x", len(plain)), []

    def work(number: int) -> None:
        for start, end in spans[number::4]:
            codec, stored = encoder.encode(plain[start:end], start)
            if decode(codec, stored, end - start) != plain[start:end]:
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("length", [0, 1, 2, 63, 64, 65, 200])
def test_chunks_of_few_bytes_come_back(length: int) -> None:
    for source in (NOISE, TEXT, bytes(200), BF16):
        plain = memoryview(source)[:length]
        codec, stored = Encoder("x", length).encode(plain, 0)
        assert decode(codec, stored, length) == plain
        codec, stored = encode_small("x", plain)
        assert decode(codec, stored, length) == plain


@pytest.mark.parametrize(
    ("plain", "codec", "ratio"),
    [
        (TEXT, Codec.ZSTD, 0.4),
        (NOISE, Codec.RAW, 1.0),
        (BF16, Codec.PLANES2, 0.69),
        (FP32, Codec.PLANES4, 0.86),
        (bytes(32768), Codec.ZSTD, 0.01),
    ],
    ids=["text", "noise", "bf16", "fp32", "zeros"],
)
def test_small_file_gets_the_codec_that_suits_it(plain: bytes, codec: Codec, ratio: float) -> None:
    data = plain[:20_001]
    number, stored = encode_small("x", data)
    assert number == codec
    assert len(stored) <= ratio * len(data)
    assert decode(number, stored, len(data)) == data


def test_small_file_with_compressed_suffix_is_returned_itself() -> None:
    data = NOISE[:20_000]
    codec, stored = encode_small("a.jpg", data)
    assert codec == Codec.RAW
    assert stored is data


@pytest.mark.parametrize("kind", ["bf16", "fp32", "text", "noise", "mixed"])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_all_chunks_at_once_decode_to_what_they_were(kind, start):
    data = memoryview(content(kind, 3 << 20))
    ends = Cutter().cut(data, final=True)
    scratch = memoryview(bytearray(len(data)))
    stored = Encoder("x.bin", 1 << 30).encode_all(data, ends, start, scratch)
    assert len(stored) == len(ends)
    begin = 0
    for (codec, payload), end in zip(stored, ends, strict=True):
        plain = data[begin:end]
        assert len(bytes(payload)) == len(payload) <= len(plain)
        assert decode(codec, bytes(payload), len(plain)) == plain
        begin = end


@pytest.mark.parametrize("kind", ["bf16", "fp32", "text"])
def test_all_chunks_at_once_are_stored_as_small_as_one_by_one(kind):
    data = memoryview(content(kind, 2 << 20))
    ends = Cutter().cut(data, final=True)
    at_once = Encoder("x", 1 << 30).encode_all(data, ends, 0, memoryview(bytearray(len(data))))
    starts = [0, *ends[:-1]]
    one = Encoder("x", 1 << 30)
    singly = [one.encode(data[start:end], start) for start, end in zip(starts, ends, strict=True)]
    assert [(codec, bytes(payload)) for codec, payload in at_once] == [
        (codec, bytes(payload)) for codec, payload in singly
    ]


def content(kind, size):
    random = np.random.default_rng(11)
    if kind == "noise":
        return random.bytes(size)
    if kind == "text":
        return b"".join(b"%d,%.5f,name\n" % (i, value) for i, value in enumerate(random.random(size // 20)))
    if kind == "mixed":
        return content("text", size // 3) + content("bf16", size // 3) + content("noise", size // 3 + 1)
    weights = (random.standard_normal(size // 4, dtype=np.float32) * np.float32(0.02)).view(np.uint32)
    return weights.tobytes() if kind == "fp32" else (weights >> 16).astype("<u2").tobytes()
