"""Scenario `latency`: a cold pull of W2 from S3 with 50 ms added to every request, and without.

Owns the steps and the targets. The proxy is `delay.py`, the judgement of a timeline `scale_timeline.py`.
"""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmark.delay import DelayProxy, start_delay_proxy
from benchmark.measure import Cost, settle
from benchmark.scale_place import Place, find_difference, weigh_store
from benchmark.scale_report import MIB, Section, Target, cost_json, number
from benchmark.scale_timeline import RemotePacks, Timeline, judge_requests
from benchmark.workloads import KINDS, prepare_workload
from dvx.testing.servers import CREDENTIALS_ENVIRONMENT, create_bucket, start_rclone_server

DELAY_S: Final = 0.05
REPETITIONS: Final = 3
# rclone computes an MD5 of a whole object when it is first asked for it; with this it makes up another ETag.
_SERVER_OPTIONS: Final = ("--etag-hash=",)
_MODES: Final = {"pull": (), "pull --no-store": ("--no-store",)}
_SLOWDOWN_LIMIT: Final = 2.0
_ROUND_TRIPS_LIMIT: Final = 3
_BYTES_PER_REQUEST: Final = 8 * MIB
# Marker, listing, record and pages, and for each pack one more for its index: 1 GiB has 17 packs.
_REQUESTS_CONSTANT: Final = 32


@dataclass(frozen=True, slots=True)
class LatencyRun:
    """One cold pull: its mode, the delay, what it cost, and what its requests were."""

    mode: str
    delay_s: float
    cost: Cost
    timeline: Timeline

    def as_json(self) -> dict[str, Any]:
        """The raw figures."""
        return {"mode": self.mode, "delay_s": self.delay_s, **cost_json(self.cost), **asdict(self.timeline)}


def run_latency(place: Place, *, scale: float, repetitions: int, say: Callable[[str], None]) -> Section:
    """Push W2 to a server on loopback and pull it through the proxy; removes everything. Raises NoSpace."""
    # The workload, its copy, the store, the remote, a clone with a store.
    place.require_space(int(KINDS["W2"].size_bytes * scale * 7) + 64 * MIB, what="the workload W2")
    top = place.folder / "latency"
    try:
        workload = prepare_workload("W2", scale=scale, folder=top / "workloads")
        (top / "buckets").mkdir()
        with (
            start_rclone_server(str(top / "buckets"), options=_SERVER_OPTIONS) as server,
            start_delay_proxy(server.endpoint) as proxy,
        ):
            bucket = create_bucket(server)
            env = {**CREDENTIALS_ENVIRONMENT, "DVX_REMOTE_ORIGIN_ENDPOINT": server.endpoint}
            repository = place.make_repository("latency/author", remote=bucket.url)
            workload.place_v1(repository)
            place.dvx.run(repository, "add", workload.path)
            place.commit(repository)
            say("latency: push of W2")
            place.dvx.run(repository, "push", env=env)
            remote = top / "buckets" / bucket.bucket / "data"
            pulls = _Pulls(place, repository, workload.path, remote, proxy)
            runs = [
                pulls.run(mode, delay_s, say)
                for _ in range(repetitions)
                for mode in _MODES
                for delay_s in (0.0, DELAY_S)
            ]
        stored_bytes = weigh_store(remote).size_bytes
    finally:
        place.remove(top)
    return report_latency(runs, pulls.wrong, stored_bytes=stored_bytes)


