"""The page, the SVG and the PNG of a plot: self-contained, true to the data, and safe with hostile names.

What a person sees is checked in a real browser, headless Chromium, where there is one.
"""

import html
import json
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from dvx.cli.plot_page import plot_specification, render_plot
from dvx.core.errors import UsageError
from dvx.ops.curves import Chart, Curve, Point
from dvx.testing.shell import HANG_S

_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
_HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "'\"+alert(1)+\"'`${1}` \\",
    "{{7*7}} {0} {title}",
    "datum['x'] & a.b[0]",
    'x\\": now(), "y',
    "two\nlines \x1b[2J \u202e",
)
_SHOWN = [*_HOSTILE[:-1], "two\\nlines \\x1b[2J \\u202e"]


def _chart(name: str, *curves: tuple[str, list[float]], note: str = "") -> Chart:
    return Chart(
        name,
        "step",
        tuple(Curve(label, tuple(Point(x, y, note) for x, y in enumerate(ys))) for label, ys in curves),
    )


CHARTS = [
    _chart("loss", ("main", [1.0, 0.5, 0.25, 0.125]), ("fast", [1.0, 0.25, 0.0625])),
    _chart("acc", ("main", [0.1, 0.7, 0.8])),
]


@pytest.fixture(scope="module")
def _library() -> None:
    pytest.importorskip("vl_convert", reason="needs the extra `plot`")


def test_the_specification_holds_every_point() -> None:
    plots = plot_specification(CHARTS)["vconcat"]
    assert [plot["title"]["text"] for plot in plots] == ["loss", "acc"]
    rows = plots[0]["data"]["values"]
    assert [(row["x"], row["y"], row["curve"]) for row in rows] == [
        (0, 1.0, "main"), (1, 0.5, "main"), (2, 0.25, "main"), (3, 0.125, "main"),
        (0, 1.0, "fast"), (1, 0.25, "fast"), (2, 0.0625, "fast"),
    ]  # fmt: skip
    assert rows[6]["says"] == "step: 2; loss: 0.0625; curve: fast"


def test_values_that_are_not_finite_are_counted_below_the_name() -> None:
    chart = Chart("loss", "step", (Curve("run", (Point(0, 1),), left_out=2), Curve("other", (), left_out=1)))
    assert plot_specification([chart])["vconcat"][0]["title"]["subtitle"] == "3 values not finite"


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UsageError, match="needs the extra `plot`") as refused:
        render_plot(CHARTS, ".html", title="t")
    assert refused.value.hints[0] == "`pip install 'git-dvx[plot]'`"


@pytest.mark.usefixtures("_library")
def test_the_page_names_no_other_place_to_load_from() -> None:
    page = render_plot(CHARTS, ".html", title="t").decode()
    head = page[: page.index("<script>")]
    assert "default-src 'none'" in head
    assert re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=|<link\b|@import", _without_library(page)) == []
    assert page.count("<script") == page.count("</script>")


@pytest.mark.usefixtures("_library")
def test_hostile_names_stay_data_in_the_page_and_in_the_svg() -> None:
    charts = [_chart(name, (name, [1.0, 2.0]), ("other", [2.0, 3.0]), note=name) for name in _HOSTILE]
    page = render_plot(charts, ".html", title=_HOSTILE[0]).decode()
    own = _without_library(page)
    assert own.count("</script>") == own.count("<script") == 3
    assert "<img" not in own
    embedded = re.search(r'id="specification">(.*?)</script>', page)
    assert embedded is not None
    assert [plot["title"]["text"] for plot in json.loads(embedded[1])["vconcat"]] == _SHOWN
    svg = ET.fromstring(render_plot(charts, ".svg", title="t"))
    assert {element.tag.rpartition("}")[2] for element in svg.iter()} <= {
        "svg",
        "g",
        "path",
        "text",
        "rect",
        "defs",
        "clipPath",
        "line",
        "style",
        "title",
    }
    assert set(_SHOWN) <= {element.text for element in svg.iter() if element.tag.endswith("text")}


