"""Storing file contents: workers hash and encode, this thread cuts large files and writes packs in stream order.

Owns the pipeline of one `add`: its window of tasks, its reused read buffers and the pack being written.
Packs become part of the store when they are sealed; whoever uses this writes records and pointers only after
`finish` returned. Must not know about manifests or pointers.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple

from dvx.core.memory import keep_freed_memory
from dvx.core.progress import Reporter
from dvx.disk.reading import FileStat, Source
from dvx.formats.placement import Run
from dvx.store.index import Location
from dvx.store.ingest_work import ChunkWork, FileWork, work_on_batch
from dvx.store.large_file import LargeFile, Segment, SegmentBuffers
from dvx.store.pack_sink import PackSink, SealedListener
from dvx.store.root_layout import RootLayout
from dvx.store.store import Store

# Files up to this size are read whole by a worker; larger ones are cut here, so that all workers share one file.
SMALL_FILE_BYTES: Final = 1024 * 1024
_BATCH_FILES: Final = 128
_BATCH_BYTES: Final = 2 * 1024 * 1024
# What waits for a task before it: a stretch of reused runs may stand for thousands of files.
_MAX_PENDING: Final = 64
# Segments that are being written while as many tasks as before are worked on.
_WRITTEN_BEHIND: Final = 2


class Item(NamedTuple):
    """One step of a root's stream: content to read (`source`), or runs to reuse. A tuple because there may be millions.

    `token` is the caller's and comes back with the result.
    """

    layout: RootLayout
    token: object
    source: Source | None = None
    reuse: tuple[Run, ...] = ()


class Stored(NamedTuple):
    """The outcome of an Item; `id` and `stat` are None for reused runs."""

    token: object
    id: bytes | None = None
    stat: FileStat | None = None


@dataclass(slots=True)
class _Batch:
    items: list[Item]
    future: Future[list[FileWork]]


@dataclass(slots=True)
class _LargeEnd:
    item: Item
    file: LargeFile


@dataclass(slots=True)
class _Held:
    """A segment whose chunks are placed, and the write that may still need its memory."""

    segment: Segment
    chunks: list[ChunkWork]
    write: Future[None] | None

    @property
    def is_written(self) -> bool:
        return self.write is None or self.write.done()


_Pending = _Batch | Segment | _LargeEnd | Item


class Ingester:
    """Stores the contents of many files with all cores. Use as a context manager, from one thread."""

    def __init__(
        self,
        store: Store,
        *,
        jobs: int,
        compress: bool,
        reporter: Reporter,
        on_sealed: SealedListener | None = None,
    ) -> None:
        """`jobs` is the number of worker threads. Leaves malloc keeping freed memory."""
        keep_freed_memory()
        self._store = store
        self._compress = compress
        self._reporter = reporter
        self._workers = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="dvx-ingest")
        self._window = 2 * jobs + 2
        self._buffers = SegmentBuffers(self._window + 1 + _WRITTEN_BEHIND)
        self._held: deque[_Held] = deque()
        self._pending: deque[_Pending] = deque()
        self._tasks = 0
        self.sink = PackSink(store, kind=1, on_sealed=on_sealed)

    def __enter__(self) -> "Ingester":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.sink.close()

    def finish(self) -> None:
        """Seal the last pack and wait until all of them are durably in the store."""
        self.sink.finish()

    def ingest(self, items: Iterable[Item]) -> Iterator[Stored]:
        """Store all items and yield their outcomes in the same order."""
        batch: list[Item] = []
        batch_bytes = 0
        for item in items:
            source = item.source
            if source is not None and source.size <= SMALL_FILE_BYTES:
                batch.append(item)
                batch_bytes += source.size
                if len(batch) < _BATCH_FILES and batch_bytes < _BATCH_BYTES:
                    continue
            yield from self._submit_batch(batch)
            batch, batch_bytes = [], 0
            if source is None:
                yield from self._push(item)
            elif source.size > SMALL_FILE_BYTES:
                yield from self._read_large(item, source)
        yield from self._submit_batch(batch)
        while self._pending:
            yield from self._complete_oldest()
        while self._held:
            self._release_oldest()

    def _submit_batch(self, batch: list[Item]) -> Iterator[Stored]:
        if batch:
            sources = [item.source for item in batch if item.source is not None]
            future = self._workers.submit(work_on_batch, sources, self._find_chunks, compress=self._compress)
            yield from self._push(_Batch(batch, future))

    def _find_chunks(self, ids: Sequence[bytes]) -> dict[bytes, Location]:
        return self._store.index.find_chunks(self._store.id, ids)

    def _push(self, pending: _Pending) -> Iterator[Stored]:
        self._pending.append(pending)
        if isinstance(pending, _Batch | Segment):
            self._tasks += 1
        while self._tasks >= self._window or len(self._pending) > _MAX_PENDING:
            yield from self._complete_oldest()

    def _read_large(self, item: Item, source: Source) -> Iterator[Stored]:
        file = LargeFile(source, item.layout, compress=self._compress)
        try:
            while not file.is_read:
                while not self._buffers.is_available:
                    if self._held:
                        self._release_oldest()
                    else:
                        yield from self._complete_oldest()
                segment = file.read_segment(self._buffers.take())
                segment.start_work(self._workers, self._find_chunks)
                yield from self._push(segment)
            file.check_end()
        finally:
            file.close()
        yield from self._push(_LargeEnd(item, file))

    def _complete_oldest(self) -> Iterator[Stored]:
        pending = self._pending.popleft()
        if isinstance(pending, Item):
            yield self._complete_reuse(pending)
        elif isinstance(pending, _Batch):
            self._tasks -= 1
            yield from self._complete_batch(pending)
        elif isinstance(pending, Segment):
            self._tasks -= 1
            self._complete_segment(pending)
        else:
            self._reporter.advance(files=1)
            yield Stored(pending.item.token, pending.file.hasher.digest(), pending.file.stat)

    def _complete_reuse(self, item: Item) -> Stored:
        for run in item.reuse:
            item.layout.add_run(run)
        self._reporter.advance(size_bytes=sum(run.plain for run in item.reuse))
        return Stored(item.token)

    def _complete_batch(self, batch: _Batch) -> Iterator[Stored]:
        works = batch.future.result()
        layout = batch.items[0].layout
        chunks = [chunk for work in works for chunk in work.chunks]
        is_alike = all(item.layout is layout for item in batch.items)
        if not is_alike or not self.sink.add_all_new(layout, chunks):
            for item, work in zip(batch.items, works, strict=True):
                self._place(item.layout, work.chunks, work, 0)
        self._reporter.advance(size_bytes=sum([work.stat.size for work in works]), files=len(works))
        for item, work in zip(batch.items, works, strict=True):
            yield Stored(item.token, work.id, work.stat)

    def _complete_segment(self, segment: Segment) -> None:
        chunks = segment.work()
        segment.file.hasher.update(segment.view)
        self._place(segment.file.layout, chunks, segment.file, segment.offset)
        self._reporter.advance(size_bytes=len(segment.view))
        self._held.append(_Held(segment, chunks, self.sink.flush()))
        while self._held and self._held[0].is_written:
            self._release_oldest()

    def _release_oldest(self) -> None:
        """Give back the buffer of a segment that was placed, waiting until it is written."""
        held = self._held.popleft()
        if held.write is not None:
            held.write.result()
        for chunk in held.chunks:
            chunk.plain.release()
        held.segment.release_view()
        self._buffers.give_back(held.segment.buffer)

    def _place(
        self, layout: RootLayout, chunks: list[ChunkWork], file: FileWork | LargeFile, offset: int
    ) -> None:
        if self.sink.add_all_new(layout, chunks):
            return
        located = [self.sink.locate(chunk.id, chunk.known) for chunk in chunks]
        plain_bytes = sum(len(chunk.plain) for chunk in chunks)
        worth: set[int] = layout.budget.choose(located, plain_bytes) if any(located) else set()
        position = 0
        while position < len(chunks):
            chunk = chunks[position]
            # Asked again: it may have been written a moment ago, because it is here twice.
            if self.sink.locate(chunk.id, chunk.known) is None:
                self.sink.add_new(layout, chunk, file.encoder, offset)
                offset += len(chunk.plain)
                position += 1
                continue
            group = self.sink.known_group(chunks, position)
            if position in worth or self.sink.is_current(group[0]):
                self.sink.reuse(layout, group)
            else:
                self.sink.store_again(layout, chunks[position : position + len(group)], file.encoder, offset)
            offset += sum(location.entry.plain for location in group)
            position += len(group)
