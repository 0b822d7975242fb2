"""Manifests in a store: writing the pages of a directory, and reading them from wherever they are.

Owns the packs of pages. The tree itself (where pages are cut, how they are walked) is dvx.formats.manifest_tree.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.chunking.codecs import Encoder
from dvx.core.errors import DataMissing
from dvx.core.ids import format_id
from dvx.formats.manifest import Entry
from dvx.formats.manifest_tree import BuiltPage, ManifestBuilder, ReadPages
from dvx.store.chunk_reader import read_chunks
from dvx.store.index import Location
from dvx.store.pack_sink import PackSink
from dvx.store.store import Store

# More packs of pages than this cost a reader more requests than rewriting the pages of the smallest ones costs bytes.
MAX_PAGE_PACKS: Final = 16
_KEPT_PAGE_PACKS: Final = 8
_PAGES_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class WrittenManifest:
    """A directory's manifest in a store: `page_packs` are the names of the packs that hold its pages."""

    root: bytes
    size: int
    files: int
    entries: int
    page_packs: tuple[bytes, ...]


class ManifestWriter:
    """Writes the manifest of one directory; pages that the store has are reused."""

    def __init__(self, store: Store) -> None:
        """Pages go to packs of their own in `store`."""
        self._store = store
        self._builder = ManifestBuilder()
        self.sink = PackSink(store, kind=2)
        self._waiting: list[BuiltPage] = []
        self._pages: dict[bytes, Location] = {}

    def add(self, entry: Entry) -> None:
        """Add the next entry, in path order."""
        built = self._builder.add(entry)
        if built:
            self._waiting.extend(built)
            if len(self._waiting) >= _PAGES_AT_ONCE:
                self._write_waiting()

    def finish(self) -> WrittenManifest:
        """Write the remaining pages and wait until all are in the store."""
        self._waiting.extend(self._builder.finish())
        self._write_waiting()
        self._gather_pages()
        self.sink.finish()
        builder = self._builder
        packs = tuple(sorted({location.pack for location in self._pages.values()}))
        return WrittenManifest(builder.root_id, builder.size, builder.files, builder.entries, packs)

    def close(self) -> None:
        """Drop what was not sealed."""
        self.sink.close()

    def _write_waiting(self) -> None:
        known = self._store.index.find_chunks(self._store.id, [page.id for page in self._waiting])
        for page in self._waiting:
            location = self._pages.get(page.id) or self.sink.locate(page.id, known.get(page.id))
            self._pages[page.id] = location or self._write(page.id, page.data)
        self._waiting = []

    def _write(self, page_id: bytes, data: bytes) -> Location:
        return write_page(self.sink, page_id, data)

    def _gather_pages(self) -> None:
        """Keep the number of page packs bounded by writing the pages of the least used ones again."""
        counts: dict[bytes, int] = {}
        for location in self._pages.values():
            counts[location.pack] = counts.get(location.pack, 0) + 1
        if len(counts) <= MAX_PAGE_PACKS:
            return
        self.sink.finish()
        kept = set(sorted(counts, key=lambda pack: -counts[pack])[:_KEPT_PAGE_PACKS])
        moving = [location for location in self._pages.values() if location.pack not in kept]
        for start in range(0, len(moving), _PAGES_AT_ONCE):
            batch = moving[start : start + _PAGES_AT_ONCE]
            for location, data in zip(batch, read_chunks(self._store, batch), strict=True):
                self._pages[location.entry.id] = self._write(location.entry.id, data)


def write_page(sink: PackSink, page_id: bytes, data: bytes) -> Location:
    """Encode a manifest page and write it to a pack of pages."""
    codec, stored = Encoder("manifest.txt", len(data)).encode(memoryview(data), 0)
    return sink.write(page_id, codec, stored, len(data))


class PageReader:
    """Reads manifest pages from the local store, and from a remote those that are not there.

    Pages that come from a remote are kept in the local store. Use as a context manager, from one thread.
    """

    def __init__(self, local: Store, open_remote: Callable[[], Store | None]) -> None:
        """`open_remote` is called only when a page is missing locally; None means there is no remote."""
        self._local = local
        self._open_remote = open_remote
        self._remote: Store | None = None
        self._sink: PackSink | None = None
        self._asked_roots: set[bytes] = set()

    def __enter__(self) -> "PageReader":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._sink is not None:
            try:
                if error is None:
                    self._sink.finish()
            finally:
                self._sink.close()

    def for_root(self, *roots: bytes) -> ReadPages:
        """A function that reads batches of pages of these directories; the remote is asked for their records."""
        return lambda ids: self._read_pages(ids, roots)

    def _read_pages(self, ids: Sequence[bytes], roots: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the pages in the order of `ids`. Raises DataMissing if they are nowhere."""
        local = self._local.index.find_chunks(self._local.id, ids)
        far = [page_id for page_id in dict.fromkeys(ids) if page_id not in local]
        pages = dict(zip(far, self._read_far(far, roots), strict=True)) if far else {}
        near = iter(read_chunks(self._local, [local[page_id] for page_id in ids if page_id in local]))
        for page_id in ids:
            yield next(near) if page_id in local else pages[page_id]

    def _read_far(self, ids: Sequence[bytes], roots: Sequence[bytes]) -> Iterator[bytes]:
        if self._sink is None:
            self._sink = PackSink(self._local, kind=2)
        # Pages fetched a moment ago are in the sink, which is not readable yet; asking again is rare and harmless.
        remote = self._find_remote(ids, roots)
        known = remote.index.find_chunks(remote.id, ids)
        missing = [page_id for page_id in ids if page_id not in known]
        if missing:
            raise _missing(roots[0], remote)
        locations = [known[page_id] for page_id in ids]
        for location, data in zip(locations, read_chunks(remote, locations), strict=True):
            if self._sink.locate(location.entry.id) is None:
                write_page(self._sink, location.entry.id, data)
            yield data

    def _find_remote(self, ids: Sequence[bytes], roots: Sequence[bytes]) -> Store:
        if self._remote is None:
            self._remote = self._open_remote()
        remote = self._remote
        if remote is None:
            raise _missing(roots[0], None)
        unasked = [root for root in roots if root not in self._asked_roots]
        if unasked and len(remote.index.find_chunks(remote.id, ids)) < len(ids):
            self._asked_roots.update(unasked)
            for placements in remote.placements(unasked, jobs=4).values():
                for placement in placements:
                    remote.load_pack_indexes(placement.pages, jobs=4)
        return remote


def _missing(root: bytes, remote: Store | None) -> DataMissing:
    """The error for a listing that is nowhere."""
    where = f"in the local store or on `{remote.location}`" if remote else "in the local store"
    hints = ["run `dvx push` in the clone that added it"]
    if remote is None:
        hints = ["add the remote that has it: `dvx remote add origin URL`, then `dvx fetch`"]
    return DataMissing(
        f"the listing of directory {format_id(root)} is not {where}",
        affected="nothing was changed",
        hints=hints,
        kind="manifest-missing",
    )
