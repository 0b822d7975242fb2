"""Tables that fit on a terminal: text columns give way first, then columns are left out, and named.

Owns the fitting and the alignment. Cells are escaped text already. Must not write anything.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_GAP: Final = 2
_MIN_TEXT: Final = 8
# A text among numbers, such as the name of an optimizer, never takes more than this unless it may grow.
_MAX_TEXT: Final = 60


@dataclass(frozen=True, slots=True)
class WideColumn:
    """One column. `is_number` aligns to the right; `shrinks` may be cut to 8 signs.

    Columns with `order` above 0 may be left out, the highest first. `colours` are those of the cells, "" for none.
    """

    title: str
    cells: Sequence[str]
    is_number: bool = False
    shrinks: bool = False
    order: int = 0
    colours: Sequence[str] = ()


def fit_table(
    columns: Sequence[WideColumn], *, width: int | None, paint: Callable[[str, str], str] | None = None
) -> tuple[list[str], list[str]]:
    """Return the lines, the title first, and the titles of columns that did not fit into `width` signs.

    None is as wide as it has to be.
    """
    kept = list(columns)
    widths = [_natural(column) for column in kept]
    dropped: list[WideColumn] = []
    while width is not None and _total(widths) > width:
        widths = _shrunk(kept, widths, width)
        last = max(range(len(kept)), key=lambda place: (kept[place].order, place))
        if _total(widths) <= width or not kept[last].order:
            break
        dropped.append(kept.pop(last))
        widths = [_natural(column) for column in kept]
    count = len(kept[0].cells)
    lines = [_line(kept, widths, place, paint) for place in range(-1, count)]
    return lines, [column.title for column in reversed(dropped)]


def text_width(text: str) -> int:
    """How many places text takes on a terminal: two for wide East Asian signs, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def cut(text: str, width: int) -> str:
    """Text in at most `width` places, with `…` for what was left out."""
    if text_width(text) <= width:
        return text
    kept, used = "", 1
    for sign in text:
        used += text_width(sign)
        if used > width:
            break
        kept += sign
    return kept.rstrip() + "…"


def _natural(column: WideColumn) -> int:
    width = max(map(text_width, [column.title, *column.cells]))
    return width if column.is_number or not column.shrinks else min(width, _MAX_TEXT)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _shrunk(columns: Sequence[WideColumn], widths: Sequence[int], width: int) -> list[int]:
    """Take from the widest column that may shrink, place by place."""
    found = list(widths)
    able = [place for place, column in enumerate(columns) if column.shrinks]
    excess = _total(found) - width
    while excess > 0 and able:
        place = max(able, key=lambda each: found[each])
        if found[place] <= _MIN_TEXT:
            break
        found[place] -= 1
        excess -= 1
    return found


def _line(
    columns: Sequence[WideColumn], widths: Sequence[int], place: int, paint: Callable[[str, str], str] | None
) -> str:
    """The line of one row; the titles for place -1."""
    cells = []
    for column, width in zip(columns, widths, strict=True):
        text = cut(column.title if place < 0 else column.cells[place], width)
        space = " " * (width - text_width(text))
        colour = column.colours[place] if place >= 0 and column.colours else ""
        shown = paint(text, colour) if paint is not None and colour else text
        cells.append(space + shown if column.is_number else shown + space)
    return (" " * _GAP).join(cells).rstrip()
