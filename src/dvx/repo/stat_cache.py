"""What is known of the files of one work tree: status on the disk -> content id, for each file and for whole
pages of a manifest.

Owns `stat.db` and the rule for when a row may be believed. It is a cache: anything wrong with it costs time
(files are hashed again), never data, and a damaged or foreign file is moved aside and begun anew.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

from dvx.core.ids import ID_BYTES
from dvx.disk.walk import EntryKind, WalkEntry

_VERSION: Final = 1
# The journal is TRUNCATE and not WAL, which needs shared memory and fails on network file systems. Nothing
# is synced: a power cut may lose or mix up pages, and each row is complete within its page, with the status
# it speaks for, so a row that survives is true or does not match.
_PRAGMAS: Final = (
    "PRAGMA journal_mode=TRUNCATE",
    "PRAGMA synchronous=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
)
_SCHEMA: Final = (
    "CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,"
    " inode INTEGER, kind INTEGER, id BLOB) WITHOUT ROWID",
    "CREATE TABLE roots (path TEXT PRIMARY KEY, root BLOB) WITHOUT ROWID",
    f"PRAGMA user_version={_VERSION}",
)
# Not part of the version: a file of before has no such table, and one that is lost costs time only.
_MARKS: Final = (
    "CREATE TABLE IF NOT EXISTS marks"
    " (path TEXT, page BLOB, mark BLOB, PRIMARY KEY (path, page)) WITHOUT ROWID"
)
_RANGE: Final = (
    "SELECT path, size, mtime_ns, ctime_ns, inode, kind, id FROM files"
    " WHERE path >= ? AND path < ? ORDER BY path LIMIT ?"
)
_KINDS: Final[tuple[EntryKind, ...]] = ("file", "executable", "symlink", "directory")
_LOCK_WAIT_S: Final = 30.0
# Kernels stamp files with the time of the last tick: 10 ms apart on Linux at HZ=100, 15.6 ms on Windows. File
# systems that keep whole seconds (ext3, HFS+, NFSv2) or two (FAT) show it in the stamp.
_TICK_NS: Final = 20_000_000
# A page that is dirty may be written through a memory map without a new time until the kernel has written it out:
# 30 s after it became dirty, looked at every 5 s; and some time for a disk that is busy.
_DIRTY_NS: Final = 45_000_000_000
_SECOND_NS: Final = 1_000_000_000
# SQLite integers have 64 bits with a sign, inodes 64 without.
_INODE_MASK: Final = 2**63 - 1

_REFUSALS: Final = frozenset(
    {
        sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)  # fmt: skip

_T = TypeVar("_T")


class StatRow(NamedTuple):
    """The status that a file had when its content had this id. Sizes in bytes, times in ns, id 32 bytes.

    `may_be_dirty`: it was read so soon after it was written that a program which has it mapped may have written to it
    later without a trace. Whoever replaces or removes such a file hashes it again.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    kind: EntryKind
    id: bytes
    may_be_dirty: bool = False


def row_matches(row: StatRow, entry: WalkEntry) -> bool:
    """Tell whether the file is still as it was, so that `row.id` is its content."""
    return (
        row.mtime_ns == entry.mtime_ns
        and row.size == entry.size
        and row.ctime_ns == entry.ctime_ns
        and (row.inode ^ entry.inode) & _INODE_MASK == 0
        and row.kind == entry.kind
    )


def is_racy(row: StatRow, observed_ns: int) -> bool:
    """Tell whether the file could change after `observed_ns` and keep the status in `row`.

    Git's rule: a file written within one tick of the clock before it was looked at may be written again in
    the same tick. Two seconds count for stamps of whole seconds. A stamp in the future is always racy.
    """
    return _is_recent(row.mtime_ns, observed_ns) or _is_recent(row.ctime_ns, observed_ns)


def _is_recent(stamp_ns: int, observed_ns: int) -> bool:
    margin = 2 * _SECOND_NS if stamp_ns % _SECOND_NS == 0 else _TICK_NS
    return stamp_ns >= observed_ns - margin


