"""The rows of `dvx log`: one for each pointer that a commit changed, with what the pointer says.

Owns what a name means in a row. Must not know how a table looks.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Final

from dvx.core.errors import DvxError
from dvx.core.ids import format_id, short_git_id
from dvx.formats.expressions import Expression
from dvx.formats.metadata import Value, flatten
from dvx.formats.pointer import Pointer
from dvx.repo.pointer_history import HistoryCommit, HistorySelection, PointerChange, PointerHistory
from dvx.repo.pointer_paths import pointer_path_of

# In this order a name without its kind is looked for.
KINDS: Final = ("params", "metrics", "meta")
_FLAT: Final = frozenset({bool, int, float, str})
# Answers kept, as in the reader of the pointers: tables that are shared are shared by neighbours.
_KEPT: Final = 4096
_EMPTY: Final[Mapping[str, object]] = {}


# What a pointer says, a table for each of KINDS, by name with dots.
Tables = tuple[Mapping[str, Value], Mapping[str, Value], Mapping[str, Value]]
NO_TABLES: Final[Tables] = ({}, {}, {})


@dataclass(frozen=True, slots=True)
class LogRow:
    """A pointer that a commit changed. `pointer` is None where it was removed, or cannot be read."""

    commit: HistoryCommit
    change: PointerChange
    pointer: Pointer | None
    tables: Tables = NO_TABLES

    def find(self, name: str) -> object:
        """The value of a fact (`size`, `author`, ...), a full name, or a name without its kind, as `finder` finds it.

        Raises KeyError where this row has none.
        """
        value = finder(name)(self)
        if value is None:
            raise KeyError(name)
        return value

    def value(self, name: str) -> Value | None:
        """What the pointer says under this full name, such as `params.train.lr`; None where it does not."""
        kind, _, inner = name.partition(".")
        return self.tables[KINDS.index(kind)].get(inner)


@dataclass(frozen=True, slots=True)
class ExperimentLog:
    """Rows, newest first or as sorted; `unreadable` says why versions (`COMMIT:POINTER`) are no pointers.

    `missing` are the names that were looked for, and that no row looked at has.
    """

    rows: tuple[LogRow, ...]
    unreadable: Mapping[str, DvxError] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@lru_cache(1024)  # rows of one commit follow each other, and strftime takes 4 microseconds
def iso_time(time_s: int) -> str:
    """A moment as `2026-01-31T12:00:00Z`; beyond the year 9999 the seconds since 1970."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(time_s)


FACTS: Final[Mapping[str, Callable[[LogRow], object]]] = {
    "commit": lambda row: row.commit.id,
    "date": lambda row: iso_time(row.commit.time_s),
    "author": lambda row: row.commit.author,
    "tags": lambda row: list(row.commit.tags),
    "branches": lambda row: list(row.commit.branches),
    "subject": lambda row: row.commit.subject,
    "path": lambda row: row.change.path,
    "change": lambda row: row.change.kind.value,
    "kind": lambda row: row.pointer.kind if row.pointer else None,
    "id": lambda row: format_id(row.pointer.id) if row.pointer else None,
    "size": lambda row: row.pointer.size if row.pointer else None,
    "files": lambda row: (1 if row.pointer.files is None else row.pointer.files) if row.pointer else None,
}


@lru_cache(256)
def finder(name: str) -> Callable[[LogRow], object]:
    """What finds the value that `name` has in a row, None for none: made once, for many rows.

    Facts come first, then the full name, then parameters, metrics and labels.
    """
    if name in FACTS:
        return FACTS[name]
    kind, _, inner = name.partition(".")
    places = [(KINDS.index(kind), inner)] if kind in KINDS else []
    places += [(place, name) for place in range(len(KINDS))]

    def find(row: LogRow) -> object:
        for place, key in places:
            value = row.tables[place].get(key)
            if value is not None:
                return value
        return None

    return find


def read_log(
    history: PointerHistory, selection: HistorySelection, *, where: Expression | None = None
) -> ExperimentLog:
    """Return the rows of the selected commits, newest first, by path within a commit.

    With `where`, the limit of the selection counts rows that match, not commits that are looked at; no commit behind
    the last of them is read.
    """
    missing = dict.fromkeys(where.names) if where is not None else {}
    unreadable: dict[str, DvxError] = {}
    if where is None:
        rows = list(_rows(history, history.commits(selection), unreadable, keeps_all=True))
    else:
        every = HistorySelection(selection.revs, selection.paths, selection.since)
        # Giving memory back while reading costs a third more time, but few rows may need few versions.
        keeps_all = selection.limit is None
        with closing(_rows(history, history.commits(every), unreadable, keeps_all=keeps_all)) as all_rows:
            looked_at = _without_found(all_rows, missing)
            rows = list(islice((row for row in looked_at if where.holds(row.find)), selection.limit))
    return ExperimentLog(tuple(rows), unreadable, tuple(missing))


def _without_found(rows: Iterable[LogRow], missing: dict[str, None]) -> Iterator[LogRow]:
    """The rows; takes out of `missing` what they have."""
    for row in rows:
        for name in list(missing) if missing else ():
            if finder(name)(row) is not None:
                del missing[name]
        yield row


def _rows(
    history: PointerHistory,
    commits: Sequence[HistoryCommit],
    unreadable: dict[str, DvxError],
    *,
    keeps_all: bool,
) -> Generator[LogRow]:
    """The rows as their pointers are read, or found `unreadable`. Unless `keeps_all`, what nobody takes of them needs
    no memory."""
    pairs = [
        (commit, change)
        for commit in commits
        for change in sorted(commit.changes, key=lambda each: each.path)
    ]
    wanted = [change.new_object for _, change in pairs if change.new_object is not None]
    if keeps_all:
        history.read(wanted)
    tables = _TablesOf()
    with closing(history.stream(wanted)) as pointers:
        for commit, change in pairs:
            pointer = next(pointers) if change.new_object is not None else None
            if pointer is None and change.new_object is not None:
                name = f"{short_git_id(commit.id)}:{pointer_path_of(change.path)}"
                unreadable[name] = history.problems[change.new_object]
            yield LogRow(commit, change, pointer, tables.of(pointer) if pointer else NO_TABLES)


class _TablesOf:
    """Finds what pointers say. Tables that they share are looked at once."""

    def __init__(self) -> None:
        # A table is kept with the answer, so that no other one can get its address.
        self._flat: dict[int, tuple[object, Mapping[str, Value]]] = {}

    def of(self, pointer: Pointer) -> Tables:
        """The three tables, not to be changed: they may be those of the pointer."""
        if not pointer.extra:
            return NO_TABLES
        params, metrics, meta = (pointer.extra.get(kind, _EMPTY) for kind in KINDS)
        return self._table(params), self._table(metrics), self._table(meta)

    def _table(self, table: object) -> Mapping[str, Value]:
        known = self._flat.get(id(table))
        if known is not None:
            return known[1]
        if len(self._flat) >= _KEPT:
            self._flat.clear()
        flat = _flat(table)
        self._flat[id(table)] = (table, flat)
        return flat


def _flat(table: object) -> Mapping[str, Value]:
    # Nearly all tables hold nothing else, and need no copy. A pointer that was read has no larger numbers than 64 bits.
    if isinstance(table, dict) and _FLAT.issuperset(map(type, table.values())):
        return table
    return dict(flatten(table))
