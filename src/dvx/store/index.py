"""The chunk index of one repository: which pack holds a chunk, and which store holds a pack.

Owns the rows of the SQLite file `index.db` (dvx.store.index_file). It is a cache: everything in it can be read again
from packs and records, so a damaged or missing file costs time, never data. Must not read packs itself; callers bring
parsed indexes. Packs become known at once; their chunks get rows later (dvx.store.waiting_packs).

Chunks are keyed by the first 8 bytes of their id, so a row takes about 20 bytes; every hit is checked against
the full id in the pack's own index, hence a collision (or a damaged row) can only cost a miss.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from dvx.core.errors import FormatError
from dvx.formats.pack import (
    INDEX_ENTRY_BYTES,
    PackEntry,
    PackIndex,
    format_stored_index,
    parse_stored_index,
    stored_index_size,
)
from dvx.store.index_file import IndexFile
from dvx.store.pack_cache import MAX_ENTRIES, PackIndexCache
from dvx.store.waiting_packs import add_waiting, index_waiting, prefix

# SQLite accepts at most 32 766 bound values; 500 keeps one statement small and its plan cached.
_IDS_PER_QUERY: Final = 500
# Packs that are searched one by one before they get rows: a microsecond for a chunk that is in none of them.
_SEARCHED_PACKS: Final = 6
_SEARCHED_CHUNKS: Final = MAX_ENTRIES * 3 // 4  # with their tables they stay in memory


class Location(NamedTuple):
    """Where a chunk is: the 16-byte name of a pack and the chunk's entry in the index of that pack."""

    pack: bytes
    entry: PackEntry


