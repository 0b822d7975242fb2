"""The place of a scale scenario: a scratch folder with repositories, remotes and clones.

Owns making and removing them, what a store on disk weighs, and the comparison of results. Must not decide what is
too much.
"""

import os
import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark.dvx_command import DvxCommand
from benchmark.measure import Cost, run_measured, settle

GIB: Final = 1 << 30
_KIND_OFFSET: Final = 12
_KIND_PAGES: Final = 2


class NoSpace(Exception):
    """The disk has less space than a scenario needs."""


@dataclass(frozen=True, slots=True)
class StoreWeight:
    """What a store in a folder holds: objects, their bytes, and the bytes of its packs of manifest pages."""

    objects: int
    size_bytes: int
    page_bytes: int

    def minus(self, other: "StoreWeight") -> "StoreWeight":
        """What came since `other`; objects of a store are never changed."""
        return StoreWeight(
            self.objects - other.objects,
            self.size_bytes - other.size_bytes,
            self.page_bytes - other.page_bytes,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A scratch folder and the dvx to run in it."""

    folder: Path
    dvx: DvxCommand

    def git(self, cwd: Path, *args: str) -> Cost:
        """Run Git, which has to succeed; returns what it cost."""
        return run_measured(["git", *args], cwd=cwd, env=self.dvx.env)[0]

    def make_repository(self, name: str, *, remote: str) -> Path:
        """A new repository with dvx set up and committed; `remote` is a URL or a folder."""
        repository = self.folder / name
        repository.mkdir(parents=True)
        self.git(repository, "init", "-q")
        self.dvx.run(repository, "init", "--remote", remote)
        self.commit(repository)
        return repository

    def commit(self, repository: Path) -> Cost:
        """Commit what is staged; returns what it cost."""
        return self.git(repository, "commit", "-q", "--allow-empty", "-m", "step")

    def clone(self, repository: Path, name: str) -> tuple[Path, Cost]:
        """A fresh clone by Git alone, without any data; returns it and what it cost."""
        target = self.folder / name
        return target, self.git(self.folder, "clone", "-q", str(repository), str(target))

    def remove(self, path: Path) -> None:
        """Remove a folder or file of this place, if it is there."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def require_space(self, size_bytes: int, *, what: str) -> None:
        """Raise NoSpace if less than `size_bytes` is free."""
        free = shutil.disk_usage(self.folder).free
        if free < size_bytes:
            raise NoSpace(
                f"{what} needs {size_bytes / GIB:.1f} GiB below `{self.folder}`, {free / GIB:.1f} are free; "
                "name another folder with --folder, or make it smaller with --scale"
            )


def store_of(repository: Path) -> Path:
    """The local store of a repository made here."""
    return repository / ".git" / "dvx" / "store"


def weigh_store(folder: Path) -> StoreWeight:
    """Count the objects of a store in a folder: its packs, its records and the marker."""
    objects = size_bytes = page_bytes = 0
    for path in store_objects(folder):
        size = path.stat().st_size
        objects += 1
        size_bytes += size
        if path.parent.parent.name == "packs" and read_pack_kind(path) == _KIND_PAGES:
            page_bytes += size
    return StoreWeight(objects, size_bytes, page_bytes)


def store_objects(folder: Path) -> Iterator[Path]:
    """The files of a store that are its objects; work in progress is left out."""
    for part in ("packs", "roots"):
        for parent, _, names in os.walk(folder / part):
            yield from (Path(parent, name) for name in names)
    if (marker := folder / "dvx-store.json").is_file():
        yield marker


def read_pack_kind(path: Path) -> int:
    """The kind of a pack file: 1 data, 2 manifest pages."""
    with open(path, "rb") as file:
        return file.read(_KIND_OFFSET + 1)[_KIND_OFFSET]


def measure_median(step: Callable[[int], Cost], repetitions: int) -> Cost:
    """Run `step(number)` several times; the cost with the median seconds, and the highest peak of all."""
    costs = sorted((step(number) for number in range(repetitions)), key=lambda cost: cost.seconds)
    middle = costs[(len(costs) - 1) // 2]
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        middle.cpu_s,
        max(cost.peak_bytes for cost in costs),
    )


class Steps:
    """The costs of named steps, in order. Before each one the system writes out what it holds."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}

    def take(self, name: str, action: Callable[[], Cost]) -> None:
        """Run a step and keep what it cost."""
        settle()
        self.costs[name] = action()

    @property
    def peak_bytes(self) -> int:
        """The largest peak of all steps."""
        return max(cost.peak_bytes for cost in self.costs.values())


def find_difference(expected: Path, found: Path) -> str | None:
    """Compare two folders byte for byte; returns a difference, or None if they are the same.

    For files that fit into memory.
    """
    names, other = (_names(folder) for folder in (expected, found))
    if names.keys() != other.keys():
        missing = sorted(names.keys() ^ other.keys())
        return f"`{missing[0]}` is in one of `{expected}` and `{found}` only"
    for name, is_folder in names.items():
        if is_folder != other[name]:
            return f"`{name}` is a folder in one of `{expected}` and `{found}` only"
        below = expected / name, found / name
        difference = find_difference(*below) if is_folder else _find_file_difference(*below)
        if difference is not None:
            return difference
    return None


def _names(folder: Path) -> Mapping[str, bool]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}


def _find_file_difference(expected: Path, found: Path) -> str | None:
    if expected.read_bytes() == found.read_bytes():
        return None
    return f"`{found}` has other bytes than `{expected}`"
