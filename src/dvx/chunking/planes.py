"""Byte planes: codecs PLANES2 and PLANES4, for arrays of 2-byte and 4-byte numbers.

Plane k of width w is `plain[k::w]`. Floats of similar size share their exponent byte, so that plane
compresses well while the mantissa planes are noise; interleaved, the noise hides it. Owns splitting, merging
and the payload layout. Must not decide which planes to compress: the caller knows the phase of the chunk in
its file.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dvx.chunking.damage import corrupt_chunk
from dvx.chunking.parts import Buffer
from dvx.chunking.zstd_frames import compress_entropy, expand_frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Plane = Buffer | NDArray[np.uint8]

PLANE_RAW: Final = 0
PLANE_ZSTD: Final = 1

# Plane codec u8, stored length u32.
_RECORD: Final = struct.Struct("<BI")
# Merging up to this length with slices of bytes costs 40 microseconds at most; importing numpy costs 100 ms.
_SLICES_UP_TO_BYTES: Final = 32 * 1024


def pack_plane_record(codec: int, stored_bytes: int) -> bytes:
    """Return the record of one plane: its codec and stored length."""
    return _RECORD.pack(codec, stored_bytes)


def format_planes(chunk: Buffer, *, compress: Sequence[bool], use_numpy: bool) -> bytes:
    """Return the payload of `chunk` in `len(compress)` planes (2 or 4).

    Plane k is compressed if `compress[k]` and if that makes it shorter. `use_numpy` splits several times
    faster, without holding the interpreter lock, once numpy is loaded.
    """
    width = len(compress)
    planes = _split_with_numpy(chunk, width) if use_numpy else _split_with_slices(chunk, width)
    records: list[bytes] = []
    bodies: list[Plane] = []
    for plane, wanted in zip(planes, compress, strict=True):
        packed = compress_entropy(plane) if wanted else None  # type: ignore[arg-type]  # any byte buffer
        is_packed = packed is not None and len(packed) < len(plane)
        body: Plane = packed if is_packed and packed is not None else plane
        records.append(_RECORD.pack(PLANE_ZSTD if is_packed else PLANE_RAW, len(body)))
        bodies.append(body)
    return b"".join([*records, *bodies])  # type: ignore[list-item]  # any byte buffer


def parse_planes(payload: Buffer, *, width: int, plain_bytes: int) -> bytes:
    """Return the `plain_bytes` plain bytes of a payload of `width` planes; raises IntegrityError."""
    view = memoryview(payload)
    position = width * _RECORD.size
    if len(view) < position:
        raise corrupt_chunk("the plane records are cut short")
    planes: list[Buffer] = []
    for k in range(width):
        codec, stored_bytes = _RECORD.unpack_from(view, k * _RECORD.size)
        body = view[position : position + stored_bytes]
        if len(body) != stored_bytes:
            raise corrupt_chunk("a plane is cut short")
        planes.append(_parse_plane(codec, body, (plain_bytes - k + width - 1) // width))
        position += stored_bytes
    if position != len(view):
        raise corrupt_chunk("there are bytes after the last plane")
    if plain_bytes <= _SLICES_UP_TO_BYTES:
        return _merge_with_slices(planes, plain_bytes)
    return _merge_with_numpy(planes, plain_bytes)


def _parse_plane(codec: int, body: memoryview, plane_bytes: int) -> Buffer:
    if codec == PLANE_RAW:
        if len(body) != plane_bytes:
            raise corrupt_chunk("a plane has the wrong length")
        return body
    if codec != PLANE_ZSTD or not plane_bytes:
        raise corrupt_chunk("a plane has an unknown codec")
    return expand_frame(body, plane_bytes)


def _split_with_slices(chunk: Buffer, width: int) -> "list[Plane]":
    plain = bytes(chunk)
    return [plain[k::width] for k in range(width)]


def _merge_with_slices(planes: Sequence[Buffer], plain_bytes: int) -> bytes:
    plain = bytearray(plain_bytes)
    for k, plane in enumerate(planes):
        plain[k :: len(planes)] = plane
    return bytes(plain)


def _split_with_numpy(chunk: Buffer, width: int) -> "list[Plane]":
    # Imported here: 100 ms, needed only for files of numbers.
    import numpy as np

    if width != 2:
        every = np.frombuffer(chunk, np.uint8)
        return [np.ascontiguousarray(every[k::width]) for k in range(width)]
    # Narrowing 16-bit words is 2.5 times faster than copying every second byte (8 against 23 microseconds for
    # 64 KiB).
    half = len(chunk) // 2
    words = np.frombuffer(chunk, "<u2", count=half)
    low = np.empty(len(chunk) - half, np.uint8)
    low[:half] = words  # the cast keeps the low byte
    if len(low) > half:
        low[half] = chunk[-1]
    return [low, (words >> 8).astype(np.uint8)]


def _merge_with_numpy(planes: Sequence[Buffer], plain_bytes: int) -> bytes:
    # Imported here: see _split_with_numpy.
    import numpy as np

    arrays = [np.frombuffer(plane, np.uint8) for plane in planes]
    if len(arrays) != 2:
        plain = np.empty(plain_bytes, np.uint8)
        for k, array in enumerate(arrays):
            plain[k :: len(arrays)] = array
        return plain.tobytes()
    low, high = arrays
    words = high.astype("<u2")
    words <<= 8
    words |= low[: len(high)]
    return words.tobytes() + low[len(high) :].tobytes()
