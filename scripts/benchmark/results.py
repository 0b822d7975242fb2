"""Everything one run of the benchmark found, and the medians of it.

Owns the samples and their JSON form. Must not format for people.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmark.measure import Cost
from benchmark.session import Size


@dataclass(frozen=True, slots=True)
class Sample:
    """One step of one tool in one repetition. `added` is what a push put on the remote; `wrong` says what is
    wrong with the result, nothing if it was compared and right or has no result."""

    workload: str
    remote: str
    tool: str
    step: str
    repetition: int
    cost: Cost
    added: Size | None = None
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there are no figures of a tool; `workload` and `remote` are empty where it concerns all."""

    tool: str
    reason: str
    workload: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of several repetitions."""

    median: float
    least: float
    greatest: float


@dataclass(slots=True)
class Results:
    """A run: its parameters, the machine, the versions of the tools, all samples and all absences."""

    parameters: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    samples: list[Sample] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    @property
    def scale(self) -> float:
        """The size of the workloads, 1 for the full one."""
        return float(self.parameters["scale"])

    def pick(self, workload: str, tool: str, step: str = "", *, remote: str = "") -> list[Sample]:
        """The samples of a tool, of one step and one remote where these are given."""
        return [
            sample
            for sample in self.samples
            if sample.workload == workload
            and sample.tool == tool
            and step in ("", sample.step)
            and remote in ("", sample.remote)
        ]

    def wrong(self) -> list[Sample]:
        """The samples whose result was not what it should be."""
        return [sample for sample in self.samples if sample.wrong]

    def to_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {"schema": "dvx-bench-1", **asdict(self)}


def spread(samples: Iterable[Sample], figure: Callable[[Sample], float]) -> Spread | None:
    """The spread of one figure over samples; None without samples."""
    values = [figure(sample) for sample in samples]
    return Spread(median(values), min(values), max(values)) if values else None


def results_from_json(document: dict[str, Any]) -> Results:
    """Read what Results.to_json made."""
    samples = [
        Sample(
            **{
                **sample,
                "cost": Cost(**sample["cost"]),
                "added": Size(**sample["added"]) if sample["added"] else None,
                "wrong": tuple(sample["wrong"]),
            }
        )
        for sample in document["samples"]
    ]
    absences = [Absence(**absence) for absence in document["absences"]]
    return Results(document["parameters"], document["machine"], document["versions"], samples, absences)
