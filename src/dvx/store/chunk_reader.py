"""Reading chunks: frames of one pack are fetched with few ranged reads, decoded, and checked where asked.

Owns the merging of ranges. Must not decide where chunks go.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from dvx.chunking.codecs import decode_all
from dvx.chunking.parts import Buffer
from dvx.core.errors import DvxError, UnsupportedVersion
from dvx.core.ids import hash_bytes
from dvx.formats.pack import FRAME_HEADER_BYTES, PackEntry, pack_frame_header
from dvx.store.damage import damaged_pack, reading_again
from dvx.store.index import Location
from dvx.store.store import Store

# Ranges of one pack whose gap is at most this are merged: at 100 MB/s half a MiB costs 5 ms, less than a round trip of
# 10 to 50 ms.
RANGE_GAP_BYTES: Final = 512 * 1024
# 12 MiB: 126 ms at 100 MB/s, so a 30 ms round trip costs about a fifth of a request. A window of 11 MiB
# (FAR_WINDOW_BYTES) with its frame headers and the whole of its last chunk is one request.
RANGE_TARGET_BYTES: Final = 12 * 1024 * 1024

Frame = tuple[PackEntry, memoryview]


def plan_ranges(entries: Iterable[PackEntry]) -> Iterator[list[PackEntry]]:
    """Group entries of one pack into ranges that are each read with one request; drops repeats."""
    ordered = sorted(set(entries), key=lambda entry: entry.offset)
    if not ordered:
        return
    group = [ordered[0]]
    for before, entry in pairwise(ordered):
        is_near = entry.offset - before.frame_end <= RANGE_GAP_BYTES
        if not is_near or entry.frame_end - group[0].offset > RANGE_TARGET_BYTES:
            yield group
            group = []
        group.append(entry)
    yield group


def read_unverified(
    store: Store, pack: bytes, entries: Sequence[PackEntry]
) -> Iterator[tuple[bytes, Buffer]]:
    """Read frames of one pack with one request and decode them: (chunk id, plain bytes), not compared with the id.

    Raises DamagedPack for what cannot be decoded; a remote is asked a second time before that.
    """

    def read() -> list[Buffer]:
        return decode_frames(store, pack, _split_frames(_read(store, pack, entries), entries))

    return zip((entry.id for entry in entries), reading_again(store, read), strict=True)


def _read(store: Store, pack: bytes, entries: Sequence[PackEntry]) -> memoryview:
    start = entries[0].offset
    return memoryview(store.read_pack(pack, start, entries[-1].frame_end - start))


def _split_frames(data: memoryview, entries: Sequence[PackEntry]) -> list[Frame]:
    start = entries[0].offset
    return [
        (entry, data[entry.offset - start + FRAME_HEADER_BYTES : entry.frame_end - start])
        for entry in entries
    ]


def decode_frames(store: Store, pack: bytes, frames: Sequence[Frame]) -> list[Buffer]:
    """Decode many frames at once. Raises IntegrityError naming the pack if the bytes cannot be what was written."""
    try:
        return decode_all([(entry.codec, stored, entry.plain) for entry, stored in frames])
    except UnsupportedVersion:
        raise
    except DvxError as error:
        raise damaged_pack(store, pack) from error


def read_verified(
    store: Store, pack: bytes, entries: Sequence[PackEntry]
) -> list[tuple[PackEntry, memoryview, Buffer]]:
    """Read frames of one pack with one request and check them; returns (entry, stored bytes, plain bytes).

    Frame headers are compared with the index, contents with their ids. Raises DamagedPack; a remote is asked a
    second time before that.
    """

    def read() -> list[tuple[PackEntry, memoryview, Buffer]]:
        return verify_frames(store, pack, _read(store, pack, entries), entries)

    frames = reading_again(store, read)
    store.note_verified(pack, entries)
    return frames


def verify_frames(
    store: Store, pack: bytes, data: memoryview, entries: Sequence[PackEntry]
) -> list[tuple[PackEntry, memoryview, Buffer]]:
    """Check and decode the frames of one range, which `data` is; see read_verified. Raises DamagedPack."""
    start = entries[0].offset
    for entry in entries:
        header = data[entry.offset - start : entry.offset - start + FRAME_HEADER_BYTES]
        if header != pack_frame_header(entry.codec, entry.stored, entry.plain):
            raise damaged_pack(store, pack)
    frames = _split_frames(data, entries)
    found = [(*frame, plain) for frame, plain in zip(frames, decode_frames(store, pack, frames), strict=True)]
    if any(hash_bytes(plain) != entry.id for entry, _, plain in found):
        raise damaged_pack(store, pack)
    return found


def read_chunks(store: Store, locations: Sequence[Location]) -> Iterator[bytes]:
    """Yield the plain bytes of chunks in the given order, each checked against its id.

    Holds all of them in memory; callers ask for some MiB at a time.
    """
    by_pack: dict[bytes, list[PackEntry]] = {}
    for location in locations:
        by_pack.setdefault(location.pack, []).append(location.entry)
    plain: dict[bytes, Buffer] = {}
    for pack, entries in by_pack.items():
        for group in plan_ranges(entries):
            plain.update((entry.id, data) for entry, _, data in read_verified(store, pack, group))
    for location in locations:
        yield bytes(plain[location.entry.id])
