"""Writing the manifest of a directory into a store.

Owns the packs of pages. Where pages are cut is dvx.formats.manifest_tree; reading is dvx.store.page_reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_lines import CheckedLines
from dvx.formats.manifest_tree import BuiltPage, ManifestBuilder
from dvx.store.chunk_reader import read_chunks
from dvx.store.index import Location
from dvx.store.pack_sink import PackSink, SealedListener
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

    def __init__(self, store: Store, *, on_sealed: SealedListener | None = None) -> None:
        """Pages go to packs of their own in `store`."""
        self._store = store
        self._builder = ManifestBuilder()
        self.sink = PackSink(store, kind=2, on_sealed=on_sealed)
        self._waiting: list[BuiltPage] = []
        self._pages: dict[bytes, Location] = {}
        # Leaves that may be carried over, where the store has them.
        self._stored: dict[bytes, Location] = {}
        self._carried_files = 0

    def add(self, entry: Entry) -> None:
        """Add the next entry, in path order."""
        self.add_all([entry])

    def add_all(self, entries: Sequence[Entry]) -> list[BuiltPage]:
        """Add the next entries, in path order; return the pages that they finished."""
        built = self._builder.add_all(entries)
        self._queue(built)
        return built

    def add_lines(self, lines: CheckedLines) -> list[BuiltPage]:
        """Add the entries of lines that were checked before; return the pages that they finished."""
        built = self._builder.add_lines(lines)
        self._queue(built)
        return built

    def _queue(self, built: Sequence[BuiltPage]) -> None:
        self._waiting.extend(built)
        if len(self._waiting) >= _PAGES_AT_ONCE:
            self._write_waiting()

    def expect_leaves(self, leaves: Sequence[bytes]) -> None:
        """Say which leaves `carries` will be asked for: looking for all at once takes a third of the time."""
        unknown = [page_id for page_id in leaves if page_id not in self._stored]
        if unknown:
            self._stored.update(self._store.index.find_chunks(self._store.id, unknown))

    def carries(self, leaf: ChildPage, *, is_ended: bool = False) -> bool:
        """Whether a leaf of a stored manifest can be taken as it is here; see ManifestBuilder.carries."""
        return self._builder.carries(leaf, is_ended=is_ended) and self._find_leaf(leaf.id) is not None

    def add_leaf(self, leaf: ChildPage, *, files: int) -> list[BuiltPage]:
        """Add all entries of a leaf that `carries` accepts; return other pages that are finished by it.

        `files` are its entries that are no empty directories.
        """
        location = self._find_leaf(leaf.id)
        assert location is not None
        self._pages[leaf.id] = location
        self._carried_files += files
        built = self._builder.add_leaf(leaf)
        self._queue(built)
        return built

    def _find_leaf(self, page_id: bytes) -> Location | None:
        self.expect_leaves([page_id])
        return self._stored.get(page_id)

    def finish(self) -> WrittenManifest:
        """Write the remaining pages and wait until all are in the store."""
        self._waiting.extend(self._builder.finish())
        self._write_waiting()
        self._gather_pages()
        self.sink.finish()
        builder = self._builder
        packs = tuple(sorted({location.pack for location in self._pages.values()}))
        files = builder.files + self._carried_files
        return WrittenManifest(builder.root_id, builder.size, files, builder.entries, packs)

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
        return self.sink.write_page(page_id, data)

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
