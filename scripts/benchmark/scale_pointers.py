"""Scenario `pointers`: one repository with a thousand pointers.

Owns the steps and their targets. Must not know how dvx works inside.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmark.measure import Cost
from benchmark.scale_inputs import write_small_files
from benchmark.scale_place import Place, Steps, measure_median, weigh_store
from benchmark.scale_report import MIB, Section, Target, cost_json, number

COUNT: Final = 1000
_SECONDS_LIMIT: Final = 0.3
_JUDGED: Final = ("status", "push, nothing to do", "pull of one target")
_PER_ADD: Final = 250  # paths in one command line


def run_pointers(place: Place, *, scale: float, repetitions: int, say: Callable[[str], None]) -> Section:
    """Make a repository of pointers to files of 4 KiB and measure in it; removes it."""
    count = max(10, round(COUNT * scale))
    say(f"pointers: {count} pointers")
    run = _PointersRun(place, count, repetitions)
    try:
        run.measure()
    finally:
        place.remove(place.folder / "pointers")
    return report_pointers(run)


class _PointersRun:
    """A repository with `count` pointers, and what its commands took."""

    def __init__(self, place: Place, count: int, repetitions: int) -> None:
        self.count = count
        self.repetitions = repetitions
        self.steps = Steps()
        self.wrong: list[str] = []
        self.objects = 0
        self._place = place
        self._remote = place.folder / "pointers" / "remote"

    def measure(self) -> None:
        """Make the repository, then measure in it and in a clone."""
        repository = self._place.make_repository("pointers/author", remote=str(self._remote))
        paths = _make_files(repository, self.count)
        self.steps.take("add of all", lambda: _add_all(self._place, repository, paths))
        self.steps.take("git commit", lambda: self._place.commit(repository))
        self.steps.take("push of all", lambda: self._place.dvx.run(repository, "push")[0])
        self.objects = weigh_store(self._remote).objects
        self._median("status", repository, lambda _: ("status", "--exit-code"))
        self._median("push, nothing to do", repository, lambda _: ("push",))
        self._pull(repository, paths)

    def _pull(self, repository: Path, paths: list[str]) -> None:
        clone, _ = self._place.clone(repository, "pointers/clone")
        targets = [paths[len(paths) * number // self.repetitions] for number in range(self.repetitions)]
        self._median("pull of one target", clone, lambda number: ("pull", targets[number]))
        self.wrong += [
            f"`{path}` was pulled with other bytes than were added"
            for path in targets
            if (clone / path).read_bytes() != (repository / path).read_bytes()
        ]

    def _median(self, name: str, cwd: Path, arguments: Callable[[int], tuple[str, ...]]) -> None:
        def step(number_: int) -> Cost:
            return self._place.dvx.run(cwd, *arguments(number_))[0]

        self.steps.take(name, lambda: measure_median(step, self.repetitions))


def _make_files(repository: Path, count: int) -> list[str]:
    write_small_files(repository / "models", count)
    return sorted(path.relative_to(repository).as_posix() for path in repository.glob("models/*/*"))


def _add_all(place: Place, repository: Path, paths: list[str]) -> Cost:
    batches = [paths[start : start + _PER_ADD] for start in range(0, len(paths), _PER_ADD)]
    cost, *others = (place.dvx.run(repository, "add", *batch)[0] for batch in batches)
    for other in others:
        cost = cost.plus(other)
    return cost


def report_pointers(run: _PointersRun) -> Section:
    """The table and the targets, which hold for 1 000 pointers and fewer."""
    costs = run.steps.costs
    section = Section(
        "pointers", f"{run.count} pointers in one repository", columns=("step", "s", "CPU s", "peak MiB")
    )
    for name, cost in costs.items():
        cells = (cost.seconds, cost.cpu_s, cost.peak_bytes / MIB)
        section.rows.append((name, *map(number, cells)))
    section.targets = [Target(name, costs[name].seconds, _SECONDS_LIMIT, "s") for name in _JUDGED]
    section.notes = [
        f"the remote has {run.objects} objects",
        f"{', '.join(_JUDGED)}: medians of {run.repetitions} runs; each pull gets another target into the same clone",
    ]
    section.wrong = run.wrong
    section.raw = {
        "pointers": run.count,
        "objects": run.objects,
        "steps": {name: cost_json(cost) for name, cost in costs.items()},
    }
    return section
