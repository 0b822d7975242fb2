"""OpenMetrics text, read by the official client with its strict parser."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dvx.cli.openmetrics import Sample, check_samples, pointer_samples, render_openmetrics, value_samples
from dvx.formats.checks import Check
from dvx.formats.pointer import Pointer
from dvx.ops.check import CheckReport, Outcome
from dvx.ops.check_values import Subject


def read(samples):
    """(name, labels, value) of every sample, as the client reads them."""
    families = list(text_string_to_metric_families(render_openmetrics(samples)))
    assert all(family.type == "gauge" for family in families)
    return [(each.name, each.labels, each.value) for family in families for each in family.samples]


def test_pointer_has_size_files_metrics_and_parameters():
    tables = {"metrics": {"val": {"acc": 0.5}}, "params": {"lr": 1e-5, "name": "adam", "on": True, "l": [1]}}
    found = read(pointer_samples("models/m", Pointer("directory", bytes(32), 7, 3, tables)))
    labels = {"path": "models/m"}
    assert found == [
        ("dvx_data_files", labels, 3),
        ("dvx_data_size_bytes", labels, 7),
        ("dvx_metrics_val_acc", labels | {"name": "metrics.val.acc"}, 0.5),
        ("dvx_params_lr", labels | {"name": "params.lr"}, 1e-5),
        ("dvx_params_on", labels | {"name": "params.on"}, 1),
    ]


def test_size_has_its_unit_and_the_text_its_end():
    text = render_openmetrics([Sample("data_size_bytes", 5, {"path": "a"})])
    assert text == (
        "# TYPE dvx_data_size_bytes gauge\n# UNIT dvx_data_size_bytes bytes\n"
        "# HELP dvx_data_size_bytes Size of tracked data in bytes.\n"
        'dvx_data_size_bytes{path="a"} 5\n# EOF\n'
    )
    assert render_openmetrics([]) == "# EOF\n"


def test_names_that_become_the_same_stay_apart_by_their_label():
    names = ["metrics.a.b", "metrics.a_b", "metrics.a/b", "metrics.ä.b", "metrics.a b"]
    found = read(Sample(name, number) for number, name in enumerate(names))
    assert {labels["name"]: value for _, labels, value in found} == {name: i for i, name in enumerate(names)}
    assert {name for name, _, _ in found} == {"dvx_metrics_a_b", "dvx_metrics_b"}


def test_same_name_and_labels_are_one_sample():
    assert read([Sample("metrics.a", 1), Sample("metrics.a", 2)]) == [
        ("dvx_metrics_a", {"name": "metrics.a"}, 2)
    ]


def test_numbers_that_are_none_are_spelled_as_the_format_does():
    values = {"metrics.n": math.nan, "metrics.p": math.inf, "metrics.m": -math.inf, "metrics.big": 2**62}
    text = render_openmetrics(value_samples(values, {}))
    assert [line.split(" ")[-1] for line in text.splitlines() if line[0] != "#"] == [
        str(2**62),
        "-Inf",
        "NaN",
        "+Inf",
    ]
    found = {labels["name"]: value for _, labels, value in read(value_samples(values, {}))}
    assert math.isnan(found.pop("metrics.n"))
    assert found == {"metrics.p": math.inf, "metrics.m": -math.inf, "metrics.big": 2**62}


def test_texts_lists_and_labels_of_people_have_no_sample():
    values = {"metrics.a": "0.5", "metrics.b": [1.0], "meta.licence": 1, "size": 5}
    assert list(value_samples(values, {})) == []


def test_signs_in_labels_break_no_line():
    path = 'a"b\\c\nd\x1b[31m\r\u2028\u202e}'
    ((_, labels, _),) = read([Sample("data_files", 1, {"path": path})])
    assert labels == {"path": 'a"b\\c\\nd\\x1b[31m\\r\\u2028\\u202e}'}


@pytest.mark.parametrize("name", ["metrics.total", "metrics.x_info", "metrics.a_bucket", "metrics.", "5", ""])
def test_every_name_becomes_a_valid_one(name):
    ((_, labels, value),) = read([Sample(name, 1)])
    assert value == 1
    assert labels.get("name", name) == name


_VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats()


@given(st.dictionaries(st.text(max_size=20), _VALUES, max_size=8), st.text(max_size=20))
def test_anything_is_read_back_by_the_strict_parser(values, path):
    found = read(Sample("metrics." + name, value, {"path": path}) for name, value in values.items())
    assert len(found) <= len(values)
    # Two names are one label where one spells out a sign that the other has.
    if len(found) == len(values):
        assert sorted(str(float(value)) for _, _, value in found) == sorted(
            str(float(each)) for each in values.values()
        )


_HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to"


def known_metrics():
    """The names of everything that a check writes, with one metric and one parameter."""
    tables = {"metrics": {"acc": 0.5, "NAME": 1}, "params": {"NAME": 1}}
    subject = Subject("models/m", {}, {}, Pointer("file", bytes(32), 7, None, tables))
    report = CheckReport("at 1", "1", "", 1, (Outcome(Check("a"), "models/m"),), (subject,))
    return {name for name, _, _ in read(check_samples(report))}


def test_documents_name_metrics_that_a_check_writes():
    text = (_HOW_TO / "monitor-metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"dvx_(?:data|check|metrics|params)_\w+", text)) - {"dvx_metrics_val_acc"}
    assert named == known_metrics()


def test_dashboard_is_one_that_asks_for_metrics_that_a_check_writes():
    dashboard = json.loads((_HOW_TO / "grafana-dashboard.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [
        variable["query"]["query"]
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    metrics = {name for query in queries for name in re.findall(r"\bdvx_\w+\b", query)} - {
        "dvx_",
        "dvx_metrics_",
    }
    assert metrics <= known_metrics()
    assert {"dvx_check_failures", "dvx_data_size_bytes"} <= metrics
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"]))) <= variables
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
