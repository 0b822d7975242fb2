"""The rows of `dvx log`: one for each pointer that a commit changed, with what the pointer says.

Owns what a name means in a row. Must not know how a table looks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from dvx.core.ids import format_id
from dvx.formats.expressions import Expression
from dvx.formats.metadata import Value, metadata_of
from dvx.formats.pointer import Pointer
from dvx.repo.pointer_history import HistoryCommit, HistorySelection, PointerChange, PointerHistory

# In this order a name without its kind is looked for.
KINDS: Final = ("params", "metrics", "meta")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A pointer that a commit changed. `pointer` is None where it was removed, or cannot be read.

    `values` are those of the pointer by full name, such as `params.train.lr`.
    """

    commit: HistoryCommit
    change: PointerChange
    pointer: Pointer | None
    values: Mapping[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> object:
        """The value of a fact (`size`, `author`, ...), a full name, or a name without its kind.

        Raises KeyError where this row has none. Facts come first, then parameters, metrics and labels.
        """
        fact = FACTS.get(name)
        if fact is not None:
            value = fact(self)
            if value is None:
                raise KeyError(name)
            return value
        for full in (name, *(f"{kind}.{name}" for kind in KINDS)):
            if full in self.values:
                return self.values[full]
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ExperimentLog:
    """Rows, newest first or as sorted; `unreadable` counts versions that are no pointer this dvx can read."""

    rows: tuple[LogRow, ...]
    unreadable: int


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


def read_log(
    history: PointerHistory, selection: HistorySelection, *, where: Expression | None = None
) -> ExperimentLog:
    """Return the rows of the selected commits, newest first, by path within a commit.

    With `where`, the limit of the selection counts rows that match, not commits that are looked at.
    """
    limit = selection.limit
    if where is not None:
        selection = HistorySelection(selection.revs, selection.paths, selection.since)
    commits = history.commits(selection)
    rows = [row for row in _rows(history, commits) if where is None or where.holds(row.find)]
    if where is not None and limit is not None:
        rows = rows[:limit]
    return ExperimentLog(tuple(rows), unreadable=len(history.problems))


def _rows(history: PointerHistory, commits: Sequence[HistoryCommit]) -> Iterator[LogRow]:
    read = history.read(
        change.new_object for commit in commits for change in commit.changes if change.new_object is not None
    )
    # Pointers of one run share their tables, and what is made of them.
    tables = {id(pointer.extra): pointer for pointer in read.values()}
    shared = {key: pointer_values(pointer) for key, pointer in tables.items()}
    values = {name: shared[id(pointer.extra)] for name, pointer in read.items()}
    for commit in commits:
        for change in sorted(commit.changes, key=lambda each: each.path):
            name = change.new_object or ""
            yield LogRow(commit, change, read.get(name), values.get(name, {}))


def pointer_values(pointer: Pointer) -> dict[str, Value]:
    """What a pointer says, by full name."""
    if not pointer.extra:
        return {}
    metadata = metadata_of(pointer)
    found: dict[str, Value] = {}
    for kind, table in zip(KINDS, (metadata.params, metadata.metrics, metadata.meta), strict=True):
        found.update((f"{kind}.{name}", value) for name, value in table.items())
    return found
