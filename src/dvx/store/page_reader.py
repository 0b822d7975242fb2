"""Reading manifest pages from the local store, and from a remote those that are not there.

Owns the copy of far pages into the local store. How a tree of pages is walked is dvx.formats.manifest_reader.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import DataMissing
from dvx.core.ids import format_id
from dvx.formats.layout import pack_key
from dvx.formats.manifest_reader import ReadPages
from dvx.store.damage import DamagedPack

if TYPE_CHECKING:
    from dvx.store.pack_sink import PackSink
    from dvx.store.store import Store


class PageReader:
    """Reads manifest pages from the local store, and from a remote those that are not there.

    Pages that come from a remote are kept in the local store. Use as a context manager, from one thread.
    """

    def __init__(
        self, local: "Store | Callable[[], Store]", open_remote: "Callable[[], Store | None]"
    ) -> None:
        """`local` may be what opens the local store, called for the first page: 20 ms that files do not need.

        `open_remote` is called only when a page is missing locally; None means there is no remote.
        """
        self._open_local = local if callable(local) else lambda: local
        self._open_remote = open_remote
        self._remote: Store | None = None
        self._sink: PackSink | None = None
        self._asked_roots: set[bytes] = set()
        self._looked_up: set[bytes] = set()

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
        pages = _read_known(self._open_local(), ids)
        far = [page_id for page_id in dict.fromkeys(ids) if page_id not in pages]
        if far and self._learn_local(roots):
            pages.update(_read_known(self._open_local(), far))
            far = [page_id for page_id in far if page_id not in pages]
        if far:
            pages.update(zip(far, self._read_far(far, roots), strict=True))
        for page_id in ids:
            yield pages[page_id]

    def _learn_local(self, roots: Sequence[bytes]) -> bool:
        """Learn packs that another clone put into a shared local store; False if there are none."""
        unasked = [root for root in roots if root not in self._looked_up]
        self._looked_up.update(unasked)
        local = self._open_local()
        named = [
            pack for found in local.placements(unasked, jobs=1).values() for p in found for pack in p.pages
        ]
        new = set(named) - local.index.held_packs(local.id, named)
        for pack in new:
            with suppress(ObjectNotFound, DamagedPack):  # the remote may have the pages
                local.pack_index(pack)
                local.index.add_hold(local.id, [pack])
        return bool(new)

    def _read_far(self, ids: Sequence[bytes], roots: Sequence[bytes]) -> Iterator[bytes]:
        if self._sink is None:
            from dvx.store.pack_sink import PackSink  # the encoder: only needed when pages come from far

            self._sink = PackSink(self._open_local(), kind=2)
        # Pages fetched a moment ago are in the sink, which is not readable yet; asking again is rare and harmless.
        remote = self._find_remote(ids, roots)
        pages = _read_known(remote, ids)
        if len(pages) < len(ids) and self._ask_records(remote, roots):
            pages = _read_known(remote, ids)
        for page_id in ids:
            data = pages.get(page_id)
            if data is None:
                raise _missing(roots[0], remote)
            if self._sink.locate(page_id) is None:
                self._sink.write_page(page_id, data)
            yield data

    def _find_remote(self, ids: Sequence[bytes], roots: Sequence[bytes]) -> "Store":
        if self._remote is None:
            self._remote = self._open_remote()
        remote = self._remote
        if remote is None:
            raise _missing(roots[0], None)
        if len(remote.index.find_chunks(remote.id, ids)) < len(ids):
            self._ask_records(remote, roots)
        return remote

    def _ask_records(self, remote: "Store", roots: Sequence[bytes]) -> bool:
        """Learn where the remote has the pages of these directories; False if it was asked before."""
        unasked = [root for root in roots if root not in self._asked_roots]
        self._asked_roots.update(unasked)
        for placements in remote.placements(unasked, jobs=4).values():
            for placement in placements:
                with suppress(ObjectNotFound):  # another record may name packs that are there
                    remote.load_pack_indexes(placement.pages, jobs=4)
                    remote.index.add_hold(remote.id, placement.pages)
        return bool(unasked)


def _read_known(store: "Store", ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """The pages that a store really has; packs that turn out to be gone are forgotten."""
    from dvx.store.chunk_reader import read_chunks  # with what it imports 15 ms, for directories only

    while True:
        known = store.index.find_chunks(store.id, ids)
        try:
            return dict(zip(known, read_chunks(store, list(known.values())), strict=True))
        except ObjectNotFound:
            packs = {location.pack for location in known.values()}
            gone = [pack for pack in packs if store.backend.stat(pack_key(pack)) is None]
            if not gone:
                raise
            store.index.drop_hold(store.id, gone)


def _missing(root: bytes, remote: "Store | None") -> DataMissing:
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
