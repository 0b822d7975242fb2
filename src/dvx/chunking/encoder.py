"""From plain chunks to stored bytes: picks a codec per chunk and remembers what suited the file so far.

Owns when to probe again. Must not write packs or compute ids. What it chooses is never part of an id, so two
runs may store the same chunk differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from dvx.chunking.codec_ids import Codec
from dvx.chunking.parts import Parts
from dvx.chunking.planes import format_planes
from dvx.chunking.probe import (
    NAMED_SAMPLE_BYTES,
    QUICK_SAMPLE_BYTES,
    Choice,
    choose,
    looks_incompressible,
    promises_compressed,
    raw_plane_is_noise,
)
from dvx.chunking.segments import format_planes_all
from dvx.chunking.zstd_frames import compress_general, compress_general_all

Stored = tuple[int, bytes | memoryview | Parts]

# A look at what is stored raw costs 6 microseconds: for every 256 KiB that is 2 % of the time to cut and hash
# them.
LOOK_AGAIN_BYTES: Final = 256 * 1024
# A probe costs about 100 microseconds: for every 4 MiB that is 3 % of the time to encode them.
PROBE_AGAIN_BYTES: Final = 4 * 1024 * 1024
# Below this file size the 100 ms of importing numpy outweigh its speed.
NUMPY_FROM_BYTES: Final = 4 * 1024 * 1024

# A chunk must save 1/64 (1.6 %) to be worth expanding at every read.
_MIN_SAVING_SHIFT: Final = 6
_TINY_BYTES: Final = 64
# zstd makes text and code shorter than this; numbers of 2 and 4 bytes stay above.
_MAYBE_NUMBERS_ABOVE: Final = 0.6
_SURPRISE: Final = 0.08


@dataclass(frozen=True, slots=True)
class _Memory:
    """The choice for the bytes near `probed_at`. Replaced whole: racing threads see one or the other."""

    choice: Choice
    probed_at: int
    looked_at: int


class Encoder:
    """Encodes the chunks of one file, in any order, from any number of threads."""

    __slots__ = ("_memory", "_quick_bytes", "_use_numpy")

    def __init__(self, name: str, size: int) -> None:
        """`name` is the file's name (its suffix is a hint), `size` its length in bytes."""
        self._memory: _Memory | None = None
        self._quick_bytes = NAMED_SAMPLE_BYTES if promises_compressed(name) else QUICK_SAMPLE_BYTES
        self._use_numpy = size >= NUMPY_FROM_BYTES

    def encode(self, chunk: memoryview, offset: int) -> Stored:
        """Return the codec and the stored bytes, never longer than `chunk`, which starts at `offset`.

        RAW returns `chunk` itself: use it before the buffer below is reused.
        """
        memory = self._memory
        if memory is None or not self._still_suits(memory, chunk, offset):
            return self._encode_anew(chunk, offset)
        codec, payload = self._apply(memory.choice, chunk, offset)
        if _is_surprising(memory.choice, len(payload) / max(1, len(chunk))):
            return min((codec, payload), self._encode_anew(chunk, offset), key=lambda each: len(each[1]))
        return codec, payload

    def encode_all(
        self, data: memoryview, ends: Sequence[int], offset: int, scratch: memoryview
    ) -> list[Stored]:
        """Return what `encode` returns for each chunk of `data`, which starts at `offset` of the file.

        Chunk i ends at `ends[i]`. `scratch` has at least `len(data)` bytes: like `data`, it must stay untouched
        while the results are used.
        """
        stored: list[Stored] = []
        start = 0
        while len(stored) < len(ends):
            same = self._count_suited(data, ends[len(stored) :], start, offset)
            if not same:
                end = ends[len(stored)]
                stored.append(self._encode_anew(data[start:end], offset + start))
            else:
                end = ends[len(stored) + same - 1]
                local = [each - start for each in ends[len(stored) : len(stored) + same]]
                stored += self._encode_alike(data[start:end], local, offset + start, scratch[start:end])
            start = end
        return stored

    def _count_suited(self, data: memoryview, ends: Sequence[int], start: int, offset: int) -> int:
        """Count the chunks from `start` on that the remembered choice suits."""
        for count, end in enumerate(ends):
            memory = self._memory
            if memory is None or not self._still_suits(memory, data[start:end], offset + start):
                return count
            start = end
        return len(ends)

    def _encode_alike(
        self, data: memoryview, ends: Sequence[int], offset: int, scratch: memoryview
    ) -> list[Stored]:
        """Encode chunks with the remembered choice; those with a surprising ratio are judged again."""
        memory = self._memory
        assert memory is not None
        choice = memory.choice
        starts = [0, *ends[:-1]]
        chunks = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        payloads: Sequence[bytes | memoryview | Parts]
        if choice.codec is Codec.RAW or min(map(len, chunks)) < _TINY_BYTES:
            return [self.encode(chunk, offset + start) for chunk, start in zip(chunks, starts, strict=True)]
        if choice.codec is Codec.ZSTD:
            payloads = compress_general_all(chunks)
        elif self._use_numpy:
            phases = _planes_of_chunk(choice.phases, offset)
            payloads = format_planes_all(data, ends, phases=phases, scratch=scratch)
        else:
            payloads = [
                self._apply(choice, chunk, offset + at)[1] for chunk, at in zip(chunks, starts, strict=True)
            ]
        return [
            self._unless_surprising(choice, chunk, payload, offset + start)
            for chunk, payload, start in zip(chunks, payloads, starts, strict=True)
        ]

    def _unless_surprising(
        self, choice: Choice, chunk: memoryview, payload: bytes | memoryview | Parts, offset: int
    ) -> Stored:
        stored = _keep_if_shorter(choice.codec, payload, chunk)
        if _is_surprising(choice, len(stored[1]) / len(chunk)):
            return min(stored, self._encode_anew(chunk, offset), key=lambda candidate: len(candidate[1]))
        return stored

    def _still_suits(self, memory: _Memory, chunk: memoryview, offset: int) -> bool:
        """Say whether the remembered choice is fresh and what it stores raw still looks like noise."""
        choice = memory.choice
        if choice.codec is not Codec.RAW and abs(offset - memory.probed_at) >= PROBE_AGAIN_BYTES:
            return False
        if choice.codec is Codec.ZSTD or abs(offset - memory.looked_at) < LOOK_AGAIN_BYTES:
            return True
        if choice.codec is Codec.RAW:
            is_noise = looks_incompressible(chunk)
        else:
            is_noise = raw_plane_is_noise(chunk, offset, choice.phases)
        if is_noise:
            self._memory = replace(memory, looked_at=offset)
        return is_noise

    def _encode_anew(self, chunk: memoryview, offset: int) -> Stored:
        choice = self._decide(chunk, offset)
        stored = self._apply(choice, chunk, offset)
        # The measured ratio replaces the estimate, so that only a change of content surprises.
        ratio = len(stored[1]) / max(1, len(chunk))
        self._memory = _Memory(replace(choice, ratio=ratio), offset, offset)
        return stored

    def _decide(self, chunk: memoryview, offset: int) -> Choice:
        if looks_incompressible(chunk, sample_bytes=self._quick_bytes):
            return Choice(Codec.RAW, 1.0)
        return choose(chunk, offset)

    def _apply(self, choice: Choice, chunk: memoryview, offset: int) -> Stored:
        if choice.codec is Codec.RAW or len(chunk) < _TINY_BYTES:
            return int(Codec.RAW), chunk
        if choice.codec is Codec.ZSTD:
            return _keep_if_shorter(Codec.ZSTD, compress_general(chunk), chunk)
        flags = _planes_of_chunk(choice.phases, offset)
        payload = format_planes(chunk, compress=flags, use_numpy=self._use_numpy)
        return _keep_if_shorter(choice.codec, payload, chunk)


