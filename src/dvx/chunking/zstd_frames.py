"""Zstandard frames of chunks and planes: compressed without redundant fields, expanded within a bound.

Owns the only use of zstandard for chunk content. Must not decide whether compressing is worth it, and must
not trust a frame: its declared sizes come from outside.
"""

import struct
import threading
from collections.abc import Sequence
from typing import Final

import zstandard

from dvx.chunking.parts import Buffer, corrupt_chunk

GENERAL_LEVEL: Final = 1
# No frame of a chunk needs a window beyond the largest chunk; a frame that asks for more is hostile.
MAX_WINDOW_BYTES: Final = 256 * 1024


class _Contexts(threading.local):
    """Scratch memory of one thread: zstandard's objects must not be used by two threads at once.

    Making one costs 10 to 25 microseconds, several times the work on a small file.
    """

    def __init__(self) -> None:
        # The pack holds plain lengths and ids of chunks, so size, checksum and dictionary id would be
        # repeated bytes.
        self.general = zstandard.ZstdCompressor(
            level=GENERAL_LEVEL, write_content_size=False, write_checksum=False, write_dict_id=False
        )
        # Entropy coding with hardly any match search: on the exponent plane of bf16 weights 0.34 of the plain
        # length at 540 to 940 MB/s, where level 1 gives 0.38 at 170 to 310 MB/s.
        self.entropy = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(
                strategy=zstandard.STRATEGY_FAST,
                hash_log=6,
                min_match=7,
                window_log=17,
                write_content_size=0,
                write_checksum=0,
                write_dict_id=0,
            )
        )
        self.expander = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)


# Scratch memory only: holds no content between calls.
_contexts: Final = _Contexts()


def compress_general(data: Buffer) -> bytes:
    """Compress with matches and entropy coding (level 1)."""
    return _contexts.general.compress(data)


def compress_entropy(data: Buffer) -> bytes:
    """Compress with entropy coding and hardly any matches, for the byte planes of numbers."""
    return _contexts.entropy.compress(data)


def compress_general_all(pieces: Sequence[Buffer]) -> list[memoryview]:
    """Do what compress_general does to each piece (at least one) in a single call, without the interpreter."""
    return _views(_contexts.general.multi_compress_to_buffer([*pieces], threads=1))


def compress_entropy_all(pieces: Sequence[Buffer]) -> list[memoryview]:
    """Do what compress_entropy does to each piece (at least one) in a single call, without the interpreter."""
    return _views(_contexts.entropy.multi_compress_to_buffer([*pieces], threads=1))


def expand_all(frames: Sequence[Buffer], plain_bytes: Sequence[int]) -> list[memoryview]:
    """Do what expand_frame does to each frame (at least one) in a single call, without the interpreter.

    Raises IntegrityError for any bad frame, whichever it is.
    """
    sizes = struct.pack(f"<{len(plain_bytes)}Q", *plain_bytes)
    try:
        # Expands straight into memory of the given sizes: neither a frame's window nor its size is allocated.
        expanded = _contexts.expander.multi_decompress_to_buffer(
            [*frames], decompressed_sizes=sizes, threads=1
        )
    except zstandard.ZstdError as error:
        raise corrupt_chunk("a compressed frame cannot be expanded") from error
    return _views(expanded)


def expand_frame(frame: Buffer, plain_bytes: int) -> bytes:
    """Expand exactly one frame to exactly `plain_bytes` (at least 1), allocating no more than that.

    Raises IntegrityError (`corrupt-chunk`) for anything else.
    """
    try:
        # A declared size would be allocated as it stands, so it is compared first. -1: none declared.
        if zstandard.frame_content_size(frame) not in (-1, plain_bytes):
            raise corrupt_chunk("the compressed frame declares another length")
        plain = _contexts.expander.decompress(frame, max_output_size=plain_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise corrupt_chunk("the compressed frame cannot be expanded") from error
    if len(plain) != plain_bytes:
        raise corrupt_chunk(f"the compressed frame holds {len(plain)} of {plain_bytes} bytes")
    return plain


def _views(found: "zstandard.BufferWithSegmentsCollection") -> list[memoryview]:
    return [memoryview(found[number]) for number in range(len(found))]  # type: ignore[arg-type]  # a buffer
