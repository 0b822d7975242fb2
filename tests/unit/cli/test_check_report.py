"""What a check prints and writes: terminal, Markdown, JSON and JUnit, with names from anywhere."""

import io
import json
import math
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from dvx.cli.check_junit import render_junit
from dvx.cli.check_text import check_lines, check_markdown, check_summary, format_value
from dvx.cli.documents_check import check_report_fields
from dvx.cli.output import Output
from dvx.formats.checks import Check, Severity
from dvx.ops.check import CheckReport, Outcome
from dvx.ops.check_values import Reading

NOW, BASE = "abc1234" + "0" * 33, "def5678" + "0" * 33
HOSTILE = "a\x00\x1b[31m</failure>&\"'`|<b>@someone\u202e\ufffe]]>"


def reading(value, *, is_base=False, name="metrics.acc"):
    where = f"at {(BASE if is_base else NOW)[:10]}"
    return Reading(name, value, "models/m.dvx", where, is_base)


def report(*outcomes, base=BASE):
    return CheckReport(f"at {NOW[:10]}", NOW, base, len(outcomes), outcomes, ())


def failed(**changes):
    fields = {
        "check": Check("accuracy", path="models/m", text="metrics.acc >= 1", message="ask Ada"),
        "path": "models/m",
        "problems": ("`metrics.acc >= 1` does not hold",),
        "readings": (reading(0.91), reading(0.93, is_base=True)),
    }
    return Outcome(**(fields | changes))


def lines(*outcomes):
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    return list(check_lines(report(*outcomes), output))


def test_failed_rule_is_shown_with_its_values_and_where_they_come_from():
    assert lines(failed(), Outcome(Check("fine"), "x")) == [
        "failed: accuracy (models/m): `metrics.acc >= 1` does not hold",
        "  metrics.acc = 0.91 in models/m.dvx at abc1234000; base 0.93 at def5678000",
        "  ask Ada",
    ]


def test_value_of_the_base_alone_says_that_it_is_one():
    assert "  base metrics.acc = 0.93 in models/m.dvx at def5678000" in lines(
        failed(readings=(reading(0.93, is_base=True),))
    )


def test_summaries_count_failures_and_warnings():
    warned = failed(check=Check("w", severity=Severity.WARNING))
    fine = Outcome(Check("fine"), "x")
    assert check_summary(report(failed(), fine)) == "1 of 2 checks failed at abc1234000 against def5678000"
    assert check_summary(report(warned, fine, base="")) == "1 of 2 checks passed, 1 warning at abc1234000"
    assert check_summary(report(fine, base="")) == "1 check passed at abc1234000"
    assert check_summary(report(base="")) == "no rules at abc1234000"


def test_rule_about_nothing_fails_although_it_is_a_warning():
    outcome = failed(check=Check("w", severity=Severity.WARNING), matches_nothing=True)
    assert (outcome.fails, outcome.warns) == (True, False)


def test_hostile_names_stay_names_on_the_terminal_and_in_markdown():
    outcome = failed(
        check=Check(HOSTILE, message=HOSTILE),
        path=HOSTILE,
        problems=(HOSTILE,),
        readings=(reading(HOSTILE, name=HOSTILE),),
    )
    assert all(line.isprintable() for line in lines(outcome))
    row = list(check_markdown(report(outcome)))[-1]
    assert row.count("|") == 5
    assert [part for part in ("<b>", "@", "`", "\x1b", "</failure>", "\u202e") if part in row] == []


def test_markdown_stays_within_the_limit_of_a_comment():
    text = "\n".join(check_markdown(report(*(failed(path="@" * 300) for _ in range(400)))))
    assert 40_000 < len(text) < 65_536
    assert text.splitlines()[-1].endswith(" more")


def test_markdown_of_passed_checks_has_no_table():
    assert list(check_markdown(report(Outcome(Check("fine"), "x"), base=""))) == [
        "### Checks passed",
        "",
        "1 check passed at abc1234000.",
    ]


def test_junit_has_a_case_for_each_rule_and_path():
    warned = failed(check=Check("w", severity=Severity.WARNING), path="b")
    root = ET.fromstring(render_junit(report(failed(), warned, Outcome(Check("fine"), "x")), seconds=1.5))
    suite = root.find("testsuite")
    assert root.tag == "testsuites"
    # All that the schema of Jenkins, junit-10.xsd, has for it.
    assert set(root.keys()) <= {"name", "time", "tests", "failures", "errors"}
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped", "errors", "time")} == {
        "tests": "3", "failures": "1", "skipped": "1", "errors": "0", "time": "1.500",
    }  # fmt: skip
    names = [(case.get("classname"), case.get("name")) for case in suite]
    assert names == [("dvx.accuracy", "accuracy: models/m"), ("dvx.w", "w: b"), ("dvx.fine", "fine: x")]
    failure = suite[0].find("failure")
    assert failure.get("message") == "`metrics.acc >= 1` does not hold"
    assert failure.text.splitlines()[1:] == [
        "metrics.acc = 0.91 in models/m.dvx at abc1234000; base 0.93 at def5678000",
        "ask Ada",
    ]
    assert suite[1].find("skipped").get("message").startswith("warning: ")
    assert suite[1].find("failure") is None
    assert list(suite[2]) == []


def test_junit_escapes_names_and_leaves_out_what_xml_cannot_hold():
    outcome = failed(check=Check(HOSTILE, message=HOSTILE), path=HOSTILE, problems=(HOSTILE,))
    case = ET.fromstring(render_junit(report(outcome), seconds=0)).find("testsuite/testcase")
    clean = HOSTILE.replace("\x00", "").replace("\x1b", "").replace("\ufffe", "")
    assert case.get("name") == f"{clean}: {clean}"
    assert case.find("failure").get("message") == clean
    assert case.find("failure").text.startswith(clean)


def test_json_has_what_json_can_hold():
    values = (math.nan, -math.inf, date(2024, 1, 2), [1, math.inf], "x", True)
    outcome = failed(readings=tuple(reading(value, name=str(i)) for i, value in enumerate(values)))
    fields = json.loads(json.dumps(check_report_fields(report(outcome)), allow_nan=False))
    (result,) = fields["results"]
    assert [each["value"] for each in result["values"]] == [
        "nan",
        "-inf",
        "2024-01-02",
        [1, "inf"],
        "x",
        True,
    ]
    assert (fields["passed"], fields["commit"], fields["base"]) == (False, NOW, BASE)
    assert (result["rule"], result["result"], result["message"]) == ("accuracy", "failed", "ask Ada")


_SHOWN = [
    (True, "true"),
    ("a", '"a"'),
    (1.5, "1.5"),
    (math.nan, "nan"),
    ([1, "b"], '[1, "b"]'),
    (date(2024, 1, 2), "2024-01-02"),
]


@pytest.mark.parametrize(("value", "text"), _SHOWN)
def test_values_are_shown_as_one_writes_them(value, text):
    assert format_value(value) == text
    assert len(format_value("x" * 500)) == 100