def encode_small(name: str, data: bytes | memoryview) -> Stored:
    """Encode a file of one chunk (meant for up to 32 KiB) without the state of an Encoder.

    About 9 microseconds for incompressible content, 4 if the suffix of `name` promises it. RAW returns `data`
    itself.
    """
    if len(data) < _TINY_BYTES:
        return int(Codec.RAW), data
    sample_bytes = NAMED_SAMPLE_BYTES if promises_compressed(name) else QUICK_SAMPLE_BYTES
    if looks_incompressible(data, sample_bytes=sample_bytes):
        return int(Codec.RAW), data
    best = _keep_if_shorter(Codec.ZSTD, compress_general(data), data)
    if len(best[1]) < _MAYBE_NUMBERS_ABOVE * len(data):
        return best
    choice = choose(data, 0)
    if choice.codec not in (Codec.PLANES2, Codec.PLANES4):
        return best
    payload = format_planes(data, compress=choice.phases, use_numpy=False)
    return (int(choice.codec), payload) if len(payload) < len(best[1]) else best


def _keep_if_shorter(codec: Codec, payload: bytes | memoryview | Parts, plain: bytes | memoryview) -> Stored:
    if len(payload) > len(plain) - (len(plain) >> _MIN_SAVING_SHIFT):
        return int(Codec.RAW), plain
    return int(codec), payload


def _planes_of_chunk(phases: tuple[bool, ...], offset: int) -> tuple[bool, ...]:
    """Turn flags by file phase into flags by plane: plane k of the chunk has phase (offset + k) mod width."""
    shift = offset % len(phases)
    return phases[shift:] + phases[:shift]


def _is_surprising(choice: Choice, ratio: float) -> bool:
    """Say whether a chunk's ratio suggests other content than that of the probed chunk.

    Text and machine code vary from chunk to chunk, and no codec but zstd suits them: there only a chunk that
    hardly shrinks counts.
    """
    if choice.codec is Codec.RAW:
        return False
    if choice.codec is Codec.ZSTD:
        return ratio > max(0.7, choice.ratio + _SURPRISE)
    return abs(ratio - choice.ratio) > _SURPRISE
