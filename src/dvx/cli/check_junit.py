"""A check as JUnit XML, which CI services show beside the tests.

Owns the document. A rule about one path is a test case; a rule that only warns is a skipped one, because the format
knows no warnings. Must not decide what holds.
"""

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from dvx.cli.check_text import reading_lines

if TYPE_CHECKING:
    from dvx.ops.check import CheckReport, Outcome

# XML 1.0 has no way to write these at all, escaped or not.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: "CheckReport", *, seconds: float) -> bytes:
    """The document, in UTF-8."""
    counts = {
        "tests": str(len(report.outcomes)),
        "failures": str(len(report.failed)),
        "errors": "0",
        "time": f"{seconds:.3f}",
        "name": "dvx check",
    }
    suites = ET.Element("testsuites", counts)
    # Jenkins' schema (junit-10.xsd) counts skipped cases in a suite only.
    suite = ET.SubElement(suites, "testsuite", counts | {"skipped": str(len(report.warnings))})
    for outcome in report.outcomes:
        _add_case(suite, outcome)
    ET.indent(suites)
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add_case(suite: ET.Element, outcome: "Outcome") -> None:
    # GitLab tells cases apart by name and class name; one rule may be about many paths.
    name = f"{outcome.check.name}: {outcome.path}"
    about = {"classname": "dvx." + outcome.check.name, "name": name, "time": "0"}
    case = ET.SubElement(suite, "testcase", {key: _valid(text) for key, text in about.items()})
    if not outcome.problems:
        return
    lines = [*outcome.problems, *reading_lines(outcome), *outcome.check.message.splitlines()]
    message = _valid("; ".join(outcome.problems))
    if outcome.fails:
        found = ET.SubElement(case, "failure", {"message": message, "type": "rule"})
        found.text = _valid("\n".join(lines))
    else:
        ET.SubElement(case, "skipped", {"message": f"warning: {message}"})
        ET.SubElement(case, "system-out").text = _valid("\n".join(lines))


def _valid(text: str) -> str:
    return _NOT_XML.sub("", text)
