"""Which functions make up which stage of a dvx command.

Owns this table only; tests/unit/scripts/test_bench_profile.py asserts that every name in it exists. A function
belongs here if it is called at most once for a chunk or a file and does one kind of work itself; what it calls
may be in the table too and then counts for its own stage.
"""

from typing import Final, NamedTuple


class Place(NamedTuple):
    """A function or method: the module it is defined in, and its name there."""

    module: str
    name: str


# The order in which stages are printed.
STAGES: Final[dict[str, tuple[Place, ...]]] = {
    "walk": (
        Place("dvx.disk.walk", "_list_folder"),
        Place("dvx.disk.walk", "walk_tree"),
    ),
    "read": (
        Place("os", "read"),
        Place("os", "pread"),
        Place("dvx.disk.reading", "open_source"),
        Place("dvx.disk.reading", "read_stat"),
        Place("dvx.disk.reading", "hash_file"),
        Place("dvx.store.ingest_work", "_read_whole"),
        Place("dvx.store.large_file", "LargeFile.read_segment"),
        Place("dvx.store.pack_writer", "read_pack_index"),
        Place("dvx.backends.open_files", "open_regular"),
        Place("dvx.backends.open_files", "read_at"),
    ),
    "cut": (Place("dvx.chunking.cutter", "Cutter.cut"),),
    "hash": (
        Place("dvx.core.ids", "hash_bytes"),
        Place("dvx.core.ids", "Hasher"),
    ),
    "compress": (
        Place("dvx.chunking.encoder", "Encoder.encode"),
        Place("dvx.chunking.encoder", "Encoder.encode_all"),
        Place("dvx.chunking.encoder", "encode_small"),
    ),
    "decompress": (Place("dvx.chunking.codecs", "decode"),),
    "write": (
        Place("os", "write"),
        Place("os", "pwrite"),
        Place("os", "replace"),
        Place("os", "link"),
        Place("dvx.disk.atomic", "write_atomic"),
        Place("dvx.disk.links", "copy_file"),
        Place("dvx.disk.links", "copy_content"),
        Place("dvx.disk.safe_writes", "WorkspaceWriter.write_files"),
        Place("dvx.disk.safe_writes", "WorkspaceWriter.make_symlink"),
        Place("dvx.disk.safe_writes", "WorkspaceWriter.create_temporary"),
        Place("dvx.disk.safe_writes", "WorkspaceWriter.commit"),
        Place("dvx.disk.safe_writes", "WorkspaceWriter.remove"),
        Place("dvx.store.pack_writer", "PackWriter.append_all"),
        Place("dvx.store.pack_writer", "PackWriter.flush"),
        Place("dvx.store.pack_writer", "PackWriter._write"),
        Place("dvx.backends.folder_writes", "FolderWriter.write"),
        Place("dvx.backends.folder_writes", "FolderWriter.copy"),
        Place("dvx.backends.folder_writes", "FolderWriter.move"),
    ),
    "fsync": (
        Place("os", "fsync"),
        Place("dvx.disk.atomic", "fsync_file"),
        Place("dvx.disk.atomic", "fsync_folder"),
    ),
    "index": (
        Place("dvx.store.index", "ChunkIndex._open"),
        Place("dvx.store.index", "ChunkIndex._read"),
        Place("dvx.store.index", "ChunkIndex.add_pack"),
        Place("dvx.store.index", "ChunkIndex.add_hold"),
        Place("dvx.store.index", "ChunkIndex.cache_record"),
        Place("dvx.store.index", "ChunkIndex.find_chunks"),
        Place("dvx.store.index", "ChunkIndex.pack_index"),
        Place("dvx.store.index", "ChunkIndex.close"),
        Place("dvx.repo.stat_cache", "StatCache.open"),
        Place("dvx.repo.stat_cache", "StatCache.lookup"),
        Place("dvx.repo.stat_cache", "StatCache.lookup_range"),
        Place("dvx.repo.stat_cache", "StatCache.store"),
        Place("dvx.repo.stat_cache", "StatCache.set_root"),
        Place("dvx.repo.stat_cache", "StatCache.close"),
    ),
    "Git": (
        Place("subprocess", "run"),
        Place("dvx.repo.git", "Git.run"),
        Place("dvx.repo.git", "Git._attempt"),
        Place("dvx.repo.history", "History._ask"),
        Place("dvx.repo.history", "History._read"),
    ),
    "network": (
        Place("dvx.backends.s3", "S3Backend.__init__"),
        Place("dvx.backends.s3", "S3Backend.put"),
        Place("dvx.backends.s3", "S3Backend.put_file"),
        Place("dvx.backends.s3", "S3Backend.get"),
        Place("dvx.backends.s3", "S3Backend.get_range"),
        Place("dvx.backends.s3", "S3Backend.get_tail"),
        Place("dvx.backends.s3", "S3Backend.download"),
        Place("dvx.backends.s3", "S3Backend.stat"),
        Place("dvx.backends.s3", "S3Backend.list"),
    ),
    # Time in which a thread waits for another one; nothing is done in it.
    "wait": (Place("threading", "Condition.wait"),),
    # What a worker does that belongs to no other stage. The main thread's share is added at the end.
    "other": (Place("concurrent.futures.thread", "_WorkItem.run"),),
}
IMPORT: Final = "import"
# Git reads pipes and the network reads files with functions of this table; an import of either waits for nothing.
WHOLE: Final = frozenset({"Git", "network", IMPORT})
EXTERNAL_MODULES: Final = frozenset({"os", "subprocess", "threading", "concurrent.futures.thread"})
