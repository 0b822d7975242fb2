"""Chunk codecs on the way out: `decode`. The way in is dvx.chunking.encoder, which costs more to import.

Owns the dispatch on the recorded codec number. Must not check content ids: whoever knows the id does.
"""

from dvx.chunking.codec_ids import Codec
from dvx.chunking.cutter import MAX_CHUNK_BYTES
from dvx.chunking.damage import corrupt_chunk
from dvx.core.errors import UnsupportedVersion

__all__ = ["Codec", "decode"]


def decode(codec: int, stored: bytes | memoryview, plain_length: int) -> bytes:
    """Return the `plain_length` plain bytes of a stored chunk. Safe to call from any thread.

    `stored` may be any bytes: nothing larger than the plain length (at most MAX_CHUNK_BYTES) is allocated.
    Raises IntegrityError (`corrupt-chunk`) for bytes that do not decode to exactly that length and
    UnsupportedVersion (`unknown-codec`) for a codec number of a newer dvx.
    """
    if codec not in (Codec.RAW, Codec.ZSTD, Codec.PLANES2, Codec.PLANES4):
        raise UnsupportedVersion(
            f"a chunk is stored with codec {codec}, which this version of dvx does not know",
            hints=["update dvx: `pip install --upgrade dvx`"],
            kind="unknown-codec",
        )
    if not 0 <= plain_length <= MAX_CHUNK_BYTES or len(stored) > plain_length:
        raise corrupt_chunk(f"{len(stored)} stored bytes cannot stand for {plain_length}")
    if codec == Codec.RAW:
        return _parse_raw(stored, plain_length)
    if not plain_length:
        raise corrupt_chunk("an empty chunk cannot be compressed")
    if codec == Codec.ZSTD:
        from dvx.chunking.zstd_frames import expand_frame  # 10 ms that reading raw chunks does not need

        return expand_frame(stored, plain_length)
    from dvx.chunking.planes import parse_planes  # as above

    return parse_planes(stored, width=2 if codec == Codec.PLANES2 else 4, plain_bytes=plain_length)


def _parse_raw(stored: bytes | memoryview, plain_length: int) -> bytes:
    if len(stored) != plain_length:
        raise corrupt_chunk(f"{len(stored)} of {plain_length} bytes are there")
    return bytes(stored)
