"""Line charts as SVG, without a library: some panels with a shared horizontal axis.

Owns the drawing. Must not know what is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

Point = tuple[float, float]

_WIDTH: Final = 720
_PANEL_HEIGHT: Final = 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 24, 26
_TITLE_HEIGHT: Final = 34
_TICKS: Final = 4
# Blue, orange and teal keep apart for most eyes, and have enough contrast on white and on near-black.
_COLOURS: Final = ("#3d7fd6", "#d9772b", "#1f9e89", "#b05fc4")
_STYLE: Final = """\
text { font: 12px sans-serif; fill: #444; }
.title { font-size: 14px; font-weight: bold; }
.grid { stroke: #8885; stroke-width: 1; }
.line { fill: none; stroke-width: 1.6; }
@media (prefers-color-scheme: dark) { text { fill: #ccc; } }"""


@dataclass(frozen=True, slots=True)
class Line:
    """A named sequence of (x, y), in order of x."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over one vertical axis, which starts at 0."""

    title: str
    lines: Sequence[Line]


def draw_panels(title: str, x_title: str, panels: Sequence[Panel]) -> str:
    """One SVG with the panels below each other; transparent, readable on light and dark ground."""
    height = _TITLE_HEIGHT + len(panels) * (_PANEL_HEIGHT + _TOP + _BOTTOM)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="20">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        top = _TITLE_HEIGHT + number * (_PANEL_HEIGHT + _TOP + _BOTTOM) + _TOP
        parts += _draw_panel(panel, x_title, top)
    return "\n".join([*parts, "</svg>", ""])


def round_up(value: float) -> float:
    """The next number of the form 1, 2, 2.5, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if value <= step * power * (1 + 1e-9))


def _draw_panel(panel: Panel, x_title: str, top: float) -> list[str]:
    xs = [x for line in panel.lines for x, _ in line.points]
    first, last = min(xs), max(*xs, min(xs) + 1)
    highest = round_up(max(y for line in panel.lines for _, y in line.points))
    bottom, right = top + _PANEL_HEIGHT, _WIDTH - _RIGHT

    def place(point: Point) -> str:
        x = _LEFT + (right - _LEFT) * (point[0] - first) / (last - first)
        return f"{x:.1f},{bottom - _PANEL_HEIGHT * point[1] / highest:.1f}"

    parts = [f'<text x="{_LEFT}" y="{top - 7}">{escape(panel.title)}</text>']
    for tick in range(_TICKS + 1):
        y = bottom - _PANEL_HEIGHT * tick / _TICKS
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{highest * tick / _TICKS:g}</text>'
        )
    for x, anchor in ((first, "start"), (last, "end")):
        across = place((x, 0)).partition(",")[0]
        parts.append(f'<text x="{across}" y="{bottom + 16}" text-anchor="{anchor}">{x_title} {x:g}</text>')
    for number, line in enumerate(panel.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(map(place, line.points))
        parts.append(f'<polyline class="line" stroke="{colour}" points="{points}"/>')
        y = top + 12 + 18 * number
        parts.append(
            f'<line stroke="{colour}" stroke-width="3" x1="{right + 12}" y1="{y - 4}" x2="{right + 28}" y2="{y - 4}"/>'
        )
        parts.append(f'<text x="{right + 34}" y="{y}">{escape(line.name)}</text>')
    return parts
