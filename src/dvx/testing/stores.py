"""Stores in memory and roots in them, for tests below the level of use cases.

Owns the shortest way from a dict of files to a directory in a store and back. Must not check anything itself.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from dvx.backends.backend import Backend
from dvx.backends.memory import MemoryBackend
from dvx.core.ids import EMPTY_ID
from dvx.core.progress import NullReporter
from dvx.disk.reading import Source
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import walk_entries_with_offsets
from dvx.formats.placement import Placement
from dvx.store.files_to_write import FileToWrite
from dvx.store.index import ChunkIndex
from dvx.store.ingest import Ingester, Item
from dvx.store.manifests import ManifestWriter
from dvx.store.old_file import OldFile
from dvx.store.page_reader import PageReader
from dvx.store.restore import Restorer
from dvx.store.root_layout import RootLayout
from dvx.store.store import Store, open_store
from dvx.store.transfer import RootTransfer, TransferResult, plan_transfer, run_transfer
from dvx.store.translate import RootData, make_placement


@contextmanager
def open_index(folder: str | os.PathLike[str]) -> Iterator[ChunkIndex]:
    """An index in `folder`, closed at the end."""
    index = ChunkIndex(os.path.join(folder, "index.db"))
    try:
        yield index
    finally:
        index.close()


def make_store(
    folder: str | os.PathLike[str],
    index: ChunkIndex,
    *,
    backend: Backend | None = None,
    is_remote: bool = False,
) -> Store:
    """A new store, in memory unless a backend is given; `folder` is for packs in the making."""
    temporary = os.path.join(folder, f"tmp-{os.urandom(4).hex()}")
    place = backend or MemoryBackend(f"memory-{os.urandom(4).hex()}")
    return open_store(place, index, temporary_folder=temporary, create=True, is_remote=is_remote)


def add_file(
    store: Store, folder: str | os.PathLike[str], data: bytes, *, jobs: int = 2, compress: bool = True
) -> Placement:
    """Store one file with its record."""
    layout = RootLayout()
    with Ingester(store, jobs=jobs, compress=compress, reporter=NullReporter()) as ingester:
        stored = list(ingester.ingest([Item(layout, None, _source(folder, "file", data))]))
        ingester.finish()
    root = stored[0].id
    assert root is not None
    placement = make_placement(store, RootData(root, "file", len(data)), runs=layout.runs.finish())
    store.add_record(placement)
    return placement


def add_directory(
    store: Store, folder: str | os.PathLike[str], files: Mapping[str, bytes], *, jobs: int = 2
) -> Placement:
    """Store a directory of ordinary files with its manifest and record."""
    layout = RootLayout()
    manifest = ManifestWriter(store)
    try:
        with Ingester(store, jobs=jobs, compress=True, reporter=NullReporter()) as ingester:
            items = (Item(layout, path, _source(folder, path, files[path])) for path in sorted(files))
            for stored in ingester.ingest(items):
                assert stored.stat is not None
                manifest.add(Entry(str(stored.token), "file", stored.stat.size, stored.id or EMPTY_ID))
            ingester.finish()
        written = manifest.finish()
    finally:
        manifest.close()
    data = RootData(written.root, "directory", written.size)
    placement = make_placement(store, data, runs=layout.runs.finish(), pages=written.page_packs)
    store.add_record(placement)
    return placement


def copy_roots(source: Store, target: Store, placements: Sequence[Placement]) -> TransferResult:
    """Copy whole roots from one store to another."""
    roots = [RootTransfer(RootData(each.root, each.kind, each.size), each, each.runs) for each in placements]
    plan = plan_transfer(source, target, roots, jobs=2)
    return run_transfer(plan, source, target, jobs=2, reporter=NullReporter())


def read_file(store: Store, placement: Placement, target: str | os.PathLike[str]) -> bytes:
    """Restore a root that is a file to `target`/file and return its bytes."""
    restore(store, placement, [FileToWrite("file", "file", placement.size, placement.root, 0)], target)
    with open(os.path.join(target, "file"), "rb") as file:
        return file.read()


def read_directory(store: Store, placement: Placement, target: str | os.PathLike[str]) -> dict[str, bytes]:
    """Restore a directory of ordinary files below `target` and return their bytes."""
    with PageReader(store, lambda: None) as pages:
        entries = list(walk_entries_with_offsets(placement.root, pages.for_root(placement.root)))
    files = [FileToWrite(entry.path, entry.kind, entry.size, entry.id, start) for start, entry in entries]
    restore(store, placement, files, target)
    found = {}
    for file in files:
        with open(os.path.join(target, file.path), "rb") as restored:
            found[file.path] = restored.read()
    return found


def restore(
    store: Store,
    placement: Placement,
    files: Sequence[FileToWrite],
    target: str | os.PathLike[str],
    *,
    jobs: int = 2,
    old_files: Mapping[str, OldFile] | None = None,
) -> list[str]:
    """Restore files of a root below `target`; returns their paths in the order in which they were done."""
    os.makedirs(target, exist_ok=True)
    with (
        WorkspaceWriter(str(target)) as writer,
        Restorer(
            store,
            placement.runs,
            writer,
            root=str(target),
            inside="",
            jobs=jobs,
            reporter=NullReporter(),
            old_files=old_files,
        ) as restorer,
    ):
        return [file.path for file, _ in restorer.restore(files)]


def _source(folder: str | os.PathLike[str], name: str, data: bytes) -> Source:
    # A name of its own, because one version may have a file where another has a folder.
    place = os.path.join(folder, f"source-{os.urandom(8).hex()}")
    with open(place, "wb") as file:
        file.write(data)
    return Source(place, name, len(data))
