"""The chunk index of one repository: which pack holds a chunk, and which store holds a pack.

Owns the SQLite file `index.db`. It is a cache: everything in it can be read again from packs and records, so
a damaged or missing file costs time, never data. Must not read packs itself; callers bring parsed indexes.

Chunks are keyed by the first 8 bytes of their id, so a row takes about 20 bytes; every hit is checked against
the full id in the pack's own index, hence a collision (or a damaged row) can only cost a miss.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from dvx.core.errors import Busy, DvxError, FormatError, LocalDiskError
from dvx.formats.pack import PackEntry, PackIndex, format_stored_index, parse_stored_index
from dvx.store.pack_cache import PackIndexCache

SCHEMA_VERSION: Final = 1
# SQLite accepts at most 32 766 bound values; 500 keeps one statement small and its plan cached.
_IDS_PER_QUERY: Final = 500
_BUSY_TIMEOUT_S: Final = 60.0
# What SQLite says of a file that is wrong: pages that contradict each other, no database, a table that is missing.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_SCHEMA = """
CREATE TABLE packs(
  pack INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, kind INTEGER NOT NULL,
  stored_index BLOB NOT NULL, digest BLOB);
CREATE TABLE chunks(prefix INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY(prefix, pack)) WITHOUT ROWID;
CREATE TABLE stores(store INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);
CREATE TABLE places(location TEXT PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE holds(
  store INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY(store, pack)) WITHOUT ROWID;
CREATE TABLE burned(store INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY(store, name)) WITHOUT ROWID;
CREATE TABLE records(
  store INTEGER NOT NULL, root BLOB NOT NULL, name BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(store, root, name)) WITHOUT ROWID;
"""


class Location(NamedTuple):
    """Where a chunk is: the 16-byte name of a pack and the chunk's entry in the index of that pack."""

    pack: bytes
    entry: PackEntry


def _prefix(chunk_id: bytes) -> int:
    return int.from_bytes(chunk_id[:8], "little", signed=True)


class ChunkIndex:
    """Thread-safe access to `index.db`; other processes may use the same file at the same time."""

    def __init__(self, path: str, *, durable: bool = True) -> None:
        """Open or create the database at `path`. `is_new` tells whether it was (re)created just now.

        Without `durable` nothing is flushed to the disk: for an index that ends with the command.
        """
        self.path = path
        self._durable = durable
        self._lock = threading.RLock()
        self._cache = PackIndexCache()
        self.is_new = False
        self._stores: dict[bytes, int] = {}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise self._busy() from error
            if not os.access(os.path.dirname(self.path), os.W_OK):
                raise LocalDiskError(
                    f"cannot write `{self.path}`: {error}",
                    affected="the index of chunks; your data and the store were not changed",
                    hints=["make the Git directory writable for this user"],
                ) from error
            return self._rebuild_from_nothing()
        except sqlite3.DatabaseError:
            return self._rebuild_from_nothing()

    def _rebuild_from_nothing(self) -> sqlite3.Connection:
        self._move_aside()
        return self._connect()

    def _move_aside(self) -> None:
        with suppress(FileNotFoundError):
            os.replace(self.path, self.path + ".damaged")
        with suppress(FileNotFoundError):
            os.unlink(self.path + "-journal")  # it would be played into the new file

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        # A rollback journal rather than WAL: the file may be on a network file system, where WAL corrupts.
        db.execute("PRAGMA journal_mode=TRUNCATE")
        db.execute(f"PRAGMA synchronous={'NORMAL' if self._durable else 'OFF'}")
        db.execute("PRAGMA cache_size=-32768")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            self._create(db, version)

    def _create(self, db: sqlite3.Connection, version: int) -> None:
        if version != 0:
            raise sqlite3.DatabaseError(f"schema {version}")
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self.is_new = True
        db.execute("COMMIT")

    def _busy(self) -> Busy:
        return Busy(
            f"another dvx command is writing `{self.path}`",
            affected="nothing was changed",
            hints=["wait for it to end, then run the command again"],
        )

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise self._explain(error) from error
                raise

    def _read(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> DvxError:
        """The error for what SQLite refuses; a damaged file is moved aside, so that the next command begins anew."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            return self._busy()
        # A use after `close`, by a thread that an interrupted command left behind, is no damage.
        if code in _DAMAGE and not isinstance(error, sqlite3.ProgrammingError):
            self._move_aside()
            return LocalDiskError(
                f"`{self.path}` is damaged: {error}",
                affected="the index of chunks, which was moved aside; the store itself is intact",
                hints=["run the command again: it builds the index anew"],
                kind="index-damaged",
            )
        return LocalDiskError(
            f"cannot use `{self.path}`: {error}",
            affected="the index of chunks; the store itself is intact",
            hints=["free some disk space, then run the command again"],
        )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

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
        rows = sorted((_prefix(entry.id), pack) for entry in index.entries)
        db.executemany("INSERT OR IGNORE INTO chunks VALUES(?,?)", rows)
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

    def _forget_pack(self, name: bytes) -> None:
        """Drop a damaged row and what refers to it; the pack is read again when it is needed."""
        with self._write() as db:
            for table in ("chunks", "holds", "packs"):
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
        for start in range(0, len(ids), _IDS_PER_QUERY):
            batch = ids[start : start + _IDS_PER_QUERY]
            by_prefix = {_prefix(chunk_id): chunk_id for chunk_id in batch}
            for prefix, name in self._find_prefixes(store_id, list(by_prefix)):
                chunk_id = by_prefix[prefix]
                if chunk_id not in found:
                    self._check_hit(found, chunk_id, name)
        return found

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
