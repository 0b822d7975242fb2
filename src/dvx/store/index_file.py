"""The SQLite file behind the chunk index: opened, made, and moved aside when it is damaged.

Owns the schema and the words for what SQLite refuses. Must not know what the rows mean.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from dvx.core.errors import Busy, DvxError, LocalDiskError
from dvx.disk.atomic import disk_errors
from dvx.store.waiting_packs import WAITING_TABLE

SCHEMA_VERSION: Final = 1
_BUSY_TIMEOUT_S: Final = 60.0
# What SQLite says of a file that is wrong: pages that contradict each other, no database, a table that is missing.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
# A disk that is full or fails: the file may be in order.
_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
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


class IndexFile:
    """One connection for all threads; other processes may use the same file at the same time."""

    def __init__(self, path: str, *, durable: bool = True) -> None:
        """Open or create the database at `path`.

        Without `durable` nothing is flushed to the disk: for an index that ends with the command.
        """
        self.path = path
        self._durable = durable
        self._lock = threading.RLock()
        with disk_errors(os.path.dirname(path), "create"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise self._busy() from error
            if error.sqlite_errorcode & 0xFF in _DISK or not os.access(os.path.dirname(self.path), os.W_OK):
                raise self._not_writable(error) from error
            return self._rebuild_from_nothing()
        except sqlite3.DatabaseError:
            return self._rebuild_from_nothing()

    def _rebuild_from_nothing(self) -> sqlite3.Connection:
        self._move_aside()
        try:
            return self._connect()
        except sqlite3.Error as error:
            raise self._not_writable(error) from error

    def _not_writable(self, error: sqlite3.Error) -> LocalDiskError:
        from dvx.core.shell_words import quote  # only a refusal suggests a command

        folder = os.path.dirname(self.path)
        return LocalDiskError(
            f"cannot write `{self.path}`: {error}",
            affected="the index of chunks; your data and the store were not changed",
            hints=[
                f"make the folder writable for this user, or free space there: `ls -ld {quote(folder)}` and "
                f"`df -h {quote(folder)}` show what is wrong"
            ],
        )

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
        db.execute("PRAGMA cache_size=-32768")
        # An empty index needs no flush of its own, which would be 30 ms in a new clone: the first one of what is
        # written into it is a flush of the whole file.
        db.execute("PRAGMA synchronous=OFF")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            self._create(db, version)
        else:
            db.execute(WAITING_TABLE)
        if self._durable:
            db.execute("PRAGMA synchronous=NORMAL")

    def _create(self, db: sqlite3.Connection, version: int) -> None:
        if version != 0:
            raise sqlite3.DatabaseError(f"schema {version}")
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in [*_SCHEMA.split(";"), WAITING_TABLE]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
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
