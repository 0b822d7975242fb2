"""The JSON document of `dvx check`.

Owns its fields, which are public: fields may be added, never changed or removed. What is no number in JSON is text:
"nan", "inf" and "-inf", and dates in ISO form.
"""

from typing import TYPE_CHECKING

from dvx.cli.cells import json_value
from dvx.cli.documents import Fields

if TYPE_CHECKING:
    from dvx.ops.check import CheckReport, Outcome
    from dvx.ops.check_values import Reading


def check_report_fields(report: "CheckReport") -> Fields:
    """dvx.check/1; `commit` and `base` are null where there is none"""
    return {
        "passed": not report.failed,
        "where": report.where,
        "commit": report.commit or None,
        "base": report.base or None,
        "rules": report.rules,
        "failures": len(report.failed),
        "warnings": len(report.warnings),
        "results": [_result(outcome) for outcome in report.outcomes],
    }


def _result(outcome: "Outcome") -> Fields:
    check = outcome.check
    return {
        "rule": check.name,
        "path": outcome.path,
        "severity": check.severity.value,
        "expression": check.text or None,
        "message": check.message or None,
        "result": "failed" if outcome.fails else "warning" if outcome.warns else "passed",
        "problems": list(outcome.problems),
        "values": [_reading(reading) for reading in outcome.readings],
    }


def _reading(reading: "Reading") -> Fields:
    return {
        "name": reading.name,
        "value": json_value(reading.value),
        "file": reading.place,
        "where": reading.where,
        "base": reading.is_base,
    }
