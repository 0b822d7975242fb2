"""The targets: what dvx must reach, computed from one run.

Owns the rows, their limits, and what they are compared with. A limit that is a factor is a multiple of what a
peer took in the same run, since machines differ; limits in bytes grow with the scale of the run. Must not
format.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmark.results import Results, Sample, spread

MB: Final = 1_000_000
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """One row with its outcome. `value` and `limit` are in `unit`; None where it was not measured, and then
    `missing` names what lacked."""

    workload: str
    title: str
    unit: str
    value: float | None
    limit: float | None
    is_strict: bool = False
    missing: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the value is within the limit; None where it was not measured."""
        if self.value is None or self.limit is None:
            return None
        return self.value < self.limit if self.is_strict else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class _Peer:
    """What dvx is compared with: a step of a tool; `remote` is "" where it makes no difference."""

    tool: str
    step: str
    remote: str = ""


@dataclass(frozen=True, slots=True)
class _Factor:
    """dvx takes at most `factor` times what the peer takes."""

    workload: str
    title: str
    step: str
    factor: float
    peer: _Peer
    remote: str = ""
    is_strict: bool = False


# What else keeps a version; DVC has a limit of its own.
_ADDS: Final = (
    _Peer("git-lfs", "add v1"),
    _Peer("restic", "push v1", "folder"),
    _Peer("borg", "push v1", "folder"),
    _Peer("hf-xet", "push v1", "folder"),
)


def _against_dvc(step: str, factors: tuple[float, float, float]) -> list[_Factor]:
    return [
        _Factor(f"W{number}", f"{step}: at most {factor:g} x DVC", step, factor, _Peer("dvc", step))
        for number, factor in enumerate(factors, 1)
    ]


def _on_s3(workload: str, step: str, factor: float, tool: str, peer_step: str) -> _Factor:
    title = f"{step} on S3: at most {factor:g} x {tool}"
    return _Factor(workload, title, step, factor, _Peer(tool, peer_step, "s3"), "s3")


def _faster(workload: str, peer: _Peer, what: str) -> _Factor:
    title = f"add v1: faster than the {what} of {peer.tool}"
    return _Factor(workload, title, "add v1", 1.0, peer, is_strict=True)


_FACTORS: Final = (
    *_against_dvc("add v1", (0.25, 0.30, 0.35)),
    *(_faster("W1", peer, "add" if peer.step == "add v1" else "backup") for peer in _ADDS),
    _faster("W2", _Peer("borg", "push v1", "folder"), "backup"),
    _faster("W3", _Peer("hf-xet", "push v1", "folder"), "upload"),
    _on_s3("W1", "push v1", 0.8, "boto3", "push v1"),
    _on_s3("W2", "push v1", 0.6, "obstore", "push v1"),
    _on_s3("W2", "push v1", 0.2, "dvc", "push v1"),
    _on_s3("W3", "push v1", 0.55, "boto3", "push v1"),
    *(
        _on_s3(workload, step, factor, tool, "pull")
        for step in ("pull", "pull direct")
        for workload, factor, tool in (("W1", 1.0, "boto3"), ("W2", 0.5, "s5cmd"), ("W3", 0.8, "boto3"))
    ),
    *_against_dvc("add v2", (0.35, 0.3, 0.5)),
    *_against_dvc("switch v1", (1.0, 0.5, 1.0)),
    *_against_dvc("switch v2", (1.0, 0.5, 1.0)),
    _Factor("W2", "status: at most 0.2 x DVC", "status", 0.2, _Peer("dvc", "status")),
)
_STATUS_S: Final = {"W1": 0.12, "W3": 0.12}
_NEW_MB: Final = {"W1": 185, "W2": 22, "W3": 70}
_STORED_MB: Final = {"W1": 1450, "W3": 400}
_STORED_OBJECTS: Final = {"W2": 25}
_PEAK_MIB: Final = 400


def compute_targets(results: Results) -> list[Target]:
    """Every row for the workloads of this run, in the order of workloads."""
    workloads = list(results.parameters["workloads"])
    rows = [_compare(results, factor) for factor in _FACTORS if factor.workload in workloads]
    rows += [_limit_seconds(results, name, limit) for name, limit in _STATUS_S.items() if name in workloads]
    rows += _stored_rows(results, workloads)
    rows += [_peak_row(results, name) for name in workloads]
    return sorted(rows, key=lambda row: workloads.index(row.workload))


def _compare(results: Results, factor: _Factor) -> Target:
    ours = _seconds(results.pick(factor.workload, "dvx", factor.step, remote=factor.remote))
    peer = factor.peer
    theirs = _seconds(results.pick(factor.workload, peer.tool, peer.step, remote=peer.remote))
    missing = "dvx" if ours is None else peer.tool if theirs is None else ""
    limit = None if theirs is None else factor.factor * theirs
    return Target(factor.workload, factor.title, "s", ours, limit, factor.is_strict, missing)


def _limit_seconds(results: Results, workload: str, limit_s: float) -> Target:
    value = _seconds(results.pick(workload, "dvx", "status"))
    return Target(
        workload, "status, no change", "s", value, limit_s, missing="" if value is not None else "dvx"
    )


def _stored_rows(results: Results, workloads: Sequence[str]) -> list[Target]:
    def row(name: str, title: str, unit: str, step: str, limit: float) -> Target:
        figure: Callable[[Sample], float] = (
            (lambda sample: sample.added.objects if sample.added else 0)
            if unit == "objects"
            else (lambda sample: (sample.added.size_bytes if sample.added else 0) / MB)
        )
        found = spread(results.pick(name, "dvx", step), figure)
        value = found.median if found else None
        return Target(name, title, unit, value, limit, missing="" if found else "dvx")

    rows = [
        row(name, "new for v2", "MB", "push v2", limit * results.scale) for name, limit in _NEW_MB.items()
    ]
    rows += [row(name, "stored v1", "MB", "push v1", mb * results.scale) for name, mb in _STORED_MB.items()]
    rows += [row(name, "stored v1", "objects", "push v1", count) for name, count in _STORED_OBJECTS.items()]
    return [row for row in rows if row.workload in workloads]


def _peak_row(results: Results, workload: str) -> Target:
    peaks = [sample.cost.peak_bytes / MIB for sample in results.pick(workload, "dvx")]
    value = max(peaks, default=None)
    return Target(
        workload, "peak memory of every step", "MiB", value, _PEAK_MIB, missing="" if peaks else "dvx"
    )


def _seconds(samples: Sequence[Sample]) -> float | None:
    found = spread(samples, lambda sample: sample.cost.seconds)
    return found.median if found else None