class ChunkIndex(IndexFile):
    """Thread-safe access to `index.db`."""

    def __init__(self, path: str, *, durable: bool = True) -> None:
        """Open or create the database; see IndexFile."""
        self._cache = PackIndexCache()
        self._stores: dict[bytes, int] = {}
        super().__init__(path, durable=durable)

    # Stores

    def _store_number(self, store_id: bytes) -> int:
        number = self._stores.get(store_id)
        if number is None:
            query = "SELECT store FROM stores WHERE id=?"
            rows = self._read(query, (store_id,))
            if not rows:
                with self._write() as db:
                    db.execute("INSERT OR IGNORE INTO stores(id) VALUES(?)", (store_id,))
                rows = self._read(query, (store_id,))
            number = self._stores[store_id] = int(rows[0][0])
        return number

    def known_store(self, location: str) -> bytes | None:
        """The id of the store that was last found at a place, or None."""
        rows = self._read("SELECT id FROM places WHERE location=?", (location,))
        return rows[0][0] if rows else None

    def has_learnt(self, store_id: bytes) -> bool:
        """Whether packs of the store are known here, and no learning of them was cut off (dvx.store.learning)."""
        query = "SELECT 1 FROM stores WHERE id=? AND NOT EXISTS (SELECT 1 FROM places WHERE location=?)"
        return bool(self._read(query, (store_id, _learning_mark(store_id))))

    def mark_learning(self, store_id: bytes, *, is_done: bool) -> None:
        """Note that the packs of a store are being learnt, or that they are."""
        self.know_store(_learning_mark(store_id), None if is_done else store_id)

    def know_store(self, location: str, store_id: bytes | None) -> None:
        """Remember which store is at a place; None forgets it."""
        with self._write() as db:
            if store_id is None:
                db.execute("DELETE FROM places WHERE location=?", (location,))
            else:
                db.execute("INSERT OR REPLACE INTO places VALUES(?,?)", (location, store_id))

    # Packs

    def add_pack(
        self, store_id: bytes, name: bytes, index: PackIndex, *, digest: bytes | None = None
    ) -> None:
        """Record that the store holds the pack `name` with this index, and where its chunks are.

        `digest` is the BLAKE3 of the whole pack file when the caller computed it from verified bytes.
        """
        with self._lock:
            store = self._store_number(store_id)
            with self._write() as db:
                row = db.execute("SELECT pack FROM packs WHERE name=?", (name,)).fetchone()
                pack = row[0] if row else self._insert_pack(db, name, index)
                if digest is not None:
                    db.execute("UPDATE packs SET digest=? WHERE pack=?", (digest, pack))
                db.execute("INSERT OR IGNORE INTO holds VALUES(?,?)", (store, pack))
            self._cache.put(name, index)

    def _insert_pack(self, db: sqlite3.Connection, name: bytes, index: PackIndex) -> int:
        cursor = db.execute(
            "INSERT INTO packs(name, size, kind, stored_index) VALUES(?,?,?,?)",
            (name, index.size, index.header.kind, format_stored_index(index)),
        )
        pack = cursor.lastrowid
        assert pack is not None
        add_waiting(db, pack)
        return pack

    def add_hold(self, store_id: bytes, names: Iterable[bytes]) -> None:
        """Record that the store holds packs whose indexes are already known here."""
        with self._lock:
            store = self._store_number(store_id)
            with self._write() as db:
                db.executemany(
                    "INSERT OR IGNORE INTO holds SELECT ?, pack FROM packs WHERE name=?",
                    [(store, name) for name in names],
                )

    def drop_hold(self, store_id: bytes, names: Iterable[bytes]) -> None:
        """Record that packs were found missing from a store; their names are never used there again."""
        with self._lock:
            store = self._store_number(store_id)
            rows = [(store, name) for name in names]
            with self._write() as db:
                db.executemany(
                    "DELETE FROM holds WHERE store=? AND pack=(SELECT pack FROM packs WHERE name=?)", rows
                )
                db.executemany("INSERT OR IGNORE INTO burned VALUES(?,?)", rows)

    def is_burned(self, store_id: bytes, name: bytes) -> bool:
        """Whether a pack of this name once was in the store and went missing."""
        with self._lock:
            query = "SELECT 1 FROM burned WHERE store=? AND name=?"
            return bool(self._read(query, (self._store_number(store_id), name)))

    def held_packs(self, store_id: bytes, names: Iterable[bytes]) -> set[bytes]:
        """The packs among `names` that the store is known to hold."""
        query = "SELECT 1 FROM holds JOIN packs USING(pack) WHERE store=? AND name=?"
        with self._lock:
            store = self._store_number(store_id)
            return {name for name in names if self._read(query, (store, name))}

    def is_held(self, name: bytes) -> bool:
        """Whether any store is known to hold a pack."""
        return bool(self._read("SELECT 1 FROM holds JOIN packs USING(pack) WHERE name=? LIMIT 1", (name,)))

    def holds_any(self, store_id: bytes) -> bool:
        """Whether the store is known to hold anything at all."""
        with self._lock:
            store = self._store_number(store_id)
            return bool(self._read("SELECT 1 FROM holds WHERE store=? LIMIT 1", (store,)))

    def pack_index(self, name: bytes) -> PackIndex | None:
        """The parsed index of a known pack, or None."""
        cached = self._cache.get(name)
        if cached is not None:
            return cached
        rows = self._read("SELECT stored_index FROM packs WHERE name=?", (name,))
        if not rows:
            return None
        try:
            index = parse_stored_index(rows[0][0])
        except FormatError:
            self._forget_pack(name)
            return None
        self._cache.put(name, index)
        return index

    def pack_size(self, name: bytes) -> int | None:
        """The size in bytes of a known pack, or None.

        Needs no parsed index: a root of more chunks than are remembered has each of its packs parsed anew every time.
        """
        cached = self._cache.get(name)
        if cached is not None:
            return cached.size
        rows = self._read("SELECT stored_index FROM packs WHERE name=?", (name,))
        if not rows:
            return None
        try:
            return stored_index_size(rows[0][0])
        except FormatError:
            self._forget_pack(name)
            return None

    def _forget_pack(self, name: bytes) -> None:
        """Drop a damaged row and what refers to it; the pack is read again when it is needed."""
        with self._write() as db:
            for table in ("chunks", "waiting", "holds", "packs"):
                query = f"DELETE FROM {table} WHERE pack=(SELECT pack FROM packs WHERE name=?)"  # noqa: S608
                db.execute(query, (name,))

    def pack_digest(self, name: bytes) -> bytes | None:
        """BLAKE3 of the whole pack file as it was when its bytes were verified, or None if not recorded."""
        rows = self._read("SELECT digest FROM packs WHERE name=?", (name,))
        return rows[0][0] if rows else None

    # Chunks

    def find_chunks(self, store_id: bytes, ids: Sequence[bytes]) -> dict[bytes, Location]:
        """Where the store holds each of these chunks; chunks that it lacks are left out."""
        found: dict[bytes, Location] = {}
        if not self.holds_any(store_id):
            return found  # a first push or a first fetch: nothing to look up, however many chunks there are
        self._find_indexed(store_id, ids, found)
        missing = [chunk_id for chunk_id in ids if chunk_id not in found]
        if missing and (waiting := self._waiting_packs()):
            if self._is_quick_to_search(waiting):
                self._search_packs(self.held_packs(store_id, waiting), missing, found)
            else:
                with self._write() as db:
                    index_waiting(db)
                self._find_indexed(store_id, missing, found)
        return found

    def _search_packs(
        self, names: Iterable[bytes], ids: Sequence[bytes], found: dict[bytes, Location]
    ) -> None:
        wanted = set(ids)
        for name in names:
            index = self.pack_index(name)
            found.update(
                (entry.id, Location(name, entry)) for entry in (index.find_all(wanted) if index else ())
            )

    def _waiting_packs(self) -> dict[bytes, int]:
        """The packs without rows, and how many chunks each has."""
        query = f"SELECT name, length(stored_index) / {INDEX_ENTRY_BYTES} FROM waiting JOIN packs USING(pack)"  # noqa: S608
        return dict(self._read(query, ()))

    def _is_quick_to_search(self, waiting: dict[bytes, int]) -> bool:
        """Whether looking into these packs one by one costs less than making rows for them."""
        if len(waiting) > _SEARCHED_PACKS or sum(waiting.values()) > _SEARCHED_CHUNKS:
            return False
        return all(self._cache.get(name) is not None for name in waiting)

    def _find_indexed(self, store_id: bytes, ids: Sequence[bytes], found: dict[bytes, Location]) -> None:
        for start in range(0, len(ids), _IDS_PER_QUERY):
            batch = ids[start : start + _IDS_PER_QUERY]
            by_prefix = {prefix(chunk_id): chunk_id for chunk_id in batch}
            for number, name in self._find_prefixes(store_id, list(by_prefix)):
                chunk_id = by_prefix[number]
                if chunk_id not in found:
                    self._check_hit(found, chunk_id, name)

    def _find_prefixes(self, store_id: bytes, prefixes: list[int]) -> list[tuple[int, bytes]]:
        marks = ",".join("?" * len(prefixes))
        query = (
            "SELECT c.prefix, p.name FROM chunks c JOIN holds h ON h.store=? AND h.pack=c.pack "  # noqa: S608
            f"JOIN packs p ON p.pack=c.pack WHERE c.prefix IN ({marks}) ORDER BY c.prefix, c.pack"
        )
        with self._lock:
            return self._read(query, (self._store_number(store_id), *prefixes))

    def _check_hit(self, found: dict[bytes, Location], chunk_id: bytes, name: bytes) -> None:
        index = self.pack_index(name)
        entry = index.find(chunk_id) if index else None
        if entry is not None:
            found[chunk_id] = Location(name, entry)

    # Records (immutable objects of remotes, kept to save a request)

    def cached_records(self, store_id: bytes, roots: Sequence[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield root, name and bytes of every placement record of these roots that was read before."""
        for start in range(0, len(roots), _IDS_PER_QUERY):
            batch = roots[start : start + _IDS_PER_QUERY]
            marks = ",".join("?" * len(batch))
            query = f"SELECT root, name, body FROM records WHERE store=? AND root IN ({marks})"  # noqa: S608
            with self._lock:
                rows = self._read(query, (self._store_number(store_id), *batch))
            yield from rows

    def cache_record(self, store_id: bytes, root: bytes, name: bytes, body: bytes) -> None:
        """Remember the bytes of a placement record."""
        with self._lock:
            store = self._store_number(store_id)
            with self._write() as db:
                db.execute("INSERT OR REPLACE INTO records VALUES(?,?,?,?)", (store, root, name, body))

    def knows_record(self, root: bytes) -> bool:
        """Whether a placement record of this root was ever read from, or written to, any remote."""
        query = "SELECT 1 FROM stores s JOIN records r ON r.store=s.store WHERE r.root=? LIMIT 1"
        return bool(self._read(query, (root,)))

    def forget_records(self, store_id: bytes, roots: Iterable[bytes]) -> bool:
        """Forget the placement records of some roots; tells whether there were any."""
        with self._lock:
            store = self._store_number(store_id)
            with self._write() as db:
                before = db.total_changes
                db.executemany("DELETE FROM records WHERE store=? AND root=?", [(store, r) for r in roots])
                return db.total_changes > before


def _learning_mark(store_id: bytes) -> str:
    """A place that no store can have, beside those that `places` has: files of older versions have no other table."""
    return f"learning:{store_id.hex()}"
