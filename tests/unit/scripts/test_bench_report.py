"""Medians, tables, targets and the chart of `scripts/bench run`."""

import json
import xml.etree.ElementTree as ET

import pytest
from benchmark.chart import bars_of, draw_chart
from benchmark.measure import Cost
from benchmark.report import format_markdown, format_text, make_tables
from benchmark.results import Absence, Results, Sample, results_from_json, spread
from benchmark.session import Size
from benchmark.targets import Target, compute_targets

MIB = 1 << 20
MACHINE = {
    "processor": "a processor", "cores": 2, "file_system": "ext4", "system": "Linux 6", "python": "3.11.7",
    "git": "2.39", "MemTotal_bytes": 8 << 30,
}  # fmt: skip


def sample(
    tool: str, step: str, seconds: float, *, remote: str = "s3", workload: str = "W1", repetition: int = 1,
    added: Size | None = None, wrong: tuple[str, ...] = (),
) -> Sample:  # fmt: skip
    """A step that took `seconds` and 100 MiB."""
    cost = Cost(seconds, seconds / 2, 100 * MIB)
    return Sample(workload, remote, tool, step, repetition, cost, added, wrong)


def make_results(*samples: Sample, scale: float = 1.0, absences: tuple[Absence, ...] = ()) -> Results:
    """A run of W1 with these samples."""
    parameters = {"scale": scale, "workloads": ["W1"], "remotes": ["folder", "s3"], "repetitions": 2}
    versions = {one.tool: "1.0" for one in samples}
    return Results(parameters, MACHINE, versions, list(samples), list(absences))


def target(results: Results, title: str) -> Target:
    """The row of W1 with this title."""
    return next(row for row in compute_targets(results) if row.title == title)


def test_spread_is_median_least_and_greatest() -> None:
    samples = [sample("dvx", "status", seconds) for seconds in (3.0, 1.0, 10.0)]
    found = spread(samples, lambda one: one.cost.seconds)
    assert found is not None
    assert (found.median, found.least, found.greatest) == (3.0, 1.0, 10.0)
    assert spread([], lambda one: one.cost.seconds) is None


def test_target_against_a_peer_is_a_multiple_of_its_median_over_all_remotes() -> None:
    results = make_results(
        sample("dvx", "add v1", 2.0),
        sample("dvc", "add v1", 8.0),
        sample("dvc", "add v1", 9.0, remote="folder"),
    )
    row = target(results, "add v1: at most 0.25 x DVC")
    assert (row.value, row.limit, row.is_met) == (2.0, 8.5 * 0.25, True)


def test_target_on_s3_does_not_count_the_folder() -> None:
    results = make_results(
        sample("dvx", "push v1", 1.0),
        sample("dvx", "push v1", 99.0, remote="folder"),
        sample("boto3", "push v1", 1.0),
    )
    row = target(results, "push v1 on S3: at most 0.8 x boto3")
    assert (row.value, row.limit, row.is_met) == (1.0, 0.8, False)


def test_target_of_a_peer_that_is_not_there_is_not_measured() -> None:
    row = target(make_results(sample("dvx", "add v1", 2.0)), "add v1: faster than the backup of borg")
    assert (row.value, row.limit, row.is_met, row.missing) == (2.0, None, None, "borg")


def test_faster_than_a_peer_means_less_than_it() -> None:
    results = make_results(sample("dvx", "add v1", 2.0), sample("borg", "push v1", 2.0, remote="folder"))
    assert target(results, "add v1: faster than the backup of borg").is_met is False


@pytest.mark.parametrize(("megabytes", "is_met"), [(14.5, True), (14.6, False)])
def test_limits_in_bytes_grow_with_the_scale(megabytes: float, is_met: bool) -> None:
    results = make_results(sample("dvx", "push v1", 1.0, added=Size(int(megabytes * 1e6), 3)), scale=0.01)
    row = target(results, "stored v1")
    assert row.limit == pytest.approx(14.5)
    assert row.is_met is is_met


