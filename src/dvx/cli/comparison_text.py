"""Values of several versions side by side, on a terminal and as Markdown.

Owns the columns and the words for a change. Must not decide what changed, or whether that is better.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from dvx.cli.cells import format_number, format_value
from dvx.cli.markdown import code
from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, format_size_change
from dvx.cli.wide_table import WideColumn, fit_table, natural_width
from dvx.core.ids import parse_id, short_id
from dvx.core.sizes import format_size
from dvx.formats.metadata import Value
from dvx.ops.value_changes import SIZE_KIND, Change, Comparison, ValueRow

# GitHub refuses a comment of more than 65 536 characters.
MAX_MARKDOWN_CHARACTERS: Final = 60_000
_NAME_CHARACTERS: Final = 28
_MINUS: Final = "-"


def comparison_lines(
    comparison: Comparison, rows: Sequence[ValueRow], output: Output, *, with_kind: bool
) -> list[str]:
    """A table: where and what, one column for each version, and how it changed from the first."""
    width = output.width
    columns = _columns(comparison, rows, with_kind=with_kind, with_relative=True)
    if width is not None and natural_width(columns) > width:
        columns = _columns(comparison, rows, with_kind=with_kind, with_relative=False)
    lines, _ = fit_table(columns, width=width, paint=output.paint)
    return [output.paint(lines[0], "bold"), *lines[1:]]


def _columns(
    comparison: Comparison, rows: Sequence[ValueRow], *, with_kind: bool, with_relative: bool
) -> list[WideColumn]:
    """Which value and whether it is better stay longest; the path shrinks first, then the differences are left out.

    `with_relative` is for the cells of more than two versions.
    """
    names = [escape(row_name(row, with_kind=with_kind)) for row in rows]
    columns = [WideColumn("value", names, shrinks=True, least=min(_NAME_CHARACTERS, max(map(len, names))))]
    if len({row.source for row in rows}) > 1:
        order = 1 if len(set(names)) == len(names) else 0
        columns.insert(0, WideColumn("path", [escape(row.source) for row in rows], shrinks=True, order=order))
    columns += [
        _version(comparison, rows, place, with_relative=with_relative)
        for place in range(len(comparison.names))
    ]
    if len(comparison.names) == 2:
        changes = [row.changes[0] for row in rows]
        absolute = [format_absolute(row, row.changes[0]) for row in rows]
        columns += [
            WideColumn("change", absolute, is_number=True, order=3),
            WideColumn("", [format_relative(change) for change in changes], is_number=True, order=2),
            WideColumn(
                "", [verdict(change) for change in changes], colours=[colour(each) for each in changes]
            ),
        ]
    return columns


def comparison_markdown(comparison: Comparison, rows: Sequence[ValueRow], *, title: str) -> Iterator[str]:
    """A heading and a table for a pull request; rows that a comment has no room for are counted."""
    shown = " → ".join(code(name) for name in comparison.names)
    yield from (f"### {title}: {shown}", "")
    if not rows:
        yield "No differences."
        return
    heads = ["path", "value", *(code(name) for name in comparison.names)]
    is_pair = len(comparison.names) == 2
    heads += ["change", "", ""] if is_pair else []
    yield f"| {' | '.join(heads)} |"
    yield f"|---|---|{'---:|' * len(comparison.names)}{'---:|---:|---|' if is_pair else ''}"
    room = MAX_MARKDOWN_CHARACTERS
    for place, row in enumerate(rows):
        line = _markdown_row(row, is_pair=is_pair)
        room -= len(line) + 1
        if room < 0:
            yield from ("", f"and {format_count(len(rows) - place)} more")
            return
        yield line


def row_name(row: ValueRow, *, with_kind: bool) -> str:
    """`size`, `params.lr`, or `lr` where all rows are of one kind."""
    return f"{row.kind}.{row.name}" if with_kind and row.kind != SIZE_KIND else row.name


def format_cell(row: ValueRow, value: Value | None) -> str:
    """A value: sizes with a unit, ids short."""
    if row.kind == SIZE_KIND and isinstance(value, int):
        return format_size(value) if row.name == "size" else format_count(value)
    if row.kind == SIZE_KIND and isinstance(value, str):
        return short_id(parse_id(value))
    return format_value(value)


def format_absolute(row: ValueRow, change: Change) -> str:
    """`+0.11`, `-200 kB`; empty where there is no difference of numbers."""
    if change.absolute is None:
        return ""
    if row.kind == SIZE_KIND and row.name == "size":
        return format_size_change(int(change.absolute))
    return _signed(format_number(change.absolute))


def format_relative(change: Change) -> str:
    """`+13.8 %`; empty where the first value is zero or no number."""
    return f"{_signed(f'{change.relative * 100:.3g}')} %" if change.relative is not None else ""


def verdict(change: Change) -> str:
    """`better`, `worse` or nothing."""
    return "" if change.is_better is None else "better" if change.is_better else "worse"


def colour(change: Change) -> str:
    """The colour of a verdict."""
    return "" if change.is_better is None else "green" if change.is_better else "red"


def _signed(number: str) -> str:
    return number if number.startswith(_MINUS) or number == "nan" else f"+{number}"


def _version(
    comparison: Comparison, rows: Sequence[ValueRow], place: int, *, with_relative: bool
) -> WideColumn:
    """One version. Text may be cut, a number and its verdict may not."""
    cells = [format_cell(row, row.values[place]) for row in rows]
    colours: list[str] = []
    if place > 0 and len(comparison.names) > 2:
        changes = [row.changes[place - 1] for row in rows]
        cells = [
            _with_change(cell, change, with_relative=with_relative)
            for cell, change in zip(cells, changes, strict=True)
        ]
        colours = [colour(change) for change in changes]
    is_text = [isinstance(row.values[place], str | list) for row in rows]
    least = max((len(cell) for cell, text in zip(cells, is_text, strict=True) if not text), default=1)
    name = escape(comparison.names[place])
    return WideColumn(name, cells, is_number=True, shrinks=True, least=least, colours=colours)


def _with_change(cell: str, change: Change, *, with_relative: bool = True) -> str:
    relative = format_relative(change) if with_relative else ""
    said = ", ".join(word for word in (relative, verdict(change)) if word)
    return f"{cell} ({said})" if said else cell


def _markdown_row(row: ValueRow, *, is_pair: bool) -> str:
    cells = [code(row.source), code(row_name(row, with_kind=True))]
    cells += [_markdown_cell(row, place, is_pair=is_pair) for place in range(len(row.values))]
    if is_pair:
        change = row.changes[0]
        word = verdict(change)
        cells += [format_absolute(row, change), format_relative(change), f"**{word}**" if word else ""]
    return f"| {' | '.join(cells)} |"


def _markdown_cell(row: ValueRow, place: int, *, is_pair: bool) -> str:
    value = row.values[place]
    text = format_cell(row, value)
    shown = code(text) if isinstance(value, str | list) else text
    return shown if is_pair or place == 0 else _with_change(shown, row.changes[place - 1])
