"""Scenario `files`: a directory of very many small files, and one of ten times as many.

Owns the steps and their targets. Must not know how dvx works inside.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmark.measure import Cost
from benchmark.scale_inputs import FILE_BYTES, change_small_files, file_path, write_small_files
from benchmark.scale_place import Place, Steps, StoreWeight, find_difference, measure_median, weigh_store
from benchmark.scale_report import MIB, Section, Target, cost_json, number

SMALL_COUNT: Final = 100_000
GROWTH: Final = 10
CHANGES: Final = 1000
_PLACES: Final = 7
# Files, local store, remote, clone and its store: 4 + 2.2 + 2.2 + 4 + 2.2 KiB a file, and room for Git and inodes.
_DISK_BYTES_PER_FILE: Final = 18 * 1024
_MEMORY_LIMIT_MIB: Final = 512
_PAGES_LIMIT_MB: Final = 40
# Commands on one path inside: a quarter more is what start-up times of about 0.15 s vary by on a busy machine.
_ONE_PATH_GROWTH: Final = 1.25
_SECONDS_LIMITS: Final = {"add": 150.0, "status": 10.0, "diff": 5.0, "add of the change": 15.0}
_ONE_PATH: Final = (
    "status of one path",
    "ls of one path",
    "checkout of one path",
    "pull of one path, new clone",
)


@dataclass(slots=True)
class FilesResult:
    """What one directory of `count` files took."""

    count: int
    changes: int
    steps: Steps = field(default_factory=Steps)
    pushed: StoreWeight = field(default_factory=lambda: StoreWeight(0, 0, 0))
    pushed_change: StoreWeight = field(default_factory=lambda: StoreWeight(0, 0, 0))
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The raw figures."""
        return {
            "files": self.count,
            "changes": self.changes,
            "steps": {name: cost_json(cost) for name, cost in self.steps.costs.items()},
            "remote": _weight_json(self.pushed),
            "remote_growth_by_the_change": _weight_json(self.pushed_change),
        }