def test_peak_memory_is_that_of_the_worst_step() -> None:
    row = target(make_results(sample("dvx", "status", 1.0)), "peak memory of every step")
    assert (row.value, row.limit, row.is_met) == (100.0, 400, True)


def test_text_names_tools_steps_spread_and_outcome() -> None:
    results = make_results(
        sample("dvx", "push v1", 1.0, added=Size(2_000_000, 3)),
        sample("dvx", "push v1", 2.0, added=Size(2_000_000, 3), repetition=2),
        sample("boto3", "push v1", 4.0),
    )
    text = format_text(make_tables(results))
    assert "W1, remote in S3: seconds" in text
    assert "1.50 (1.00-2.00)" in text
    assert "2.00 MB in 3" in text
    line = next(line for line in text.splitlines() if "at most 0.8 x boto3" in line)
    assert line.split()[-1] == "met"
    other = format_text(make_tables(make_results(sample("dvx", "add v1", 1.0))))
    assert "not measured (dvc)" in other


def test_wrong_result_is_shown_in_the_table_and_named() -> None:
    results = make_results(sample("dvx", "pull", 1.0, wrong=("different: a.csv",)))
    assert results.wrong() == results.samples
    assert "1.00 WRONG" in format_text(make_tables(results))
    assert "WRONG: dvx on W1 after pull (s3): different: a.csv." in format_markdown(results, [])


def test_markdown_names_the_machine_and_what_was_skipped() -> None:
    absence = Absence("borg", "not installed: `apt-get install borgbackup`")
    results = make_results(sample("dvx", "status", 1.0), absences=(absence,))
    text = format_markdown(results, make_tables(results))
    assert "a processor, 2 cores, 8 GiB of memory, ext4" in text
    assert "Skipped: borg: not installed: `apt-get install borgbackup`." in text
    assert "| dvx | - | 1.00 | - |" in text


def test_results_survive_json() -> None:
    results = make_results(
        sample("dvx", "push v1", 1.5, added=Size(5, 1)), sample("dvx", "pull", 1.0, wrong=("missing: a",)),
        absences=(Absence("dvc", "why", "W1", "s3"),),
    )  # fmt: skip
    document = json.loads(json.dumps(results.to_json()))
    assert document.pop("schema") == "dvx-bench-1"
    assert results_from_json(document) == results


def test_chart_is_svg_with_a_bar_for_each_tool_and_remote_inside_its_frame() -> None:
    results = make_results(
        sample("dvx", "add v1", 1.0), sample("dvx", "push v1", 1.0), sample("dvx", "push v1", 2.0, remote="folder"),
        sample("a<b", "push v1", 4.0), sample("hf-xet", "add v1", 0.1),
    )  # fmt: skip
    top = ET.fromstring(draw_chart(results))
    space = "{http://www.w3.org/2000/svg}"
    width, height = float(top.attrib["width"]), float(top.attrib["height"])
    bars = top.findall(f"{space}rect")
    assert len(bars) == 4
    for bar in bars:
        assert 0 <= float(bar.attrib["x"]) < float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
        assert 0 <= float(bar.attrib["y"]) < height - float(bar.attrib["height"])
    texts = [text.text for text in top.findall(f"{space}text")]
    assert {"dvx", "dvx, S3", "dvx, folder", "a<b, S3"} <= set(texts)
    assert "hf-xet" not in texts  # its add stores nothing
    assert "prefers-color-scheme: dark" in (top.findtext(f"{space}style") or "")


def test_bars_are_in_order_and_longer_for_more_seconds() -> None:
    results = make_results(sample("dvx", "push v1", 3.0), sample("boto3", "push v1", 1.0))
    assert [(bar.label, bar.seconds, bar.is_ours) for bar in bars_of(results, "W1", "push v1")] == [
        ("boto3, S3", 1.0, False),
        ("dvx, S3", 3.0, True),
    ]
