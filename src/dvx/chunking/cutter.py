"""Cut points: where a file is divided into chunks (FastCDC 2020, chunker id 1).

Owns the chunk size limits and the only use of pyfastcdc. Must not read files, hash or compress: it maps bytes
to offsets. The algorithm and its parameters are frozen in docs/reference/format/chunking.md; a change of any
cut point is a new chunker id, because chunks cut differently do not deduplicate against each other.
"""

from typing import TYPE_CHECKING, Final

from dvx.chunking.parts import MAX_CHUNK_BYTES
from dvx.core.errors import DvxError

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

CHUNKER_ID: Final = 1

MIN_CHUNK_BYTES: Final = 32 * 1024
# The distance from the minimum to the next cut point is geometric with mean 32 KiB, hence 32 + 32 KiB.
MEAN_CHUNK_BYTES: Final = 64 * 1024

# pyfastcdc's parameter is the mean distance from the minimum to the cut point, not the mean chunk length.
_MEAN_BEYOND_MIN_BYTES: Final = MEAN_CHUNK_BYTES - MIN_CHUNK_BYTES


class Cutter:
    """Cuts one file at a time, block by block. Cheap to make; not to be shared between threads."""

    __slots__ = ("_fastcdc",)

    def __init__(self) -> None:
        self._fastcdc: FastCDC | None = None

    def cut(self, data: memoryview | bytes, *, final: bool) -> list[int]:
        """Return the end offsets, ascending, of the chunks of `data`, which starts at a cut point.

        With `final` the last offset is `len(data)`; empty data has no chunks. Without it, a last chunk that
        ends only because the block does is left out: put its bytes in front of the next block. Blocks cut
        that way give the same chunks as the file in one piece. A block of MAX_CHUNK_BYTES or more always
        yields at least one offset.
        """
        length = len(data)
        if length <= MIN_CHUNK_BYTES:
            return [length] if final and length else []
        if self._fastcdc is None:
            self._fastcdc = _native_fastcdc()
        ends = [chunk.offset + chunk.length for chunk in self._fastcdc.cut_buf(data)]
        if not final and _is_undecided(ends):
            ends.pop()
        return ends


def _is_undecided(ends: list[int]) -> bool:
    """Say whether more bytes could lengthen the last chunk: all but one of the maximum length."""
    start = ends[-2] if len(ends) > 1 else 0
    return ends[-1] - start < MAX_CHUNK_BYTES


def _native_fastcdc() -> "FastCDC":
    """Make the library's cutter; refuse its pure Python version, which is hundreds of times slower."""
    # Imported here: it costs 40 ms (typing_extensions), and commands that only read never cut.
    from pyfastcdc import FastCDC

    if not FastCDC.__module__.startswith("pyfastcdc.cy"):
        raise DvxError(
            "the compiled part of the package `pyfastcdc` is missing on this platform",
            affected="files larger than 32 KiB cannot be added; nothing was changed",
            hints=["install a build with it: `pip install --force-reinstall --only-binary :all: pyfastcdc`"],
            kind="no-native-chunker",
        )
    return FastCDC(
        _MEAN_BEYOND_MIN_BYTES,
        min_size=MIN_CHUNK_BYTES,
        max_size=MAX_CHUNK_BYTES,
        normalized_chunking=0,
    )
