"""Encoding many consecutive chunks of one file at once.

Owns the batching: bytes are split into planes once for all chunks, and one call of the library compresses all
of them. With a call for each chunk, threads spend much of their time handing the interpreter lock to each
other. Must not choose codecs: that is the encoder's business, and one chunk at a time has the same result.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.chunking.parts import Buffer, Parts
from dvx.chunking.planes import PLANE_RAW, PLANE_ZSTD, pack_plane_record, prepare_numpy
from dvx.chunking.zstd_frames import compress_entropy_all

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.uint8]


def format_planes_all(
    data: memoryview, ends: Sequence[int], *, phases: Sequence[bool], scratch: memoryview
) -> list[Parts]:
    """Return the planes payload of each chunk of `data`, in order; chunk i ends at `ends[i]`.

    `phases[p]`: whether to compress the bytes of `data` whose position leaves remainder p by the width
    `len(phases)`. `scratch` has at least `len(data)` bytes and must stay untouched while the results are used.
    """
    width = len(phases)
    planes = _split(data, width, scratch)
    pieces: list[tuple[int, Array]] = []
    start = 0
    for end in ends:
        for k in range(width):
            first, phase = divmod(start + k, width)
            pieces.append((phase, planes[phase][first : first + (end - start - k + width - 1) // width]))
        start = end
    wanted = [piece for phase, piece in pieces if phases[phase]]
    packed = iter(compress_entropy_all(wanted))  # type: ignore[arg-type]  # arrays are buffers
    bodies = [(piece, next(packed) if phases[phase] else None) for phase, piece in pieces]
    return [_payload(bodies[i : i + width]) for i in range(0, len(bodies), width)]


def _payload(planes: "Sequence[tuple[Array, Buffer | None]]") -> Parts:
    records: list[bytes] = []
    buffers: list[Buffer] = [b""]
    size = 0
    for plane, packed in planes:
        is_packed = packed is not None and len(packed) < len(plane)
        body = packed if is_packed and packed is not None else plane.data
        records.append(pack_plane_record(PLANE_ZSTD if is_packed else PLANE_RAW, len(body)))
        buffers.append(body)
        size += len(body)
    buffers[0] = b"".join(records)
    return Parts(buffers, size + len(buffers[0]))


def _split(data: memoryview, width: int, scratch: memoryview) -> "list[Array]":
    """Split into planes that lie one behind the other in `scratch`."""
    prepare_numpy()
    import numpy as np

    room = np.frombuffer(scratch, np.uint8)
    planes: list[Array] = []
    start = 0
    for k in range(width):
        length = (len(data) - k + width - 1) // width
        planes.append(room[start : start + length])
        start += length
    if width == 2:
        _split_words(data, *planes)
    else:
        every = np.frombuffer(data, np.uint8)
        for k, plane in enumerate(planes):
            plane[:] = every[k::width]
    return planes


def _split_words(data: memoryview, low: "Array", high: "Array") -> None:
    """Narrow 16-bit words, which is 2.5 times faster than copying every second byte."""
    import numpy as np

    half = len(data) // 2
    words = np.frombuffer(data, "<u2", count=half)
    low[:half] = words  # the cast keeps the low byte
    if len(low) > half:
        low[half] = data[-1]
    np.right_shift(words, 8, out=high, casting="unsafe")
