"""The JSON document of `dvx plot`.

Owns its fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from collections.abc import Sequence

from dvx.cli.documents import Fields
from dvx.ops.curves import Chart, Curve


def plot_fields(charts: Sequence[Chart]) -> Fields:
    """dvx.plot/1; all points, sorted by `x`"""
    return {
        "charts": [
            {
                "metric": chart.name,
                "x": chart.x_name,
                "curves": [_curve_fields(curve) for curve in chart.curves],
            }
            for chart in charts
        ]
    }


def _curve_fields(curve: Curve) -> Fields:
    return {
        "label": curve.label,
        "points": [
            {"x": point.x, "y": point.y, **({"note": point.note} if point.note else {})}
            for point in curve.points
        ],
        "not_finite": curve.left_out,
    }
