"""How curves look on a terminal: dots of Braille patterns, or letters.

Owns the raster and the axes. Must not choose what is drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from dvx.cli.output import escape
from dvx.cli.render import plural
from dvx.ops.curves import Chart, Curve

HEIGHT: Final = 12
MIN_WIDTH: Final = 30
_COLOURS: Final = ("blue", "yellow", "green", "red")
_BRAILLE: Final = 0x2800
# Bits of the eight dots of a pattern: rows from the top, two columns.
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

Paint = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Screen:
    """`width` in columns; `paint` colours text or leaves it; `is_ascii` where nothing else can be shown."""

    width: int
    paint: Paint
    has_colour: bool
    is_ascii: bool


@dataclass(frozen=True, slots=True)
class _Range:
    low: float
    high: float

    def place(self, value: float, cells: int) -> int:
        """The cell of a value, of `cells`."""
        half_span = self.high / 2 - self.low / 2  # the whole one may overflow
        share = (value / 2 - self.low / 2) / half_span if half_span else 0.5
        return min(cells - 1, max(0, round(share * (cells - 1))))


def chart_lines(chart: Chart, screen: Screen) -> Iterator[str]:
    """The name of the metric, its curves between axes, and which curve is which."""
    points = [point for curve in chart.curves for point in curve.points]
    xs = _Range(min(point.x for point in points), max(point.x for point in points))
    ys = _Range(min(point.y for point in points), max(point.y for point in points))
    labels = _labels(ys)
    margin = max(map(len, labels))
    width = max(MIN_WIDTH, screen.width) - margin - 3
    yield screen.paint(escape(chart.name), "bold")
    rows = _raster(chart.curves, xs, ys, width=width, screen=screen)
    tick, bar, corner, line = ("+", "|", "+", "-") if screen.is_ascii else ("┤", "│", "└", "─")
    for at, row in enumerate(rows):
        yield f"{labels[at]:>{margin}} {tick if labels[at] else bar}{row}".rstrip()
    yield f"{'':>{margin}} {corner}{line * width}"
    yield f"{'':>{margin}}  {_x_axis(xs, chart.x_name, width)}".rstrip()
    yield from _legend(chart.curves, screen)


def _labels(ys: _Range) -> list[str]:
    labels = [""] * HEIGHT
    if ys.high == ys.low:
        labels[HEIGHT // 2] = f"{ys.low:.4g}"
        return labels
    labels[0], labels[-1] = f"{ys.high:.4g}", f"{ys.low:.4g}"
    return labels


def _x_axis(xs: _Range, name: str, width: int) -> str:
    low, high = f"{xs.low:.6g}", f"{xs.high:.6g}"
    if low == high:
        high = ""
    room = width - len(low) - len(high)
    shown = escape(name)
    if len(shown) + 2 > room:
        shown = ""
    return f"{low}{shown:^{max(0, room)}}{high}"


def _raster(curves: Sequence[Curve], xs: _Range, ys: _Range, *, width: int, screen: Screen) -> list[str]:
    has_dots = not screen.is_ascii and (
        len(curves) == 1 or (screen.has_colour and len(curves) <= len(_COLOURS))
    )
    across, down = (2, 4) if has_dots else (1, 1)
    bits = [[0] * width for _ in range(HEIGHT)]
    owners = [[-1] * width for _ in range(HEIGHT)]
    for number, curve in enumerate(curves):
        for column, row in _cells(curve, xs, ys, columns=width * across, rows=HEIGHT * down):
            bits[row // down][column // across] |= _DOTS[row % down][column % across]
            owners[row // down][column // across] = number
    return [_row_text(line, row, has_dots, screen) for line, row in zip(bits, owners, strict=True)]


def _row_text(line: Sequence[int], owners: Sequence[int], has_dots: bool, screen: Screen) -> str:
    """One row; cells of one curve that follow each other are painted at once."""
    text = ""
    for owner, cells in groupby(zip(owners, line, strict=True), key=lambda cell: cell[0]):
        patterns = [pattern for _, pattern in cells]
        if owner < 0:
            text += " " * len(patterns)
        elif has_dots:
            signs = "".join(chr(_BRAILLE + pattern) for pattern in patterns)
            text += screen.paint(signs, _COLOURS[owner % len(_COLOURS)])
        else:
            text += _letter(owner) * len(patterns)
    return text


def _cells(curve: Curve, xs: _Range, ys: _Range, *, columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """(column, row) of every dot on the lines between the points; row 0 is at the top."""
    before: tuple[int, int] | None = None
    for point in curve.points:
        place = xs.place(point.x, columns), rows - 1 - ys.place(point.y, rows)
        yield from _line(before or place, place)
        before = place


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for at in range(steps + 1):
        share = at / steps
        yield (round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share))


def _legend(curves: Sequence[Curve], screen: Screen) -> Iterator[str]:
    is_alone = len(curves) == 1
    for number, curve in enumerate(curves):
        sign = screen.paint(_letter(number), _COLOURS[number % len(_COLOURS)])
        last = curve.points[-1].y if curve.points else None
        facts = [f"last {last:.6g}"] if last is not None else []
        if curve.left_out:
            facts.append(f"{plural(curve.left_out, 'value')} not finite")
        name = escape(curve.label) if is_alone else f"{sign}  {escape(curve.label)}"
        yield f"  {name}: {', '.join(facts)}"


def _letter(number: int) -> str:
    return _LETTERS[number % len(_LETTERS)]
