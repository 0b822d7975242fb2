"""Chunk codecs on the way out: `decode`. The way in is dvx.chunking.encoder, which costs more to import.

Owns the dispatch on the recorded codec number. Must not check content ids: whoever knows the id does.
"""

from collections.abc import Sequence
from typing import Final

from dvx.chunking.codec_ids import Codec
from dvx.chunking.parts import MAX_CHUNK_BYTES, Buffer, corrupt_chunk
from dvx.core.errors import UnsupportedVersion

__all__ = ["Codec", "Stored", "decode", "decode_all"]

# Codec number, stored bytes, plain length.
Stored = tuple[int, bytes | memoryview, int]

# Making scratch memory for a call on many frames costs as much as expanding two of them.
_FRAMES_AT_ONCE: Final = 4


def decode(codec: int, stored: bytes | memoryview, plain_length: int) -> Buffer:
    """Return the `plain_length` plain bytes of a stored chunk. Safe to call from any thread.

    `stored` may be any bytes: nothing larger than the plain length (at most MAX_CHUNK_BYTES) is allocated. What is
    stored raw is returned as it is. Raises IntegrityError (`corrupt-chunk`) for bytes that do not decode to exactly
    that length and UnsupportedVersion (`unknown-codec`) for a codec number of a newer dvx.
    """
    _check(codec, stored, plain_length)
    if codec == Codec.RAW:
        return stored
    if codec == Codec.ZSTD:
        from dvx.chunking.zstd_frames import expand_frame  # 10 ms that reading raw chunks does not need

        return expand_frame(stored, plain_length)
    from dvx.chunking.planes import parse_planes  # as above

    return parse_planes(stored, width=_width(codec), plain_bytes=plain_length)


def decode_all(chunks: Sequence[Stored]) -> list[Buffer]:
    """Do what `decode` does to each chunk, compressed ones in a single call that leaves the interpreter to others.

    With a call for each chunk, threads spend much of their time waiting for the interpreter lock.
    """
    for chunk in chunks:
        _check(*chunk)
    if sum(chunk[0] != Codec.RAW for chunk in chunks) < _FRAMES_AT_ONCE:
        return [decode(*chunk) for chunk in chunks]
    from dvx.chunking.planes import StoredPlane, merge_planes, parse_plane_records  # as above
    from dvx.chunking.zstd_frames import expand_all

    frames: list[tuple[Buffer, int]] = []
    planes: list[list[StoredPlane]] = []
    for codec, stored, plain_length in chunks:
        if codec == Codec.ZSTD:
            frames.append((stored, plain_length))
        elif codec != Codec.RAW:
            records = parse_plane_records(stored, width=_width(codec), plain_bytes=plain_length)
            frames += [(plane.body, plane.plain_bytes) for plane in records if plane.is_packed]
            planes.append(records)
    expanded = iter(
        expand_all([frame for frame, _ in frames], [size for _, size in frames]) if frames else ()
    )
    split = iter(planes)
    plain: list[Buffer] = []
    for codec, stored, plain_length in chunks:
        if codec == Codec.RAW:
            plain.append(stored)
        elif codec == Codec.ZSTD:
            plain.append(next(expanded))
        else:
            bodies = [next(expanded) if plane.is_packed else plane.body for plane in next(split)]
            plain.append(merge_planes(bodies, plain_length))
    return plain


def _width(codec: int) -> int:
    return 2 if codec == Codec.PLANES2 else 4


def _check(codec: int, stored: bytes | memoryview, plain_length: int) -> None:
    if codec not in (Codec.RAW, Codec.ZSTD, Codec.PLANES2, Codec.PLANES4):
        raise UnsupportedVersion(
            f"a chunk is stored with codec {codec}, which this version of dvx does not know",
            kind="unknown-codec",
        )
    if not 0 <= plain_length <= MAX_CHUNK_BYTES or len(stored) > plain_length:
        raise corrupt_chunk(f"{len(stored)} stored bytes cannot stand for {plain_length}")
    if codec == Codec.RAW and len(stored) != plain_length:
        raise corrupt_chunk(f"{len(stored)} of {plain_length} bytes are there")
    if codec != Codec.RAW and not plain_length:
        raise corrupt_chunk("an empty chunk cannot be compressed")