def run_files(place: Place, *, scale: float, repetitions: int, say: Callable[[str], None]) -> Section:
    """Measure both directories, one after the other; removes each when it is done. Raises NoSpace."""
    counts = [max(20, round(SMALL_COUNT * scale * factor)) for factor in (1, GROWTH)]
    place.require_space(counts[-1] * _DISK_BYTES_PER_FILE, what=f"a directory of {counts[-1]} files")
    results = []
    for count in counts:
        say(f"files: {count} files")
        results.append(
            _FilesRun(place, FilesResult(count, min(CHANGES, count // 10)), repetitions, say).run()
        )
    return report_files(results[0], results[1], repetitions=repetitions, is_full_size=scale >= 1)


class _FilesRun:
    """One directory of `count` files through all commands."""

    def __init__(
        self, place: Place, result: FilesResult, repetitions: int, say: Callable[[str], None]
    ) -> None:
        self._place = place
        self._dvx = place.dvx
        self._say = say
        self._repetitions = repetitions
        self._top = f"files-{result.count}"
        self._remote = place.folder / self._top / "remote"
        self._result = result

    def _inside(self, number: int) -> str:
        """A path inside, another one for each of the first repetitions."""
        part = (number % _PLACES) / _PLACES
        return f"data/{file_path(int(self._result.count * part) + 1)}"

    def run(self) -> FilesResult:
        repository = self._place.make_repository(f"{self._top}/author", remote=str(self._remote))
        try:
            write_small_files(repository / "data", self._result.count)
            self._first_version(repository)
            self._short_commands(repository)
            self._change(repository)
            self._clones(repository)
        finally:
            self._place.remove(self._place.folder / self._top)
        return self._result

    def _take(self, name: str, cwd: Path, *args: str) -> None:
        self._result.steps.take(name, lambda: self._dvx.run(cwd, *args)[0])
        self._say(f"  {name}: {number(self._result.steps.costs[name].seconds)} s")

    def _first_version(self, repository: Path) -> None:
        self._take("add", repository, "add", "data")
        self._result.steps.take("git commit", lambda: self._place.commit(repository))
        self._take("status", repository, "status", "--exit-code")
        self._take("add, nothing changed", repository, "add", "data")
        self._take("push", repository, "push")
        self._result.pushed = weigh_store(self._remote)
        self._take("push, nothing to do", repository, "push")

    def _short_commands(self, repository: Path) -> None:
        def checkout(number: int) -> Cost:
            (repository / self._inside(number)).unlink()
            return self._dvx.run(repository, "checkout", self._inside(number))[0]

        def other(command: str) -> Callable[[int], Cost]:
            return lambda number: self._dvx.run(repository, command, self._inside(number))[0]

        for command, step in (("status", other("status")), ("ls", other("ls")), ("checkout", checkout)):
            self._median(f"{command} of one path", step)

    def _median(self, name: str, step: Callable[[int], Cost]) -> None:
        self._result.steps.take(name, lambda: measure_median(step, self._repetitions))
        self._say(f"  {name}: {number(self._result.steps.costs[name].seconds)} s")

    def _change(self, repository: Path) -> None:
        changed = change_small_files(repository / "data", self._result.count, changes=self._result.changes)
        self._take("diff", repository, "diff", "--name-only")
        _, text = self._dvx.run(repository, "diff", "--json")
        found = {change["path"].removeprefix("data/") for change in json.loads(text)["changes"]}
        if found != set(changed):
            self._result.wrong.append(f"diff found {len(found)} changes instead of {len(changed)}")
        self._take("add of the change", repository, "add", "data")
        self._place.commit(repository)
        self._take("push of the change", repository, "push")
        self._result.pushed_change = weigh_store(self._remote).minus(self._result.pushed)

    def _clones(self, repository: Path) -> None:
        def pull_one(number: int) -> Cost:
            clone, cost = self._place.clone(repository, f"{self._top}/clone-{number}")
            cost = cost.plus(self._dvx.run(clone, "pull", self._inside(number))[0])
            self._check(repository / self._inside(number), clone / self._inside(number))
            self._place.remove(clone)
            return cost

        def pull_all() -> Cost:
            clone, cost = self._place.clone(repository, f"{self._top}/clone")
            return cost.plus(self._dvx.run(clone, "pull")[0])

        self._median("pull of one path, new clone", pull_one)
        self._result.steps.take("clone + pull", pull_all)
        self._say(f"  clone + pull: {number(self._result.steps.costs['clone + pull'].seconds)} s")
        difference = find_difference(repository / "data", self._place.folder / self._top / "clone" / "data")
        if difference is not None:
            self._result.wrong.append(difference)

    def _check(self, expected: Path, found: Path) -> None:
        if not found.is_file() or expected.read_bytes() != found.read_bytes():
            self._result.wrong.append(f"`{found}` is not what was added")


def report_files(small: FilesResult, large: FilesResult, *, repetitions: int, is_full_size: bool) -> Section:
    """The table and the targets; seconds are judged at full size only, they were set for it."""
    section = Section("files", f"{small.count} and {large.count} files of {FILE_BYTES} bytes")
    section.columns = ("step", "s", "s, 10 x", "growth", "CPU s, 10 x", "peak MiB", "peak MiB, 10 x")
    growth = {
        name: cost.seconds / small.steps.costs[name].seconds for name, cost in large.steps.costs.items()
    }
    for name, cost in large.steps.costs.items():
        before = small.steps.costs[name]
        cells = (before.seconds, cost.seconds, growth[name], cost.cpu_s)
        peaks = (before.peak_bytes / MIB, cost.peak_bytes / MIB)
        section.rows.append((name, *map(number, cells), *map(number, peaks)))
    section.targets = _targets(large, growth, is_full_size=is_full_size)
    section.notes = [_describe_remote(result) for result in (small, large)]
    section.notes.append(f"steps on one path are medians of {repetitions} runs, each on another path")
    section.wrong = small.wrong + large.wrong
    section.raw = {"small": small.as_json(), "large": large.as_json(), "growth": growth}
    return section


def _targets(large: FilesResult, growth: dict[str, float], *, is_full_size: bool) -> list[Target]:
    costs = large.steps.costs
    targets = [
        Target(f"{name}, {large.count} files", costs[name].seconds, limit, "s", is_full_size)
        for name, limit in _SECONDS_LIMITS.items()
    ]
    peak = max(costs.items(), key=lambda item: item[1].peak_bytes)
    targets.append(Target(f"peak memory ({peak[0]})", peak[1].peak_bytes / MIB, _MEMORY_LIMIT_MIB, "MiB"))
    pages_mb = large.pushed_change.page_bytes / 1e6
    what = f"manifest rewritten for {large.changes} changes"
    targets.append(Target(what, pages_mb, _PAGES_LIMIT_MB, "MB", is_full_size))
    whole = {name: factor for name, factor in growth.items() if name not in _ONE_PATH}
    steepest = max(whole, key=lambda name: whole[name])
    targets.append(Target(f"growth of the steepest command ({steepest})", whole[steepest], GROWTH, "x"))
    one_path = [Target(f"growth of {name}", growth[name], _ONE_PATH_GROWTH, "x") for name in _ONE_PATH]
    return targets + one_path


def _describe_remote(result: FilesResult) -> str:
    first, change = result.pushed, result.pushed_change
    return (
        f"{result.count} files: remote {first.objects} objects, {first.size_bytes / 1e6:.1f} MB, of these "
        f"{first.page_bytes / 1e6:.1f} MB manifest; {result.changes} changes pushed {change.objects} objects, "
        f"{change.size_bytes / 1e6:.1f} MB, of these {change.page_bytes / 1e6:.1f} MB manifest"
    )


def _weight_json(weight: StoreWeight) -> dict[str, int]:
    return {"objects": weight.objects, "bytes": weight.size_bytes, "manifest_bytes": weight.page_bytes}
