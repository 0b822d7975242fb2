"""The table of `dvx log`, for a terminal, as Markdown and as CSV.

Owns the cells. Must not decide which rows and columns there are.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from dvx.cli.cells import csv_cell, format_value
from dvx.cli.markdown import code
from dvx.cli.output import Output, escape
from dvx.cli.render import format_count
from dvx.cli.wide_table import WideColumn, fit_table
from dvx.core.sizes import format_size
from dvx.ops.experiment_rows import KINDS, LogRow
from dvx.ops.experiment_table import NEW, Column, ExperimentTable
from dvx.repo.history_log import ChangeKind

# Git's own short ids have 7 signs, and 10 in large repositories.
SHORT_ID: Final = 10
_SHRINKS: Final = ("author", "tags", "branches", "subject", "path")
_OF_COMMIT: Final = ("commit", "date", "author", "tags", "branches", "subject")
_SIZES: Final = ("size", "files", NEW)
# What is left out first where a terminal is narrow.
_ORDER: Final = {"meta": 8, "author": 7, NEW: 6, "files": 5, "date": 4, "params": 3, "metrics": 2, "tags": 1}

# New bytes of a row, None where not known.
FindNew = Callable[[LogRow], int | None]


def find_cell(row: LogRow, name: str, find_new: FindNew) -> object:
    """The value in one cell; None where there is none."""
    if name == NEW:
        return find_new(row)
    try:
        return row.find(name)
    except KeyError:
        return None


def text_lines(
    table: ExperimentTable, output: Output, find_new: FindNew, *, drawing: Sequence[str] | None = None
) -> tuple[list[str], list[str]]:
    """The lines for a terminal, and the columns that it has no room for; `drawing` is a column in front."""
    columns = [_wide(column, table.rows, find_new) for column in table.columns]
    if drawing is not None:
        columns.insert(0, WideColumn("", [escape(signs) for signs in drawing]))
    lines, dropped = fit_table(columns, width=output.width)
    constants = ", ".join(
        f"{escape(column.title)} = {format_value(value)}" for column, value in table.constants
    )
    head = [output.paint(f"the same in all: {constants}", "dim")] if constants else []
    return [*head, output.paint(lines[0], "bold"), *lines[1:]], dropped


def markdown_table(table: ExperimentTable, find_new: FindNew) -> Iterator[str]:
    """A table for a pull request; names and text of other people as code."""
    if table.constants:
        pairs = ", ".join(f"{code(column.title)} = {_markdown(value)}" for column, value in table.constants)
        yield from (f"The same in all: {pairs}", "")
    yield f"| {' | '.join(_markdown_title(column) for column in table.columns)} |"
    yield f"|{'|'.join('---:' if _is_numeric(column, table.rows) else '---' for column in table.columns)}|"
    for row in table.rows:
        cells = (_markdown_cell(row, column, find_new) for column in table.columns)
        yield f"| {' | '.join(cells)} |"


def csv_text(table: ExperimentTable, find_new: FindNew) -> str:
    """All columns with exact values, also those that are the same in all rows. Lines end in LF."""
    columns = [*table.columns, *(column for column, _ in table.constants)]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([csv_cell(column.title) for column in columns])
    for row in table.rows:
        writer.writerow([csv_cell(find_cell(row, column.name, find_new)) for column in columns])
    return target.getvalue()


def short_cell(row: LogRow, name: str, find_new: FindNew) -> str:
    """One cell as a person reads it: short ids, days, sizes with a unit."""
    if not row.commit.id or (not row.change.path and name not in _OF_COMMIT):
        return ""  # in a drawing: a line between commits, or a merge that changed no pointer
    value = find_cell(row, name, find_new)
    if name == "size" and value is None:
        return "removed" if row.change.kind is ChangeKind.REMOVED else "unreadable"
    shown = _SHORT.get(name)
    return shown(value) if shown is not None and value is not None else format_value(value)


def _shown_list(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_SHORT: Final[Mapping[str, Callable[[object], str]]] = {
    "commit": lambda value: str(value)[:SHORT_ID],
    "date": lambda value: str(value)[:10],
    "tags": lambda value: escape(_shown_list(value)),
    "branches": lambda value: escape(_shown_list(value)),
    "size": lambda value: format_size(int(str(value))),
    "files": lambda value: format_count(int(str(value))),
    NEW: lambda value: format_size(int(str(value))),
}


def _wide(column: Column, rows: Sequence[LogRow], find_new: FindNew) -> WideColumn:
    kind = column.name.partition(".")[0]
    is_numeric = _is_numeric(column, rows)
    return WideColumn(
        title=escape(column.title),
        cells=[short_cell(row, column.name, find_new) for row in rows],
        is_number=is_numeric,
        shrinks=column.name in _SHRINKS
        or (kind in KINDS and not is_numeric)
        or len(column.title) > SHORT_ID * 3,
        order=_ORDER.get(kind, 0),
    )


def _is_numeric(column: Column, rows: Sequence[LogRow]) -> bool:
    if column.name in _SIZES:
        return True
    values = [row.values[column.name] for row in rows if column.name in row.values]
    return bool(values) and all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in values
    )


def _markdown_title(column: Column) -> str:
    return code(column.title) if column.name.partition(".")[0] in KINDS else escape(column.title)


def _markdown_cell(row: LogRow, column: Column, find_new: FindNew) -> str:
    if column.name in row.values:
        return _markdown(row.values[column.name])
    text = short_cell(row, column.name, find_new)
    return (
        code(text)
        if column.name in ("author", "tags", "branches", "subject", "path", "commit") and text
        else text
    )


def _markdown(value: object) -> str:
    return code(format_value(value)) if isinstance(value, str | list) else format_value(value)
