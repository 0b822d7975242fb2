"""Reading one large file in segments that are cut here and worked on by all cores.

Owns the read buffers, which are reused: memory touched for the first time costs more than hashing it.
Must not write packs.
"""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from dvx.chunking.cutter import Cutter
from dvx.chunking.encoder import Encoder
from dvx.chunking.parts import MAX_CHUNK_BYTES
from dvx.core.ids import Hasher
from dvx.disk.atomic import disk_errors
from dvx.disk.reading import FileStat, Source, check_unchanged, open_source, read_stat
from dvx.store.ingest_work import ChunkWork, FindChunks, SegmentToWork, work_on_segment
from dvx.store.root_layout import RootLayout

# 4 MiB: about 64 chunks a task, so Python's cost per task vanishes, while a window of them stays small.
SEGMENT_BYTES: Final = 4 * 1024 * 1024


class SegmentBuffer:
    """Room for the bytes of one segment, and as much for what they are encoded to."""

    __slots__ = ("plain", "scratch")

    def __init__(self) -> None:
        """SEGMENT_BYTES plus one undecided chunk, twice. Memory that is never used costs nothing."""
        self.plain = bytearray(SEGMENT_BYTES + MAX_CHUNK_BYTES)
        self.scratch = bytearray(SEGMENT_BYTES + MAX_CHUNK_BYTES)


class SegmentBuffers:
    """A fixed number of buffers, made when first needed and reused after that."""

    def __init__(self, limit: int) -> None:
        """Make at most `limit` buffers."""
        self._free: list[SegmentBuffer] = []
        self._left = limit

    @property
    def is_available(self) -> bool:
        """Whether `take` can give a buffer now."""
        return bool(self._free) or self._left > 0

    def take(self) -> SegmentBuffer:
        """A buffer whose content is arbitrary."""
        if self._free:
            return self._free.pop()
        self._left -= 1
        return SegmentBuffer()

    def give_back(self, buffer: SegmentBuffer) -> None:
        """Make a buffer available again."""
        self._free.append(buffer)


class Segment:
    """Consecutive whole chunks of a large file in one buffer."""

    def __init__(self, file: "LargeFile", buffer: SegmentBuffer, ends: Sequence[int], offset: int) -> None:
        """`ends` are the ends of the chunks in the buffer, `offset` its first byte's place in the file."""
        self.file = file
        self.buffer = buffer
        self.offset = offset
        self.ends = ends
        self.view = memoryview(buffer.plain)[: ends[-1] if ends else 0]
        self._future: Future[list[ChunkWork]] | None = None

    def start_work(self, workers: ThreadPoolExecutor, find_chunks: FindChunks) -> None:
        """Have a worker hash, look up and encode the chunks."""
        scratch = memoryview(self.buffer.scratch)[: len(self.view)]
        todo = SegmentToWork(self.view, self.ends, self.offset, scratch)
        self._future = workers.submit(work_on_segment, todo, self.file.encoder, find_chunks)

    def work(self) -> list[ChunkWork]:
        """Wait for the worker and return its result."""
        assert self._future is not None
        return self._future.result()

    def release_view(self) -> None:
        """Let go of the buffer."""
        self._future = None
        self.view.release()


class LargeFile:
    """A file being read from start to end."""

    def __init__(self, source: Source, layout: RootLayout, *, compress: bool) -> None:
        """Open the file; raises what `open_source` raises."""
        self.source = source
        self.layout = layout
        self._fd = open_source(source)
        try:
            self.stat: FileStat = read_stat(self._fd, source)
        except BaseException:
            os.close(self._fd)
            raise
        self.encoder = Encoder(source.name, self.stat.size) if compress else None
        self.hasher = Hasher()
        self._raw = open(self._fd, "rb", buffering=0, closefd=False)  # noqa: SIM115
        self._cutter = Cutter()
        self._carry = b""
        self._read = 0
        self._handed_out = 0

    @property
    def is_read(self) -> bool:
        """Whether all bytes were handed out as segments."""
        return self._handed_out >= self.stat.size

    def read_segment(self, room: SegmentBuffer) -> Segment:
        """Fill `room` with the undecided rest of the last segment and the next bytes, and cut it."""
        buffer = room.plain
        filled = len(self._carry)
        buffer[:filled] = self._carry
        wanted = min(SEGMENT_BYTES + filled, self.stat.size - self._read + filled)
        with memoryview(buffer) as view, disk_errors(self.source.name, "read"):
            while filled < wanted:
                count = self._raw.readinto(view[filled:wanted])
                if not count:
                    check_unchanged(self.source, self.stat, self.stat, -1)
                filled += count
                self._read += count
            is_final = self._read == self.stat.size
            with view[:filled] as data:
                ends = self._cutter.cut(data, final=is_final)
            done = ends[-1] if ends else 0
            self._carry = bytes(view[done:filled])
        segment = Segment(self, room, ends, self._handed_out)
        self._handed_out += done
        return segment

    def check_end(self) -> None:
        """Raise ChangedWhileReading if the file is not what it was when it was opened."""
        with disk_errors(self.source.name, "read"):
            extra = len(os.read(self._fd, 1))
        check_unchanged(self.source, self.stat, read_stat(self._fd, self.source), self._read + extra)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        os.close(self._fd)
