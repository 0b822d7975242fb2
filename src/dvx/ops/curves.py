"""Curves to draw: points of one metric, of several files, revisions or versions of a pointer.

Owns the values of a drawing and thinning them out. Must not read files, nor draw.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# More points than any screen has columns: a page of ten such curves is 5 MB.
MAX_POINTS: Final = 4000


@dataclass(frozen=True, slots=True)
class Point:
    """`note` says where the point comes from, such as a commit; empty for a step of a file."""

    x: float
    y: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in the order of `x`. `left_out` counts values that are no finite numbers and cannot be drawn."""

    label: str
    points: tuple[Point, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """The curves of one metric; `x_name` is what the steps are called."""

    name: str
    x_name: str
    curves: tuple[Curve, ...]


def make_curve(label: str, points: Iterable[Point]) -> Curve:
    """A curve of the points that can be drawn, sorted by x; of several at one x the last one counts."""
    points = list(points)
    finite = {point.x: point for point in points if math.isfinite(point.x) and math.isfinite(point.y)}
    left_out = sum(not (math.isfinite(point.x) and math.isfinite(point.y)) for point in points)
    return Curve(label, tuple(finite[x] for x in sorted(finite)), left_out)


def thinned(points: Sequence[Point], *, limit: int = MAX_POINTS) -> tuple[Point, ...]:
    """At most about `limit` of the points, in order: of each stretch the first, the lowest and the highest.

    No peak gets lost, as it would by taking every n-th. The last point stays.
    """
    if len(points) <= limit:
        return tuple(points)
    stride = math.ceil(len(points) / (limit // 3))
    kept: list[Point] = []
    for start in range(0, len(points), stride):
        stretch = points[start : start + stride]
        chosen = {0, *(pick(range(len(stretch)), key=lambda at: stretch[at].y) for pick in (min, max))}
        kept += [stretch[at] for at in sorted(chosen)]
    if kept[-1] is not points[-1]:
        kept.append(points[-1])
    return tuple(kept)


def number(value: object) -> float | None:
    """The number that a value is; texts spell those that JSON lacks. None for what cannot be on an axis."""
    if isinstance(value, str):
        return float(value) if value.lower().lstrip("+-") in ("nan", "inf", "infinity") else None
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return None
