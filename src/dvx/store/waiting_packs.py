"""Chunks of packs that `index.db` knows, but has no rows for yet.

Owns the table `waiting` and the making of rows for many packs at once. Rows are in the order of chunk ids, which are
random: making those of one pack touches nearly every page of the table, so with a pack of 30 000 small files at a time
a million files cost five times as much per file as a hundred thousand. Must not look chunks up.
"""

import sqlite3
import struct
from collections.abc import Sequence
from typing import Final

from dvx.core.errors import FormatError
from dvx.formats.pack import stored_index_ids

# Not part of the schema's version: a file of before has no such table, and no pack that waits.
WAITING_TABLE: Final = "CREATE TABLE IF NOT EXISTS waiting(pack INTEGER PRIMARY KEY)"
# 500 000 rows are sorted in 50 MB.
_ROWS_AT_ONCE: Final = 500_000
_PACK_BITS: Final = 40
_ADD_ROWS: Final = "INSERT OR IGNORE INTO chunks VALUES(?,?)"


def prefix(chunk_id: bytes) -> int:
    """What a chunk is looked up by: the first 8 bytes of its id as a number."""
    return int.from_bytes(chunk_id[:8], "little", signed=True)


def _prefixes(ids: bytes) -> Sequence[int]:
    """The prefix of each of many ids, one behind the other: every fourth number of 8 bytes."""
    numbers: tuple[int, ...] = struct.unpack(f"<{len(ids) // 8}q", ids)
    return numbers[::4]


def add_waiting(db: sqlite3.Connection, pack: int) -> None:
    """Note that the pack with this number has no rows yet. To be called within a transaction."""
    db.execute("INSERT OR IGNORE INTO waiting VALUES(?)", (pack,))


def index_waiting(db: sqlite3.Connection) -> None:
    """Make the rows of all packs that wait. To be called within a transaction.

    A pack whose stored index is damaged is forgotten, and read again when it is needed.
    """
    rows: list[int] = []
    for (pack,) in db.execute("SELECT pack FROM waiting").fetchall():
        rows += _rows(db, pack)
        if len(rows) >= _ROWS_AT_ONCE:
            _insert(db, rows)
            rows = []
    _insert(db, rows)
    db.execute("DELETE FROM waiting")


def _rows(db: sqlite3.Connection, pack: int) -> list[int]:
    """One number for each row, prefix and pack together, which sorts twice as fast as pairs of them."""
    found = db.execute("SELECT stored_index FROM packs WHERE pack=?", (pack,)).fetchone()
    if found is None:
        return []
    try:
        ids = stored_index_ids(found[0])
    except FormatError:
        for table in ("holds", "packs"):
            db.execute(f"DELETE FROM {table} WHERE pack=?", (pack,))  # noqa: S608
        return []
    return [number << _PACK_BITS | pack for number in _prefixes(ids)]


def _insert(db: sqlite3.Connection, rows: list[int]) -> None:
    rows.sort()
    mask = (1 << _PACK_BITS) - 1
    db.executemany(_ADD_ROWS, ((row >> _PACK_BITS, row & mask) for row in rows))
