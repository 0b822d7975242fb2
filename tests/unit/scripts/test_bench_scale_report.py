"""Tables, verdicts and curves of `scripts/bench scale`."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from benchmark.measure import Cost  # noqa: E402 - found through the lines above
from benchmark.scale_curve import Line, Panel, draw_panels, round_up  # noqa: E402
from benchmark.scale_report import (  # noqa: E402
    Section,
    Target,
    cost_json,
    format_markdown,
    format_text,
    number,
    with_unit,
)
from benchmark.scale_versions import VersionPoint, draw_versions, report_versions, rise, shown_points  # noqa: E402


@pytest.mark.parametrize(
    ("value", "judged", "verdict"),
    [
        (1.99, True, "met"),
        (2.0, True, "met"),
        (2.01, True, "missed"),
        (9.0, False, "not judged at this size"),
    ],
)
def test_target_is_met_up_to_its_limit_and_not_judged_for_other_sizes(
    value: float, judged: bool, verdict: str
) -> None:
    assert Target("x", value, 2.0, "s", judged).verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123, "0.012"), (0.5, "0.50"), (9.876, "9.88"), (12.34, "12.3"), (1234.5, "1234")],
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_unit_follows_the_number() -> None:
    assert with_unit(1.5, "s") == "1.50 s"
    assert with_unit(3, "") == "3.00"


def section() -> Section:
    return Section(
        "files",
        "two sizes",
        columns=("step", "s"),
        rows=[("add", "1.0"), ("status", "0.25")],
        targets=[Target("add", 1.0, 0.5, "s")],
        notes=["a remark"],
        raw={"steps": {"add": cost_json(Cost(1.0, 2.0, 3))}},
    )


def test_text_aligns_columns_and_names_what_was_missed() -> None:
    lines = format_text(section()).splitlines()
    assert lines[:5] == ["files: two sizes", "", "step       s", "add      1.0", "status  0.25"]
    assert any(line.startswith("add") and line.endswith("missed") for line in lines)
    assert lines[-1] == "note: a remark"


def test_markdown_has_both_tables_and_what_was_wrong() -> None:
    wrong = section()
    wrong.wrong.append("two bytes differ")
    text = format_markdown(wrong)
    assert "| step | s |\n| --- | --- |\n| add | 1.0 |" in text
    assert "| add | 1.00 s | 0.50 s | missed |" in text
    assert text.endswith("- a remark\n- **WRONG**: two bytes differ\n")


def test_json_has_raw_figures_and_verdicts() -> None:
    document = json.loads(json.dumps(section().as_json()))
    assert document["raw"]["steps"]["add"] == {"seconds": 1.0, "cpu_s": 2.0, "peak_bytes": 3}
    assert document["targets"][0]["verdict"] == "missed"


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 1), (0.7, 1), (1, 1), (1.2, 2), (2.2, 2.5), (30, 50), (51, 100), (1000, 1000)]
)
def test_axis_ends_at_a_round_number(value: float, rounded: float) -> None:
    assert round_up(value) == rounded


def test_curve_is_well_formed_and_stays_inside_its_panel() -> None:
    panel = Panel("a < b & c", [Line("one", [(1, 0.0), (2, 5.0)]), Line("two", [(1, 3.0), (2, 2.0)])])
    tree = ET.fromstring(draw_panels('a "title"', "version", [panel, panel]))
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4
    width, height = (float(tree.attrib[name]) for name in ("width", "height"))
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_curve_of_a_single_version_is_drawn() -> None:
    ET.fromstring(draw_panels("t", "version", [Panel("p", [Line("l", [(1, 1.0)])])]))


def point(number_: int, **values: float) -> VersionPoint:
    fields = {
        "add_s": 1.0,
        "new_mb": 2.0,
        "to_previous_s": 0.5,
        "back_s": 0.5,
        "to_old_s": 0.5,
        "runs_per_gib": 100.0,
        "ranges_per_gib": 50.0,
        "peak_mib": 90.0,
    } | values
    return VersionPoint(number=number_, size_bytes=1 << 30, packs=1, **fields)


def test_first_version_does_not_count_for_flatness() -> None:
    points = [point(1, add_s=100.0), *(point(n, add_s=1.0) for n in range(2, 12))]
    assert rise(points, "add_s") == 1.0


def test_rise_compares_the_last_fifth_with_the_first() -> None:
    points = [point(n, add_s=float(n)) for n in range(1, 12)]
    assert rise(points, "add_s") == pytest.approx(10.5 / 2.5)


def test_versions_that_grow_are_reported_as_missed() -> None:
    points = [point(n, new_mb=float(n), ranges_per_gib=4000.0) for n in range(1, 22)]
    report = report_versions(points, [], rows=100)
    verdicts = {target.what: target.verdict for target in report.targets}
    assert verdicts["flat: newly stored, bytes"] == "missed"
    assert verdicts["flat: add, seconds"] == "met"
    assert verdicts["ranges per GiB, the worst version"] == "missed"
    assert len(report.raw["points"]) == 21
    assert "newly stored, MB" in draw_versions(points)


def test_table_shows_the_first_two_versions_and_the_last() -> None:
    shown = [p.number for p in shown_points([point(n) for n in range(1, 101)])]
    assert shown == [1, 2, *range(10, 101, 10)]
