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
    """One column. `is_number` aligns to the right; `shrinks` may be cut to 8 signs, of numbers only the title.

    Before anything is left out it stays at least as wide as `least`. Columns with `order` above 0 may be left out, the
    highest first. `colours` are those of the cells, "" for none.
    """

    title: str
    cells: Sequence[str]
    is_number: bool = False
    shrinks: bool = False
    order: int = 0
    least: int = 0
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
        limits = [_least(column) for column in kept]
        wished = [max(limit, column.least) for limit, column in zip(limits, kept, strict=True)]
        widths = _shrunk(kept, widths, wished, width)
        last = max(range(len(kept)), key=lambda place: (kept[place].order, place))
        if _total(widths) <= width or not kept[last].order:
            widths = _shrunk(kept, widths, limits, width)
            break
        dropped.append(kept.pop(last))
        widths = [natural[id(column)] for column in kept]
    texts = [_texts(column, size, paint) for column, size in zip(kept, widths, strict=True)]
    lines = [line.rstrip() for line in map((" " * _GAP).join, zip(*texts, strict=True))]
    return lines, [column.title for column in reversed(dropped)]


def natural_width(columns: Sequence[WideColumn]) -> int:
    """Places in a line of the table if nothing is cut."""
    return _total([_natural(column) for column in columns])


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


def _least(column: WideColumn) -> int:
    """What a column can be cut to: a number that is cut is another number."""
    if not column.is_number:
        return _MIN_TEXT
    return max(_MIN_TEXT, column.least or _widest(list(column.cells) or [""]))


def _shrunk(
    columns: Sequence[WideColumn], widths: Sequence[int], limits: Sequence[int], width: int
) -> list[int]:
    """Take from the widest column that may shrink, place by place, down to its limit."""
    found = list(widths)
    able = [place for place, column in enumerate(columns) if column.shrinks]
    excess = _total(found) - width
    while excess > 0:
        able = [place for place in able if found[place] > limits[place]]
        if not able:
            break
        found[max(able, key=lambda each: found[each])] -= 1
        excess -= 1
    return found


def _texts(column: WideColumn, width: int, paint: Callable[[str, str], str] | None) -> list[str]:
    """The title and all cells, cut and filled up to the width. Spaces have no colour."""
    texts = [_cut_title(column.title, width), *column.cells]
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


def _cut_title(title: str, width: int) -> str:
    """A name with dots keeps its end, which says more than what it is inside of."""
    if "." not in title or text_width(title) <= width:
        return title
    kept = title
    while text_width(kept) >= width:
        kept = kept[1:]
    return "…" + kept


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
