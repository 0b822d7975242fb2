"""The chart: bars of seconds for add, push, and clone + pull, one panel for each workload and step.

Owns the drawing; writes SVG by itself. Colours suit a light and a dark page. Must not measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from benchmark.results import Results, spread
from benchmark.tools import HASH_ONLY

_PANELS: Final = (("add v1", "add"), ("push v1", "push"), ("pull", "clone + pull"))
_PANEL_WIDTH: Final = 330
_NAME_WIDTH: Final = 104
_VALUE_WIDTH: Final = 50
_BAR_HEIGHT: Final = 13
_ROW_HEIGHT: Final = 18
_HEAD_HEIGHT: Final = 34
_GAP: Final = 18
_STYLE: Final = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.bar { fill: #8c959f }
.dvx { fill: #1f7a4d }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .dvx { fill: #3fb97f }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is called, its length in seconds, and whether it is dvx."""

    label: str
    seconds: float
    is_ours: bool


def bars_of(results: Results, workload: str, step: str) -> list[Bar]:
    """The bars of one panel, shortest first: medians. Adding does not depend on the remote, so it has one bar."""
    bars = []
    for tool in results.versions:
        if (tool, step) in HASH_ONLY:
            continue
        remotes = [""] if step == "add v1" else list(results.parameters["remotes"])
        for remote in remotes:
            found = spread(
                results.pick(workload, tool, step, remote=remote), lambda sample: sample.cost.seconds
            )
            if found is not None:
                place = {"": "", "s3": ", S3", "folder": ", folder"}[remote]
                bars.append(Bar(f"{tool}{place}", found.median, tool == "dvx"))
    return sorted(bars, key=lambda bar: bar.seconds)


def draw_chart(results: Results) -> str:
    """The whole chart as an SVG document."""
    parts: list[str] = []
    top = 0
    for workload in results.parameters["workloads"]:
        panels = [(title, bars_of(results, workload, step)) for step, title in _PANELS]
        for column, (title, bars) in enumerate(panels):
            parts += _draw_panel(
                f"{workload}: {title}, seconds", bars, left=column * (_PANEL_WIDTH + _GAP), top=top
            )
        top += _HEAD_HEIGHT + _ROW_HEIGHT * max(len(bars) for _, bars in panels) + _GAP
    width = len(_PANELS) * (_PANEL_WIDTH + _GAP) - _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        f'role="img">\n<style>\n{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _draw_panel(title: str, bars: Sequence[Bar], *, left: int, top: int) -> list[str]:
    parts = [f'<text class="title" x="{left}" y="{top + 16}">{escape(title)}</text>']
    longest_s = max((bar.seconds for bar in bars), default=1.0) or 1.0
    room = _PANEL_WIDTH - _NAME_WIDTH - _VALUE_WIDTH
    for row, bar in enumerate(bars):
        y = top + _HEAD_HEIGHT + row * _ROW_HEIGHT
        length = max(1.0, room * bar.seconds / longest_s)
        start = left + _NAME_WIDTH
        parts.append(f'<text x="{start - 6}" y="{y}" text-anchor="end">{escape(bar.label)}</text>')
        parts.append(
            f'<rect class="bar{" dvx" if bar.is_ours else ""}" x="{start}" y="{y - _BAR_HEIGHT + 3}" '
            f'width="{length:.1f}" height="{_BAR_HEIGHT}"/>'
        )
        parts.append(f'<text x="{start + length + 5:.1f}" y="{y}">{bar.seconds:.2f}</text>')
    return parts
