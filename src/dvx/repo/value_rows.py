"""Values that were written step by step: CSV, TSV, JSON Lines, a list in JSON, a trainer's state.

Owns the table that they all become, and what "the last values" of it are. Must not flatten or select keys.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import UsageError
from dvx.repo.value_flat import Unstorable, decoded, unique_pairs, unreadable
from dvx.repo.value_text import cell_value, whole_number

# The columns that count the rows, in the order in which they are looked for.
STEP_COLUMNS: Final = ("step", "global_step", "_step", "iteration", "iter", "epoch")


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of values in the order of the file; every row has one item for each column, None where it has none."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    @property
    def step_column(self) -> str | None:
        """The column that counts the steps, if one has the name of such."""
        by_name = {column.lower(): column for column in reversed(self.columns)}
        return next((by_name[name] for name in STEP_COLUMNS if name in by_name), None)


def parse_table(data: bytes, name: str, *, delimiter: str) -> Series:
    """Read CSV or TSV with names in the first row. A last line that is still being written is passed over.

    Raises UsageError for a table without names, a name twice, and rows longer or shorter than the first.
    """
    columns, rows = _cells(data, name, delimiter)
    return Series(columns, tuple(tuple(map(_cell, row)) for row in rows))


def last_cells(data: bytes, name: str, *, delimiter: str) -> dict[object, object]:
    """As last_values of parse_table, from the end: of a million rows, one or two are turned into values."""
    columns, rows = _cells(data, name, delimiter)
    texts: dict[str, str] = {}
    for row in reversed(rows):
        for column, text in zip(columns, row, strict=True):
            if column not in texts and text.strip():
                texts[column] = text
        if len(texts) == len(columns):
            break
    return {column: _cell(texts[column]) for column in columns if column in texts}


def _cells(data: bytes, name: str, delimiter: str) -> tuple[tuple[str, ...], list[list[str]]]:
    text = decoded(data, name)
    if delimiter == "," and "," not in text.split("\n", 1)[0] and ";" in text.split("\n", 1)[0]:
        delimiter = ";"
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise unreadable(name, error) from error
    if not rows:
        return (), []
    columns = tuple(cell.strip() for cell in rows[0])
    _check_columns(columns, name)
    if len(rows) > 1 and len(rows[-1]) < len(columns) and not text.endswith(("\n", "\r")):
        del rows[-1]
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(columns):
            raise unreadable(name, f"row {number} has {len(row)} cells, and the first row {len(columns)}")
    return columns, rows[1:]


def parse_json(data: bytes, name: str) -> object:
    """Read JSON; NaN and Infinity are numbers, as Python writes them. Raises UsageError, for a key twice as well."""
    return _load(decoded(data, name), name)


def parse_json_lines(data: bytes, name: str) -> Series:
    """Read one object for each line. A last line that is still being written is passed over."""
    text = decoded(data, name)
    lines = [line for line in text.split("\n") if line.strip()]
    found: list[object] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_load(line, name))
        except UsageError as error:
            if number == len(lines) and not text.endswith("\n"):
                break
            raise unreadable(name, f"line {number} is not a JSON object") from error
    return series_of_rows(found, name)


def series_of_rows(rows: Sequence[object], name: str) -> Series:
    """A table out of objects that may have different keys; nested ones are joined by dots."""
    columns: dict[str, None] = {}
    flat: list[dict[str, object]] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise unreadable(name, f"item {number} is not an object with names and values")
        flat.append(dict(_flat(row, "", 0)))
        columns |= dict.fromkeys(flat[-1])
    return Series(tuple(columns), tuple(tuple(row.get(column) for column in columns) for row in flat))


def series_of_lists(table: Mapping[object, object]) -> Series | None:
    """A table out of lists of one length, as `history.history` of Keras is; None where it is something else."""
    lists = {str(key): value for key, value in table.items() if isinstance(value, list)}
    if not lists or len(lists) < len(table) or len({len(value) for value in lists.values()}) > 1:
        return None
    return Series(tuple(lists), tuple(zip(*lists.values(), strict=True)))


def last_values(series: Series, *, step: str | None, name: str) -> dict[object, object]:
    """The last value of each column that is there, or those of one step.

    Of rows that leave cells empty (some loggers write training and validation in rows of their own), the last
    value that is not empty counts. `step` is a value of the step column, or `COLUMN=VALUE`. Raises UsageError
    (kind `no-such-step`) where no row has it.
    """
    rows = list(series.rows) if step is None else list(_at_step(series, step, name))
    found: dict[object, object] = {}
    for row in rows:
        cells = zip(series.columns, row, strict=True)
        found |= {column: value for column, value in cells if value is not None}
    return found


def _at_step(series: Series, step: str, name: str) -> Iterator[tuple[object, ...]]:
    column, equals, wanted = step.rpartition("=")
    if not equals or (column == "step" and column not in series.columns):
        column = series.step_column or ""
    if column not in series.columns:
        raise UsageError(
            f"`{name}` has no column that counts the steps",
            hints=[f"name the column: `{name}:COLUMN=VALUE`"],
            kind="no-such-step",
        )
    place, value = series.columns.index(column), cell_value(wanted)
    rows = [row for row in series.rows if row[place] == value]
    if not rows:
        raise UsageError(
            f"`{name}` has no row in which `{column}` is {wanted}",
            hints=[f"the last one: `{name}`"],
            kind="no-such-step",
        )
    yield from rows


def _check_columns(columns: Sequence[str], name: str) -> None:
    if all(isinstance(cell_value(column), int | float) for column in columns):
        raise unreadable(name, "its first row has numbers in place of the names of the columns")
    twice = sorted(column for column, count in Counter(columns).items() if count > 1)
    if twice:
        raise unreadable(name, f"the column {twice[0][:60]!a} is there twice")


def _cell(text: str) -> object:
    return cell_value(text) if text.strip() else None


def _load(text: str, name: str) -> object:
    def fail(reason: str) -> Exception:
        return unreadable(name, reason)

    try:
        return json.loads(text, parse_int=whole_number, object_pairs_hook=unique_pairs(fail))
    except (ValueError, RecursionError) as error:
        raise unreadable(name, f"it is not JSON ({error})") from error


def _flat(row: Mapping[object, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for key, value in row.items():
        if isinstance(value, Mapping) and depth < 16:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value if not isinstance(value, Mapping) else Unstorable("it is nested")