class _Pulls:
    """Cold pulls into fresh clones, through the proxy."""

    def __init__(self, place: Place, repository: Path, path: str, remote: Path, proxy: DelayProxy) -> None:
        self.wrong: list[str] = []
        self._place = place
        self._repository = repository
        self._path = path
        self._packs = RemotePacks(remote)
        self._proxy = proxy

    def run(self, mode: str, delay_s: float, say: Callable[[str], None]) -> LatencyRun:
        """Clone, pull with a delay, and compare every byte."""
        clone, _ = self._place.clone(self._repository, "latency/clone")
        env = {**CREDENTIALS_ENVIRONMENT, "DVX_REMOTE_ORIGIN_ENDPOINT": self._proxy.endpoint}
        settle()
        self._proxy.delay_s = delay_s
        self._proxy.take_requests()
        cost, _ = self._place.dvx.run(clone, "pull", *_MODES[mode], env=env)
        timeline = judge_requests(self._proxy.take_requests(), self._packs)
        difference = find_difference(self._repository / self._path, clone / self._path)
        if difference is not None:
            self.wrong.append(f"{mode}: {difference}")
        self._place.remove(clone)
        say(f"latency: {mode} with {delay_s * 1000:.0f} ms: {cost.seconds:.2f} s")
        return LatencyRun(mode, delay_s, cost, timeline)


def report_latency(runs: list[LatencyRun], wrong: list[str], *, stored_bytes: int) -> Section:
    """The table and the targets; seconds are medians, requests the most of all runs."""
    repetitions = len(runs) // (2 * len(_MODES))
    section = Section("latency", f"cold pull of W2 with {DELAY_S * 1000:.0f} ms added to every request")
    section.columns = (
        "command",
        "delay ms",
        "s",
        "requests",
        "LIST",
        "HEAD",
        "GET",
        "rounds before data",
        "MB",
    )
    for mode in _MODES:
        for delay_s in (0.0, DELAY_S):
            chosen = [run for run in runs if (run.mode, run.delay_s) == (mode, delay_s)]
            section.rows.append(_cells(mode, delay_s, chosen))
        section.targets += _targets(mode, [run for run in runs if run.mode == mode], stored_bytes)
    section.notes = [
        f"seconds are medians of {repetitions}, with and without the delay in turn and through the same proxy; "
        "requests are the most of all runs",
        "rounds before data: the longest chain of requests, each sent after the one before was answered, that "
        "ended before the first request for the frames of a data pack",
        *sorted(
            {f"{run.mode} asked before data for: {run.timeline.before_data}" for run in runs if run.delay_s}
        ),
    ]
    section.wrong = wrong
    section.raw = {"stored_bytes": stored_bytes, "runs": [run.as_json() for run in runs]}
    return section


def _cells(mode: str, delay_s: float, runs: list[LatencyRun]) -> tuple[str, ...]:
    lines = [run.timeline for run in runs]
    counts = [
        max(line.requests for line in lines),
        *(max(line.kinds.get(kind, 0) for line in lines) for kind in ("LIST", "HEAD", "GET")),
    ]
    rounds = str(max(line.rounds_before_data for line in lines)) if delay_s else "-"
    received_mb = max(line.received_bytes for line in lines) / 1e6
    return (
        mode,
        f"{delay_s * 1000:.0f}",
        number(_median_s(runs)),
        *map(str, counts),
        rounds,
        number(received_mb),
    )


def _targets(mode: str, runs: list[LatencyRun], stored_bytes: int) -> list[Target]:
    late = [run for run in runs if run.delay_s]
    plain = [run for run in runs if not run.delay_s]
    most = max(run.timeline.requests for run in runs)
    rounds = max(run.timeline.rounds_before_data for run in late)
    allowed = stored_bytes // _BYTES_PER_REQUEST + _REQUESTS_CONSTANT
    return [
        Target(
            f"{mode}: time with delay over time without",
            _median_s(late) / _median_s(plain),
            _SLOWDOWN_LIMIT,
            "x",
        ),
        Target(f"{mode}: sequential round trips before data", rounds, _ROUND_TRIPS_LIMIT, ""),
        Target(f"{mode}: requests, limit bytes / 8 MiB + {_REQUESTS_CONSTANT}", most, allowed, ""),
    ]


def _median_s(runs: list[LatencyRun]) -> float:
    return statistics.median(run.cost.seconds for run in runs)
