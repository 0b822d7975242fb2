"""Scenario `large`: one file of 2 GiB, and one of ten times as much.

Owns the steps and their targets. Must not know how dvx works inside.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmark.measure import Cost, run_measured
from benchmark.scale_inputs import hash_file, write_weights
from benchmark.scale_place import GIB, Place, Steps, StoreWeight, store_of, weigh_store
from benchmark.scale_report import MIB, Section, Target, cost_json, number

SMALL_BYTES: Final = 2 * GIB
GROWTH: Final = 10
_NAME: Final = "weights.bin"
# The file and its local store, or two stores, or a store and the pulled file: at most 1.68 of the file.
_DISK_PER_BYTE: Final = 1.75
# "As for a small one": what one more 64 MiB object in flight may add.
_MEMORY_GROWTH_MIB: Final = 64
_MEMORY_LIMIT_MIB: Final = 512
# Throughput within 10 %: ten times the bytes in at most 11.1 times the seconds.
_SLOWDOWN_LIMIT: Final = 1 / 0.9
_COMMANDS: Final = ("add", "push", "pull")
# What the machine itself does with the same bytes: one thread reads the file, one copies the packs.
_READ: Final = """
import sys
buffer = bytearray(1 << 20)
with open(sys.argv[1], "rb", buffering=0) as file:
    while file.readinto(buffer):
        pass
"""
_COPY: Final = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"


@dataclass(slots=True)
class LargeResult:
    """What one file of `size_bytes` took; `stored` is what the remote holds of it."""

    size_bytes: int
    steps: Steps = field(default_factory=Steps)
    stored: StoreWeight = field(default_factory=lambda: StoreWeight(0, 0, 0))
    wrong: list[str] = field(default_factory=list)

    def rate(self, name: str) -> float:
        """Plain MiB of the file for each second of a step."""
        return self.size_bytes / MIB / self.steps.costs[name].seconds

    def as_json(self) -> dict[str, Any]:
        """The raw figures."""
        return {
            "bytes": self.size_bytes,
            "stored_bytes": self.stored.size_bytes,
            "objects": self.stored.objects,
            "steps": {name: cost_json(cost) for name, cost in self.steps.costs.items()},
        }


def run_large(place: Place, *, scale: float, say: Callable[[str], None]) -> Section:
    """Measure both files, one after the other; removes each when it is done. Raises NoSpace."""
    sizes = [max(MIB, int(SMALL_BYTES * scale)) * factor for factor in (1, GROWTH)]
    place.require_space(int(sizes[-1] * _DISK_PER_BYTE), what=f"one file of {sizes[-1] / GIB:.1f} GiB")
    results = []
    for size_bytes in sizes:
        say(f"large: one file of {size_bytes / GIB:.2f} GiB")
        results.append(_LargeRun(place, size_bytes, say).run())
    return report_large(results[0], results[1])


class _LargeRun:
    """One file through add, push and pull, with never more than two of: the file, the store, the remote."""

    def __init__(self, place: Place, size_bytes: int, say: Callable[[str], None]) -> None:
        self._place = place
        self._dvx = place.dvx
        self._say = say
        self._top = place.folder / f"large-{size_bytes}"
        self._result = LargeResult(size_bytes)

    def run(self) -> LargeResult:
        remote = self._top / "remote"
        repository = self._place.make_repository(f"{self._top.name}/author", remote=str(remote))
        try:
            expected = write_weights(repository / _NAME, self._result.size_bytes)
            self._take("read (limit of add)", lambda: self._python(_READ, repository / _NAME))
            self._take("add", lambda: self._dvx.run(repository, "add", _NAME)[0])
            self._place.commit(repository)
            (repository / _NAME).unlink()
            self._copy_packs(repository)
            self._take("push", lambda: self._dvx.run(repository, "push")[0])
            self._result.stored = weigh_store(remote)
            shutil.rmtree(store_of(repository))
            clone, _ = self._place.clone(repository, f"{self._top.name}/clone")
            self._take("pull", lambda: self._dvx.run(clone, "pull", "--no-store")[0])
            if hash_file(clone / _NAME) != expected:
                self._result.wrong.append(f"the pulled file of {self._result.size_bytes} bytes is wrong")
        finally:
            self._place.remove(self._top)
        return self._result

    def _copy_packs(self, repository: Path) -> None:
        copy = self._top / "copy"
        packs = store_of(repository) / "packs"
        self._take("copy of the packs (limit of push)", lambda: self._python(_COPY, packs, copy))
        shutil.rmtree(copy)

    def _python(self, program: str, *paths: Path) -> Cost:
        command = [sys.executable, "-I", "-S", "-c", program, *map(str, paths)]
        return run_measured(command, cwd=self._top, env=self._dvx.env)[0]

    def _take(self, name: str, action: Callable[[], Cost]) -> None:
        self._result.steps.take(name, action)
        self._say(f"  {name}: {number(self._result.steps.costs[name].seconds)} s")


def report_large(small: LargeResult, large: LargeResult) -> Section:
    """The table of both files, and how the larger one compares."""
    title = f"one file of {small.size_bytes / GIB:.2f} GiB and one of {large.size_bytes / GIB:.2f} GiB"
    section = Section("large", title)
    section.columns = ("step", "s", "s, 10 x", "MiB/s", "MiB/s, 10 x", "peak MiB", "peak MiB, 10 x")
    for name, cost in large.steps.costs.items():
        before = small.steps.costs[name]
        cells = (before.seconds, cost.seconds, small.rate(name), large.rate(name))
        peaks = (before.peak_bytes / MIB, cost.peak_bytes / MIB)
        section.rows.append((name, *map(number, cells), *map(number, peaks)))
    section.targets = _targets(small, large)
    section.notes = [
        f"stored on the remote: {small.stored.size_bytes / small.size_bytes:.3f} and "
        f"{large.stored.size_bytes / large.size_bytes:.3f} of the file, "
        f"{small.stored.objects} and {large.stored.objects} objects",
        "what does not fit into memory is read from the disk and waits for it; the two limits, one thread reading or "
        "copying the same bytes, slow down by "
        + " and ".join(
            f"{_slowdown(small, large, name):.2f} x" for name in large.steps.costs if "limit" in name
        ),
        f"needs {_DISK_PER_BYTE * large.size_bytes / GIB:.1f} GiB of disk: the file is removed before the push, the "
        "local store before the pull, which is one with `--no-store`",
    ]
    section.wrong = small.wrong + large.wrong
    section.raw = {"small": small.as_json(), "large": large.as_json()}
    return section


def _slowdown(small: LargeResult, large: LargeResult, name: str) -> float:
    return small.rate(name) / large.rate(name)


def _targets(small: LargeResult, large: LargeResult) -> list[Target]:
    targets = [
        Target(f"{name}: throughput lost at 10 x", _slowdown(small, large, name), _SLOWDOWN_LIMIT, "x")
        for name in _COMMANDS
    ]
    for name in _COMMANDS:
        peaks = [result.steps.costs[name].peak_bytes / MIB for result in (small, large)]
        targets.append(Target(f"{name}: more memory at 10 x", peaks[1] - peaks[0], _MEMORY_GROWTH_MIB, "MiB"))
    worst = max(large.steps.costs[name].peak_bytes / MIB for name in _COMMANDS)
    targets.append(Target("peak memory", worst, _MEMORY_LIMIT_MIB, "MiB"))
    return targets
