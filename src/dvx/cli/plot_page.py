"""Curves as an HTML page that needs no network, and as SVG and PNG; drawn by Vega-Lite.

Owns the specification of the drawing, the page around it, and the only use of vl-convert, which carries Vega-Lite and
is an extra (`pip install 'git-dvx[plot]'`, 84 MB). Text of other people is data to the page: it is escaped here.
"""

import html
import json
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from dvx.cli.output import escape
from dvx.cli.render import plural
from dvx.core.errors import UsageError
from dvx.ops.curves import Chart, Point, thinned

ENDINGS: Final = (".html", ".svg", ".png")
# The page may reach nothing at all. Vega compiles its expressions, hence `eval`.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
)
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>body {{ font-family: sans-serif; margin: 2em; }}</style>
<script>{library}</script>
</head>
<body>
<div id="plot"></div>
<script type="application/json" id="specification">{specification}</script>
<script>
const specification = JSON.parse(document.getElementById("specification").textContent);
vegaEmbed("#plot", specification, {{mode: "vega-lite", renderer: "svg", actions: false}});
</script>
</body>
</html>
"""
# Longer names of curves are cut in the legend; the tooltip shows them whole.
_LEGEND_PIXELS: Final = 320
# From here on points hide the line.
_MOST_MARKED: Final = 60


def render_plot(charts: Sequence[Chart], ending: str, *, title: str) -> bytes:
    """The drawing as the bytes of a file with this ending. Raises UsageError where vl-convert is not installed."""
    library = _vl_convert()
    specification = plot_specification(charts)
    if ending == ".svg":
        return str(library.vegalite_to_svg(specification, allowed_base_urls=[])).encode("utf-8")
    if ending == ".png":
        return bytes(library.vegalite_to_png(specification, scale=2.0, allowed_base_urls=[]))
    return _page(specification, library.javascript_bundle(), title=title).encode("utf-8")


def plot_specification(charts: Sequence[Chart]) -> dict[str, Any]:
    """The Vega-Lite specification: one plot below the other, one for each metric."""
    return {
        "background": "white",
        "vconcat": [_plot(chart, number) for number, chart in enumerate(charts)],
        # Names of several files do not share colours across metrics unless they are the same.
        "resolve": {"scale": {"color": "independent"}},
    }


def _plot(chart: Chart, number: int) -> dict[str, Any]:
    curves = [(curve.label, thinned(curve.points)) for curve in chart.curves]
    most = max(len(points) for _, points in curves)
    return {
        "title": {"text": escape(chart.name), "subtitle": _left_out(chart), "anchor": "start"},
        "width": 640,
        "height": 260,
        "data": {"values": [_row(chart, label, point) for label, points in curves for point in points]},
        "params": [{"name": f"zoom{number}", "select": "interval", "bind": "scales"}],
        "mark": {"type": "line", "point": {"size": 30 if most <= _MOST_MARKED else 4}},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": _title(chart.x_name), **_whole(chart)},
            # The name of the metric is above the plot.
            "y": {"field": "y", "type": "quantitative", "title": None, "scale": {"zero": False}},
            "color": _colour([escape(curve.label) for curve in chart.curves]),
            "tooltip": _tooltips(chart),
            # What screen readers say of a point.
            "description": {"field": "says", "type": "nominal"},
        },
    }


def _whole(chart: Chart) -> dict[str, Any]:
    """Ticks of an axis of versions or steps: there is none between two of them."""
    is_whole = all(float(point.x).is_integer() for curve in chart.curves for point in curve.points)
    return {"axis": {"tickMinStep": 1}} if is_whole else {}


def _left_out(chart: Chart) -> str:
    count = sum(curve.left_out for curve in chart.curves)
    return f"{plural(count, 'value')} not finite" if count else ""


def _colour(labels: Sequence[str]) -> dict[str, Any]:
    legend = (
        {"title": None, "labelLimit": _LEGEND_PIXELS, "symbolType": "stroke"} if len(labels) > 1 else None
    )
    scale = {"domain": list(dict.fromkeys(labels))}
    return {"field": "curve", "type": "nominal", "title": "curve", "legend": legend, "scale": scale}


def _tooltips(chart: Chart) -> list[dict[str, str]]:
    shown = [
        {"field": "curve", "type": "nominal", "title": "curve"},
        {"field": "x", "type": "quantitative", "title": _title(chart.x_name)},
        {"field": "y", "type": "quantitative", "title": _title(chart.name)},
    ]
    if any(point.note for curve in chart.curves for point in curve.points):
        shown.append({"field": "note", "type": "nominal", "title": "commit"})
    return shown


def _row(chart: Chart, label: str, point: Point) -> dict[str, Any]:
    says = f"{chart.x_name}: {point.x:.12g}; {chart.name}: {point.y:.12g}; curve: {label}"
    row = {"x": point.x, "y": point.y, "curve": escape(label), "says": escape(says)}
    return row | ({"note": escape(point.note)} if point.note else {})


def _title(text: str) -> str:
    """Text for a title that Vega-Lite puts between quotes in an expression, where it escapes `"` but no `\\`."""
    return escape(text).replace("\\", "/").replace('"', "'")


def _page(specification: dict[str, Any], library: str, *, title: str) -> str:
    # `<` ends a script element wherever it stands in one, `</script>` in a string as well.
    text = json.dumps(specification).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return _PAGE.format(policy=_POLICY, title=html.escape(escape(title)), library=library, specification=text)


def _vl_convert() -> ModuleType:
    try:
        import vl_convert  # an extra of 84 MB, and 9 ms to import
    except ImportError as error:
        raise UsageError(
            "drawing HTML, SVG and PNG needs the extra `plot`, which is not installed",
            affected="nothing was written",
            hints=["`pip install 'git-dvx[plot]'`", "or draw on the terminal: leave `-o` out"],
            kind="not-installed",
        ) from error
    assert isinstance(vl_convert, ModuleType)
    return vl_convert