def _without_library(page: str) -> str:
    start = page.index("<script>") + len("<script>")
    return page[:start] + page[page.index("</script>\n</head>") :]


@pytest.mark.usefixtures("_library")
def test_svg_and_png_are_drawings_of_their_format() -> None:
    svg = ET.fromstring(render_plot(CHARTS, ".svg", title="t"))
    labels = [element.get("aria-label") or "" for element in svg.iter()]
    assert "step: 2; loss: 0.0625; curve: fast" in labels
    png = render_plot(CHARTS, ".png", title="t")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width > 1280
    assert height > 1000


# In a browser


@pytest.fixture(scope="module")
def browser(_library: None) -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("needs Chromium: `apt-get install chromium-headless-shell`")
    return found


def _seen(browser: str, page: bytes, folder: Path) -> str:
    """The document after the page's own scripts ran."""
    (folder / "page.html").write_bytes(page)
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom",
        (folder / "page.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=HANG_S, check=True)
    return done.stdout.decode()


def _marks(document: str) -> list[tuple[str, float, float]]:
    """What each point says of itself, and where it is in its plot."""
    found = re.findall(
        r'<path aria-label="([^"]*)"[^>]*aria-roledescription="point"[^>]*'
        r'transform="translate\(([-\d.e]+),([-\d.e]+)\)"',
        document[document.index('<div id="plot"') :],
    )
    return [(html.unescape(label), float(x), float(y)) for label, x, y in found]


def test_a_browser_shows_every_point_where_the_data_has_it(browser: str, tmp_path: Path) -> None:
    document = _seen(browser, render_plot(CHARTS, ".html", title="my run"), tmp_path)
    marks = _marks(document)
    expected = [
        (f"step: {point.x:g}; {chart.name}: {point.y:g}; curve: {curve.label}", chart.name, point)
        for chart in CHARTS
        for curve in chart.curves
        for point in curve.points
    ]
    assert sorted(label for label, _, _ in marks) == sorted(label for label, _, _ in expected)
    places = {label: (x, y) for label, x, y in marks}
    for chart in CHARTS:
        here = [(point, *places[label]) for label, name, point in expected if name == chart.name]
        assert _is_linear([(point.x, x) for point, x, _ in here], rising=True)
        assert _is_linear([(point.y, y) for point, _, y in here], rising=False)
    assert "<title>my run</title>" in document
    assert ">fast</text>" in document


def _is_linear(pairs: list[tuple[float, float]], *, rising: bool) -> bool:
    """Whether pixels are a linear function of values: then the curve has the form that the data has."""
    (low, at_low), (high, at_high) = min(pairs), max(pairs)
    slope = (at_high - at_low) / (high - low)
    assert abs(at_high - at_low) > 50
    return (slope > 0) is rising and all(
        abs(at_low + slope * (value - low) - at) < 0.01 for value, at in pairs
    )


def test_a_browser_runs_nothing_that_names_contain(browser: str, tmp_path: Path) -> None:
    charts = [_chart(name, (name, [1.0, 2.0]), ("other", [2.0, 3.0]), note=name) for name in _HOSTILE]
    document = _seen(browser, render_plot(charts, ".html", title="untouched"), tmp_path)
    assert "<title>untouched</title>" in document
    shown = html.unescape(document[document.index('<div id="plot"') :])
    assert all(f">{name}</text>" in shown for name in _SHOWN)
    assert len(_marks(document)) == 4 * len(_HOSTILE)
    assert "<img" not in document[document.index('<div id="plot"') : document.index('id="specification"')]


def test_a_browser_shows_a_long_training_thinned_out(browser: str, tmp_path: Path) -> None:
    chart = _chart("loss", ("run", [1 / (1 + step % 1000) for step in range(200_000)]))
    page = render_plot([chart], ".html", title="t")
    assert len(page) < 2_000_000
    assert 2000 < len(_marks(_seen(browser, page, tmp_path))) <= 4001
