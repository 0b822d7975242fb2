"""Where new chunks go: the pack being written, and the packs being made durable behind it.

Owns the choice between reusing a stored chunk and storing it again, and the counts of what that saved.
Must not read files.
"""

from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final

from dvx.chunking.cutter import CHUNKER_ID
from dvx.chunking.encoder import Encoder
from dvx.chunking.parts import Parts
from dvx.formats.pack import FRAME_HEADER_BYTES, PackHeader
from dvx.store.index import Location
from dvx.store.ingest_work import ChunkWork, encode
from dvx.store.pack_writer import Frame, PackWriter, SealedPack
from dvx.store.root_layout import RootLayout
from dvx.store.runs import frame_end
from dvx.store.store import Store

# fsync waits for the disk, so two packs may wait while a third is written; more would only fill memory.
_SEALERS: Final = 2

# Told of each pack once it is durably in the store, from the thread that sealed it; must return soon.
SealedListener = Callable[[SealedPack], None]


class PackSink:
    """Writes chunks into packs of one store. Use from one thread."""

    def __init__(self, store: Store, *, kind: int, on_sealed: SealedListener | None = None) -> None:
        """`kind` is the pack kind of the format: 1 for data, 2 for manifest pages."""
        self._store = store
        self._on_sealed = on_sealed
        self._header = PackHeader(kind=kind, chunker=CHUNKER_ID)
        self._writer: PackWriter | None = None
        # Written by a thread of its own: in an add of small files the thread that places chunks has most to do.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dvx-write")
        self._sealers = ThreadPoolExecutor(max_workers=_SEALERS, thread_name_prefix="dvx-seal")
        self._sealing: list[tuple[PackWriter, Future[None]]] = []
        self.new_plain_bytes = 0
        self.new_stored_bytes = 0
        self.packs = 0

    # Choosing

    def locate(self, chunk_id: bytes, known: Location | None = None) -> Location | None:
        """Where a chunk is already: in the store, or in a pack of this run."""
        if known is not None:
            return known
        if self._writer is not None and (entry := self._writer.find(chunk_id)):
            return Location(self._writer.name, entry)
        for writer, _ in self._sealing:
            if entry := writer.find(chunk_id):
                return Location(writer.name, entry)
        return None

    def known_group(self, chunks: Sequence[ChunkWork], position: int) -> list[Location]:
        """The chunks from `position` on that are stored one behind the other in the same pack already."""
        group: list[Location] = []
        for chunk in chunks[position:]:
            location = self.locate(chunk.id, chunk.known)
            if location is None or (group and not _follows(group[-1], location)):
                break
            group.append(location)
        return group

    def is_current(self, location: Location) -> bool:
        """Whether a chunk is in the pack being written, next to what comes next."""
        return self._writer is not None and location.pack == self._writer.name

    def reuse(self, layout: RootLayout, group: Sequence[Location]) -> None:
        """Refer to stored chunks that lie one behind the other."""
        layout.add_chunks(group[0].pack, [location.entry for location in group])

    def store_again(
        self, layout: RootLayout, chunks: Sequence[ChunkWork], encoder: Encoder | None, offset: int
    ) -> None:
        """Store chunks once more next to their neighbours, so that the root stays quick to read."""
        for chunk in chunks:
            if self._writer is not None and (entry := self._writer.find(chunk.id)):
                # A pack never has a chunk twice, so this one is referred to however far away it is.
                self.reuse(layout, [Location(self._writer.name, entry)])
            else:
                self.add_new(layout, chunk, encoder, offset)
            offset += len(chunk.plain)

    # Writing

    def add_new(self, layout: RootLayout, chunk: ChunkWork, encoder: Encoder | None, offset: int) -> None:
        """Write a chunk and append it to the root."""
        codec, stored = chunk.encoded or encode(encoder, chunk.plain, offset)
        location = self.write(chunk.id, codec, stored, len(chunk.plain))
        layout.add_chunks(location.pack, [location.entry])

    def add_all_new(self, layout: RootLayout, chunks: Sequence[ChunkWork]) -> bool:
        """Write chunks and append them to the root, if all of them are new; otherwise do nothing.

        In one go: with steps for each chunk, a sixth of the Python time of an add of small files was spent here.
        """
        frames: list[Frame] = [
            (chunk.id, *chunk.encoded, len(chunk.plain)) for chunk in chunks if chunk.encoded is not None
        ]
        ids = {frame[0] for frame in frames}
        if len(ids) < len(chunks) or not self._has_none_of(ids):
            return False
        done = 0
        while done < len(frames):
            writer = self._open_writer()
            before = writer.size
            entries = writer.append_all(islice(frames, done, None))
            layout.add_chunks(writer.name, entries)
            self.new_stored_bytes += writer.size - before
            done += len(entries)
        self.new_plain_bytes += sum([frame[3] for frame in frames])
        return True

    def _has_none_of(self, chunk_ids: Set[bytes]) -> bool:
        writers = [writer for writer, _ in self._sealing]
        writers += [self._writer] if self._writer is not None else []
        return all(writer.has_none_of(chunk_ids) for writer in writers)

    def write(
        self, chunk_id: bytes, codec: int, stored: bytes | memoryview | Parts, plain_bytes: int
    ) -> Location:
        """Write one frame, which must not be in the current pack yet; starts and seals packs as needed.

        The memory of `stored` is used until `flush`.
        """
        writer = self._open_writer()
        entry = writer.append(chunk_id, codec, stored, plain_bytes)
        self.new_plain_bytes += plain_bytes
        self.new_stored_bytes += FRAME_HEADER_BYTES + len(stored)
        return Location(writer.name, entry)

    def _open_writer(self) -> PackWriter:
        if self._writer is not None and self._writer.is_full:
            self._seal_current()
        if self._writer is None:
            self._writer = PackWriter(self._store.temporary_folder, self._header, executor=self._disk)
        return self._writer

    def flush(self) -> Future[None] | None:
        """Have written everything so far; None if it is, otherwise what says when its memory is free again."""
        return self._writer.flush() if self._writer is not None else None

    def write_page(self, page_id: bytes, data: bytes) -> Location:
        """Encode and write one page of a manifest."""
        codec, stored = Encoder("manifest.txt", len(data)).encode(memoryview(data), 0)
        return self.write(page_id, codec, stored, len(data))

    def _seal_current(self) -> None:
        if self._writer is None:
            return
        # Raises what an earlier pack failed with, so the writer must not have changed hands yet.
        self._forget_sealed(wait=len(self._sealing) >= 2 * _SEALERS)
        self._sealing.append((self._writer, self._sealers.submit(self._seal, self._writer)))
        self._writer = None

    def _seal(self, writer: PackWriter) -> None:
        pack = writer.seal()
        self._store.add_sealed_pack(pack)
        if self._on_sealed is not None:
            self._on_sealed(pack)

    def _forget_sealed(self, *, wait: bool) -> None:
        if wait:
            self._sealing[0][1].result()
        done = [future for _, future in self._sealing if future.done()]
        for future in done:
            future.result()
        self.packs += len(done)
        self._sealing = [(writer, future) for writer, future in self._sealing if future not in done]

    def finish(self) -> None:
        """Seal the current pack and wait until every pack is in the store; raises what failed."""
        self._seal_current()
        for _, future in self._sealing:
            future.result()
        self._forget_sealed(wait=False)

    def close(self) -> None:
        """Stop, and remove what was not sealed; packs that were sealed stay for the next run to reuse."""
        self._sealers.shutdown(wait=True)
        self._disk.shutdown(wait=True)
        for writer, _ in self._sealing:
            writer.abandon()
        self._sealing = []
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None


def _follows(before: Location, after: Location) -> bool:
    return before.pack == after.pack and after.entry.offset == frame_end(before.entry)
