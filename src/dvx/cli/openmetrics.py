"""OpenMetrics text: what Prometheus' textfile collector and the metrics report of GitLab read.

Owns the exposition format (https://prometheus.io/docs/specs/om/open_metrics_spec/): names, escapes and order. Must not
decide what is worth showing beyond what samples it makes of a pointer, of values and of a check.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dvx.cli.output import escape

if TYPE_CHECKING:
    from dvx.formats.pointer import Pointer
    from dvx.ops.check import CheckReport

_PREFIX: Final = "dvx_"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_]+")
_HELP: Final = {
    "data_size_bytes": "Size of tracked data in bytes.",
    "data_files": "Number of files of tracked data.",
    "check_passed": "Whether a rule holds: 1 or 0.",
    "check_rules": "Number of rules.",
    "check_failures": "Number of rules and paths that fail the check.",
    "check_warnings": "Number of rules and paths that only warn.",
}
_UNITS: Final = {"data_size_bytes": "bytes"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. `name` is that of the metric without prefix, in any characters, such as `metrics.val/acc`.

    A name that had to be changed to be valid stands as the label `name`, so that two that become the same stay apart.
    """

    name: str
    value: float | int | bool
    labels: Mapping[str, str] = field(default_factory=dict)


def render_openmetrics(samples: Iterable[Sample]) -> str:
    """Spell samples as OpenMetrics text, metrics by name; all are gauges. Of samples with the same name and labels
    the last one counts."""
    families: dict[str, dict[str, float | int | bool]] = {}
    for sample in samples:
        name = _metric_name(sample.name)
        labels = dict(sample.labels)
        if name != _PREFIX + sample.name:
            labels["name"] = sample.name
        families.setdefault(name, {})[_label_set(labels)] = sample.value
    return "".join(f"{line}\n" for line in (*_lines(families), "# EOF"))


def _lines(families: Mapping[str, Mapping[str, float | int | bool]]) -> Iterator[str]:
    for name in sorted(families):
        known = name.removeprefix(_PREFIX)
        yield f"# TYPE {name} gauge"
        if known in _UNITS:
            yield f"# UNIT {name} {_UNITS[known]}"
        yield f"# HELP {name} {_HELP.get(known) or 'A value recorded with the data.'}"
        for labels in sorted(families[name]):
            yield f"{name}{labels} {_number(families[name][labels])}"


def value_samples(values: Mapping[str, object], labels: Mapping[str, str]) -> Iterator[Sample]:
    """The numbers among values with names such as `metrics.acc` and `params.lr`; texts and lists have no sample."""
    for name, value in values.items():
        if isinstance(value, bool | int | float) and name.startswith(("metrics.", "params.")):
            yield Sample(name, value, labels)


def pointer_samples(path: str, pointer: "Pointer") -> Iterator[Sample]:
    """Size, number of files, metrics and parameters of one tracked path."""
    from dvx.formats.metadata import metadata_of

    labels = {"path": path}
    yield Sample("data_size_bytes", pointer.size, labels)
    yield Sample("data_files", 1 if pointer.files is None else pointer.files, labels)
    metadata = metadata_of(pointer)
    yield from value_samples({f"metrics.{name}": value for name, value in metadata.metrics.items()}, labels)
    yield from value_samples({f"params.{name}": value for name, value in metadata.params.items()}, labels)


def check_samples(report: "CheckReport") -> Iterator[Sample]:
    """The outcomes of a check, and what its rules were about."""
    for subject in report.subjects:
        if subject.pointer is not None:
            yield from pointer_samples(subject.path, subject.pointer)
        else:
            yield from value_samples(subject.values, {"path": subject.path})
    for outcome in report.outcomes:
        labels = {"rule": outcome.check.name, "path": outcome.path, "severity": outcome.check.severity.value}
        yield Sample("check_passed", not outcome.problems, labels)
    yield Sample("check_rules", report.rules)
    yield Sample("check_failures", len(report.failed))
    yield Sample("check_warnings", len(report.warnings))


def _metric_name(name: str) -> str:
    """A valid name; different ones may become the same."""
    plain = _NOT_IN_NAMES.sub("_", name).strip("_") or "value"
    return _PREFIX + plain


def _label_set(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_label_value(labels[name])}"' for name in sorted(labels)) + "}"


def _label_value(text: str) -> str:
    """Signs that cannot be seen are spelled out first, so that a name never breaks a line anywhere."""
    return escape(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float | int | bool) -> str:
    if isinstance(value, bool | int):
        return str(int(value))
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
