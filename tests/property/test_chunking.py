"""Laws of cutting and encoding for arbitrary content, blocks and damage."""

from collections.abc import Callable

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.chunking.codecs import decode
from dvx.chunking.cutter import MIN_CHUNK_BYTES, Cutter
from dvx.chunking.encoder import Encoder, encode_small
from dvx.chunking.parts import MAX_CHUNK_BYTES
from dvx.chunking.planes import format_planes, parse_planes
from dvx.core.errors import DvxError

# Pieces of noise, zeros and short periods: cut points inside, forced cuts, and everything between.
PIECE = st.tuples(st.sampled_from(["noise", "zeros", "period"]), st.integers(0, 400_000), st.integers(1, 50))


def build(pieces: list[tuple[str, int, int]]) -> bytes:
    parts = []
    for shape, length, seed in pieces:
        noise = blake3(seed.to_bytes(4, "little")).digest(length=length)
        parts.append({"noise": noise, "zeros": bytes(length)}.get(shape, (noise[:seed] * length)[:length]))
    return b"".join(parts)


def outcome(work: Callable[[], bytes]) -> int | str:
    """Return the length of the result, or the kind of the dvx error; any other exception passes through."""
    try:
        return len(work())
    except DvxError as error:
        return error.kind


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(PIECE, max_size=5), blocks=st.lists(st.integers(20_000, 600_000), min_size=1, max_size=8)
)
def test_blocks_with_carry_over_cut_like_the_whole(
    pieces: list[tuple[str, int, int]], blocks: list[int]
) -> None:
    data = build(pieces)
    cutter, ends, start, stop, turn = Cutter(), [], 0, 0, 0
    while stop < len(data):
        stop, turn = min(len(data), stop + blocks[turn % len(blocks)]), turn + 1
        ends += [start + end for end in cutter.cut(memoryview(data)[start:stop], final=stop == len(data))]
        start = ends[-1] if ends else 0
    assert ends == Cutter().cut(data, final=True)


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(PIECE, max_size=5))
def test_chunks_cover_the_data_within_the_limits(pieces: list[tuple[str, int, int]]) -> None:
    data = build(pieces)
    ends = Cutter().cut(data, final=True)
    lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert (ends[-1] if ends else 0) == len(data)
    assert all(MIN_CHUNK_BYTES <= length <= MAX_CHUNK_BYTES for length in lengths[:-1])
    assert all(0 < length <= MAX_CHUNK_BYTES for length in lengths)


@settings(max_examples=40, deadline=None)
@given(before=st.integers(0, 300_000), insert=st.binary(min_size=1, max_size=100))
def test_inserted_bytes_change_few_chunks(before: int, insert: bytes) -> None:
    old = blake3(b"stable").digest(length=3_000_000)
    new = old[:before] + insert + old[before:]

    def chunks(data: bytes) -> set[bytes]:
        ends = Cutter().cut(data, final=True)
        return {data[start:end] for start, end in zip([0, *ends], ends, strict=False)}

    assert len(chunks(new) - chunks(old)) <= 12


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(PIECE, min_size=1, max_size=4),
    offset=st.integers(0, 2**50),
    name=st.sampled_from(["a.bin", "b.png", "c"]),
)
def test_every_encoded_chunk_decodes_and_is_never_longer(
    pieces: list[tuple[str, int, int]], offset: int, name: str
) -> None:
    data = memoryview(build(pieces))
    encoder, start = Encoder(name, len(data)), 0
    for end in Cutter().cut(data, final=True):
        chunk = data[start:end]
        for codec, stored in (encoder.encode(chunk, offset + start), encode_small(name, chunk)):
            assert len(stored) <= len(chunk)
            assert decode(codec, stored, len(chunk)) == chunk
        start = end


@settings(max_examples=200, deadline=None)
@given(codec=st.integers(0, 5), stored=st.binary(max_size=200), length=st.integers(-1, 400))
def test_arbitrary_stored_bytes_give_the_length_or_a_dvx_error(
    codec: int, stored: bytes, length: int
) -> None:
    assert outcome(lambda: decode(codec, stored, length)) in (length, "corrupt-chunk", "unknown-codec")


@settings(max_examples=200, deadline=None)
@given(data=st.data(), width=st.sampled_from([2, 4]), plain=st.binary(min_size=1, max_size=3000))
def test_flipped_byte_in_planes_gives_the_length_or_a_dvx_error(
    data: st.DataObject, width: int, plain: bytes
) -> None:
    plain = plain * 8
    payload = bytearray(format_planes(plain, compress=[True] * width, use_numpy=False))
    assert parse_planes(payload, width=width, plain_bytes=len(plain)) == plain
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = outcome(lambda: parse_planes(payload, width=width, plain_bytes=len(plain)))
    assert damaged in (len(plain), "corrupt-chunk")