class StatCache:
    """Rows by path, relative to the root of the repository, with `/`. Use it from the thread that opened it.

    A context manager. Where the file cannot be written (a read-only checkout, a full disk), it works in
    memory or keeps the rows it has, without an error.
    """

    def __init__(
        self, path: str, connection: sqlite3.Connection, on_move: Callable[[], None] | None = None
    ) -> None:
        self._path = path
        self._connection = connection
        self._on_move = on_move

    @classmethod
    def open(cls, path: str, *, on_move: Callable[[], None] | None = None) -> Self:
        """Open the cache at `path`, making it and its folder where they are missing.

        `on_move` is called before the root of any path becomes another one, or is forgotten.
        """
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        return cls(path, _connect(path), on_move)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def lookup(self, path: str) -> StatRow | None:
        """Return the row of one path."""
        return self.lookup_range(path, path + "\0", limit=1).get(path)

    def lookup_range(self, start: str, end: str, *, limit: int) -> dict[str, StatRow]:
        """Return the first `limit` rows from `start` on, before `end`, by path in path order.

        Reads no more than these rows, and holds no lock afterwards.
        """
        return self._read(lambda: self._rows(start, end, limit))

    def store(
        self, rows: Iterable[tuple[str, StatRow]], *, observed_ns: int, is_written: bool = False
    ) -> None:
        """Remember rows, in one transaction.

        `observed_ns` (since 1970, as time.time_ns) is a moment before the first of these contents was read,
        or the present for files that dvx itself has just written, which `is_written` says. Rows that are racy at
        that moment are not kept, and what was known of their paths is forgotten.
        """

        def write() -> None:
            racy: list[tuple[str]] = []
            columns = _columns(rows, observed_ns, racy, is_written=is_written)
            self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", columns)
            self._connection.executemany("DELETE FROM files WHERE path = ?", racy)

        self._write(write)

    def forget(self, prefix: str) -> None:
        """Forget `prefix` and everything below it, its root and marks too; "" forgets everything."""

        def write() -> None:
            for table in ("files", "roots", "marks"):
                self._connection.execute(
                    f"DELETE FROM {table} WHERE ?1 = '' OR path = ?1"  # noqa: S608 - a name from above
                    " OR (path > ?1 || '/' AND path < ?1 || '0')",
                    (prefix,),
                )

        self._moving()
        self._write(write)

    def set_root(self, path: str, root: bytes) -> None:
        """Remember that the data at `path` was last checked out, or added, as `root`."""
        if self.get_root(path) == root:
            return
        self._moving()
        self._write(
            lambda: self._connection.execute("INSERT OR REPLACE INTO roots VALUES (?, ?)", (path, root))
        )

    def forget_root(self, path: str) -> None:
        """Forget what `set_root` said of `path`, and nothing else."""
        if self.get_root(path) is not None:
            self._moving()
            self._write(lambda: self._connection.execute("DELETE FROM roots WHERE path = ?", (path,)))

    def get_root(self, path: str) -> bytes | None:
        """Return what `set_root` last said of `path`."""
        row = self._read(
            lambda: self._connection.execute("SELECT root FROM roots WHERE path = ?", (path,)).fetchone()
        )
        root = row[0] if row else None
        return root if isinstance(root, bytes) and len(root) == ID_BYTES else None

    def marks(self, path: str) -> dict[bytes, bytes]:
        """What `change_marks` noted of the directory `path`: id of a page -> its mark."""
        return self._read(
            lambda: dict(self._connection.execute("SELECT page, mark FROM marks WHERE path = ?", (path,)))
        )

    def change_marks(self, path: str, marks: Mapping[bytes, bytes], *, drop: Iterable[bytes] = ()) -> None:
        """Note marks of pages of the directory `path`, and forget those of `drop`; see dvx.ops.page_marks."""

        def write() -> None:
            self._connection.executemany(
                "DELETE FROM marks WHERE path = ? AND page = ?", ((path, page) for page in drop)
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)",
                ((path, page, mark) for page, mark in marks.items()),
            )

        self._write(write)

    def roots(self) -> dict[str, bytes]:
        """Return what `set_root` last said of every path."""
        rows = self._read(lambda: self._connection.execute("SELECT path, root FROM roots").fetchall())
        return {path: root for path, root in rows if isinstance(root, bytes) and len(root) == ID_BYTES}

    def _moving(self) -> None:
        if self._on_move is not None:
            self._on_move()

    def _rows(self, start: str, end: str, limit: int) -> dict[str, StatRow]:
        # Straight to tuple.__new__: StatRow(...) would double the time for a million rows.
        new, kinds, row = tuple.__new__, _KINDS, StatRow
        found = self._connection.execute(_RANGE, (start, end, limit))
        return {
            path: new(row, (size, mtime_ns, ctime_ns, inode, kinds[kind % 4], content_id, kind >= 4))
            for path, size, mtime_ns, ctime_ns, inode, kind, content_id in found
        }

    def _read(self, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except (sqlite3.Error, TypeError, IndexError) as error:
            self._begin_anew(is_damaged=_is_damage(error))  # the answer is that nothing is known
            return ask()

    def _write(self, change: Callable[[], object]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            change()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            # A full or read-only disk, or a lock that is held for long: the old rows stay true.
            if _is_damage(error):
                self._begin_anew(is_damaged=True)
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _begin_anew(self, *, is_damaged: bool) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()
        if is_damaged:
            _move_aside(self._path)
        self._connection = _connect(self._path) if is_damaged else _in_memory()


def _columns(
    rows: Iterable[tuple[str, StatRow]], observed_ns: int, racy: list[tuple[str]], *, is_written: bool
) -> Iterator[tuple[str, int, int, int, int, int, bytes]]:
    """Turn rows into columns; the paths of racy ones go to `racy` instead."""
    numbers = {kind: number for number, kind in enumerate(_KINDS)}
    for path, row in rows:
        if is_racy(row, observed_ns):
            racy.append((path,))
        else:
            size, mtime_ns, ctime_ns, inode, kind, content_id, _ = row
            # The number of a kind says by 4 more that pages may have been dirty.
            number = numbers[kind] + (0 if is_written or mtime_ns < observed_ns - _DIRTY_NS else 4)
            yield path, size, mtime_ns, ctime_ns, inode & _INODE_MASK, number, content_id


def _connect(path: str) -> sqlite3.Connection:
    """Open `path`, moving a file that is damaged or of another version aside; memory where nothing works."""
    for _ in range(2):
        try:
            connection = _open(path)
        except sqlite3.Error as error:
            if not _is_damage(error):
                break
        else:
            if connection is not None:
                return connection
        _move_aside(path)
    return _in_memory()


def _in_memory() -> sqlite3.Connection:
    connection = _open(":memory:")
    assert connection is not None
    return connection


def _open(path: str) -> sqlite3.Connection | None:
    connection = sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None)
    try:
        if _prepare(connection):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _is_damage(error: Exception) -> bool:
    """Tell a file that is wrong from a place that refuses (locked, read-only, full, unreadable)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF not in _REFUSALS


def _prepare(connection: sqlite3.Connection) -> bool:
    """Make the tables in a new file; False for a file of another version."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    if _version(connection) == _VERSION:
        connection.execute(_MARKS)  # writes only where there is none
        return True
    connection.execute("BEGIN IMMEDIATE")  # two commands may begin the same file
    version = _version(connection)
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if version == 0 and is_empty:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(_MARKS)
    connection.execute("COMMIT")
    return _version(connection) == _VERSION


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _move_aside(path: str) -> None:
    """Rename a bad file to `<path>.bad`, over an earlier one; its journal would be played into a new file."""
    with suppress(OSError):
        os.replace(path, path + ".bad")
    with suppress(OSError):
        os.unlink(path + "-journal")
