"""Reading the index of a pack from the pack's end.

Owns how many requests that takes: one, for an ordinary pack of this version, and for any whose placement record is
at hand. Must not remember anything.
"""

from contextlib import suppress
from typing import Final

from dvx.backends.backend import Backend
from dvx.core.errors import FormatError
from dvx.formats.layout import pack_key
from dvx.formats.pack import (
    HEADER_BYTES,
    INDEX_ENTRY_BYTES,
    KIND_DATA,
    KIND_PAGES,
    TRAILER_BYTES,
    PackHeader,
    PackIndex,
    Trailer,
    format_header,
    parse_index,
    parse_trailer,
)
from dvx.formats.placement import Placement

# An index of 1 000 chunks is 48 KiB; 96 KiB gets index and trailer of an ordinary pack with one request.
_TAIL_BYTES: Final = 96 * 1024
# The index of a pack of 64 MiB full of files of 1 KB; more is not asked for on a guess.
_MOST_TAIL_BYTES: Final = 4 * 1024 * 1024
# The chunkers that exist (docs/reference/format/chunking.md).
_CHUNKERS: Final = (1,)


def tail_lengths(placement: Placement) -> dict[bytes, int]:
    """How many bytes at the end of each pack of data hold its index, guessed from a record; in stream order.

    Exact where the record uses the last frame of a pack, else too many or too few.
    """
    ends: dict[bytes, int] = {}
    chunks: dict[bytes, int] = {}
    for run in placement.runs:
        ends[run.pack] = max(ends.get(run.pack, 0), run.offset + run.stored)
        chunks[run.pack] = chunks.get(run.pack, 0) + run.chunks
    sizes = {pack.name: pack.size for pack in placement.packs}
    lengths: dict[bytes, int] = {}
    for name, end in ends.items():
        behind = sizes[name] - end
        least = chunks[name] * INDEX_ENTRY_BYTES + TRAILER_BYTES
        lengths[name] = behind if behind <= _MOST_TAIL_BYTES else max(least, _TAIL_BYTES)
    return lengths


def read_tail_index(backend: Backend, name: bytes, *, tail_bytes: int = _TAIL_BYTES) -> PackIndex:
    """The checked index of a pack, with one request if it is in the last `tail_bytes`.

    Raises ObjectNotFound, FormatError, IntegrityError and UnsupportedVersion.
    """
    key = pack_key(name)
    tail, size = backend.get_tail(key, max(tail_bytes, TRAILER_BYTES))
    trailer = parse_trailer(tail[-TRAILER_BYTES:], pack_size=size)
    wanted = size - trailer.index_offset
    if wanted > len(tail):
        tail = backend.get_range(key, trailer.index_offset, wanted - len(tail)) + tail
    start = len(tail) - wanted
    index_bytes = tail[start : start + trailer.index_length]
    if len(tail) == size:
        return parse_index(tail[:HEADER_BYTES], index_bytes, trailer)
    return _guess_header(index_bytes, trailer) or parse_index(
        backend.get_range(key, 0, HEADER_BYTES), index_bytes, trailer
    )


def read_exact_index(backend: Backend, name: bytes) -> PackIndex:
    """The index of a pack with the header that it really has, as whoever copies the pack will read it.

    Raises what `read_tail_index` raises.
    """
    index = read_tail_index(backend, name)
    if backend.get_range(pack_key(name), 0, HEADER_BYTES) != format_header(index.header):
        raise FormatError("the header of a pack is not the one that its index was made for", kind="bad-pack")
    return index


def _guess_header(index_bytes: bytes, trailer: Trailer) -> PackIndex | None:
    """The index, if the pack starts with a header of ours: the digest in the trailer covers header and index."""
    for chunker in _CHUNKERS:
        for kind in (KIND_DATA, KIND_PAGES):
            with suppress(FormatError):
                return parse_index(format_header(PackHeader(kind, chunker)), index_bytes, trailer)
    return None
