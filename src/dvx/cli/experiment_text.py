"""The table of `dvx log`, for a terminal, as Markdown and as CSV.

Owns the cells. Must not decide which rows and columns there are.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Final

from dvx.cli.cells import csv_cell, format_value
from dvx.cli.markdown import code
from dvx.cli.output import Output, escape
from dvx.cli.render import format_count
from dvx.cli.wide_table import WideColumn, fit_table
from dvx.core.ids import short_git_id
from dvx.core.sizes import format_size
from dvx.ops.experiment_rows import KINDS, LogRow, finder
from dvx.ops.experiment_table import NEW, Column, ExperimentTable
from dvx.repo.history_log import ChangeKind

_SHRINKS: Final = ("author", "tags", "branches", "subject", "path")
_OF_COMMIT: Final = ("commit", "date", "author", "tags", "branches", "subject")
# Text of other people, for Markdown.
_OTHERS_WORDS: Final = ("commit", "author", "tags", "branches", "subject", "path")
_SIZES: Final = ("size", "files", NEW)
# What is left out first where a terminal is narrow.
# Parameters and metrics that vary are what the table is for: they go last.
_ORDER: Final = {
    "meta": 9, "author": 8, NEW: 7, "files": 6, "date": 5, "tags": 4, "size": 3, "params": 2, "metrics": 1,
}  # fmt: skip

# New bytes of a row, None where not known.
FindNew = Callable[[LogRow], int | None]


def _finder(name: str, find_new: FindNew) -> Callable[[LogRow], object]:
    """What finds the values of one column; None where there is none."""
    return find_new if name == NEW else finder(name)


def text_lines(
    table: ExperimentTable, output: Output, find_new: FindNew, *, drawing: Sequence[str] | None = None
) -> tuple[list[str], list[str]]:
    """The lines for a terminal, and the columns that it has no room for; `drawing` is a column in front."""
    columns = [_wide(column, table.rows, find_new) for column in table.columns]
    if drawing is not None:
        columns.insert(0, WideColumn("", [escape(signs) for signs in drawing]))
    lines, dropped = fit_table(columns, width=output.width)
    head = [output.paint(f"{words}: {_pairs(same)}", "dim") for words, same in _same(table)]
    return [*head, output.paint(lines[0], "bold"), *lines[1:]], dropped


def _pairs(same: Sequence[tuple[Column, object]]) -> str:
    return ", ".join(f"{escape(column.title)} = {format_value(value)}" for column, value in same)


def _same(table: ExperimentTable) -> Iterator[tuple[str, Sequence[tuple[Column, object]]]]:
    """What does not vary, and the words for where."""
    if table.constants:
        yield "the same in all", table.constants
    if table.shared:
        yield "the same where they are known", table.shared


def markdown_table(table: ExperimentTable, find_new: FindNew) -> Iterator[str]:
    """A table for a pull request; names and text of other people as code."""
    for words, same in _same(table):
        pairs = ", ".join(f"{code(column.title)} = {_markdown(value)}" for column, value in same)
        yield from (f"{words.capitalize()}: {pairs}", "")
    yield f"| {' | '.join(_markdown_title(column) for column in table.columns)} |"
    yield f"|{'|'.join('---:' if _is_numeric(column, table.rows) else '---' for column in table.columns)}|"
    cells = [_markdown_cells(column, table.rows, find_new) for column in table.columns]
    for row in zip(*cells, strict=True):
        yield f"| {' | '.join(row)} |"


def csv_text(table: ExperimentTable, find_new: FindNew) -> str:
    """All columns with exact values, also those that are the same in all rows. Lines end in LF."""
    columns = [*table.columns, *(column for column, _ in (*table.constants, *table.shared))]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([csv_cell(column.title) for column in columns])
    finders = [_finder(column.name, find_new) for column in columns]
    writer.writerows([csv_cell(find(row)) for find in finders] for row in table.rows)
    return target.getvalue()


def short_cells(name: str, rows: Sequence[LogRow], find_new: FindNew) -> list[str]:
    """The cells of one column as a person reads them: short ids, days, sizes with a unit.

    Empty in a drawing for a line between commits, and for what a merge that changed no pointer has no value of.
    """
    if name in _OF_COMMIT:
        return _cells_of_commits(name, rows)
    find, shown = _finder(name, find_new), _SHORT.get(name, format_value)
    cells = []
    for row in rows:
        value = find(row) if row.change.path else ""
        if value is None:
            cells.append(_missing(row) if name == "size" else format_value(None))
        else:
            cells.append(shown(value) if row.change.path else "")
    return cells


def _cells_of_commits(name: str, rows: Sequence[LogRow]) -> list[str]:
    """What is the same in all rows of a commit is made once."""
    find, shown = finder(name), _SHORT.get(name, format_value)
    made = {row.commit.id: row for row in rows}
    cells = {commit: shown(find(row)) if commit else "" for commit, row in made.items()}
    return [cells[row.commit.id] for row in rows]


def _missing(row: LogRow) -> str:
    return "removed" if row.change.kind is ChangeKind.REMOVED else "unreadable"


def _shown_list(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_SHORT: Final[Mapping[str, Callable[[object], str]]] = {
    "commit": lambda value: short_git_id(str(value)),
    "date": lambda value: str(value)[:10],
    "tags": lambda value: escape(_shown_list(value)),
    "branches": lambda value: escape(_shown_list(value)),
    "size": lambda value: format_size(value) if isinstance(value, int) else "",
    "files": lambda value: format_count(value) if isinstance(value, int) else "",
    NEW: lambda value: format_size(value) if isinstance(value, int) else "",
}


def _wide(column: Column, rows: Sequence[LogRow], find_new: FindNew) -> WideColumn:
    kind = column.name.partition(".")[0]
    return WideColumn(
        title=escape(column.title),
        cells=short_cells(column.name, rows, find_new),
        is_number=_is_numeric(column, rows),
        shrinks=column.name in _SHRINKS or kind in KINDS,
        order=_ORDER.get(kind, 0),
    )


def _is_numeric(column: Column, rows: Sequence[LogRow]) -> bool:
    if column.name in _SIZES:
        return True
    return _has_values(column) and all(
        type(value) in (int, float, NoneType) for value in map(finder(column.name), rows)
    )


def _has_values(column: Column) -> bool:
    """Whether it shows what pointers say."""
    return column.name.partition(".")[0] in KINDS


def _markdown_title(column: Column) -> str:
    return code(column.title) if _has_values(column) else escape(column.title)


def _markdown_cells(column: Column, rows: Sequence[LogRow], find_new: FindNew) -> list[str]:
    if _has_values(column):
        return [_markdown(value) for value in map(finder(column.name), rows)]
    cells = short_cells(column.name, rows, find_new)
    if column.name not in _OTHERS_WORDS:
        return cells
    return [code(text) if text else text for text in cells]


def _markdown(value: object) -> str:
    return code(format_value(value)) if isinstance(value, str | list) else format_value(value)
