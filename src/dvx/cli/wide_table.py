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
    natural = {id(column): _natural(column) for column in kept}
    widths = [natural[id(column)] for column in kept]
    dropped: list[WideColumn] = []
    while width is not None and _total(widths) > width:
        widths = _shrunk(kept, widths, width)
        last = max(range(len(kept)), key=lambda place: (kept[place].order, place))
        if _total(widths) <= width or not kept[last].order:
            break
        dropped.append(kept.pop(last))
        widths = [natural[id(column)] for column in kept]
    texts = [_texts(column, size, paint) for column, size in zip(kept, widths, strict=True)]
    lines = [line.rstrip() for line in map((" " * _GAP).join, zip(*texts, strict=True))]
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
    width = _widest([column.title, *column.cells])
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


def _texts(column: WideColumn, width: int, paint: Callable[[str, str], str] | None) -> list[str]:
    """The title and all cells, cut and filled up to the width. Spaces have no colour."""
    texts = [column.title, *column.cells]
    if not column.colours and _widest(texts) <= width and _is_narrow(texts):
        return (
            [text.rjust(width) for text in texts]
            if column.is_number
            else [text.ljust(width) for text in texts]
        )
    return [
        _text(text, width, column.is_number, paint, colour)
        for text, colour in zip(texts, ["", *(column.colours or [""] * len(column.cells))], strict=True)
    ]


def _text(
    text: str, width: int, is_number: bool, paint: Callable[[str, str], str] | None, colour: str
) -> str:
    text = cut(text, width)
    space = " " * (width - text_width(text))
    shown = paint(text, colour) if paint is not None and colour else text
    return space + shown if is_number else shown + space


def _widest(texts: Sequence[str]) -> int:
    return max(map(len if _is_narrow(texts) else text_width, texts))


def _is_narrow(texts: Sequence[str]) -> bool:
    """Whether every sign takes one place; in one look at all of them, as a history has 600 000 cells."""
    return "".join(texts).isascii()
