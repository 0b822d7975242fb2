"""Reading manifest pages from the local store, and from a remote those that are not there.

Owns the copy of far pages into the local store. How a tree of pages is walked is dvx.formats.manifest_reader.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from dvx.core.errors import DataMissing
from dvx.core.ids import format_id
from dvx.formats.manifest_reader import ReadPages
from dvx.store.chunk_reader import read_chunks
from dvx.store.store import Store

if TYPE_CHECKING:
    from dvx.store.pack_sink import PackSink


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
            from dvx.store.pack_sink import PackSink  # the encoder: only needed when pages come from far

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
                self._sink.write_page(location.entry.id, data)
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
