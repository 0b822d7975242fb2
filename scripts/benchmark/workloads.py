"""The three workloads: what they are, where their two versions lie, and what a right result is.

Owns the names, the cache on disk and the expected files of each version. The bytes come from `weights.py`,
`small_files.py` and `table.py`. Must not know any tool.

A workload lies in a folder of its own: `v1/` holds the tracked path as it is first added, `v2/` holds what the
second version has instead (the whole of a large file; of a directory only the files that are new or changed),
and `workload.json` names the files that the second version removes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark import small_files, table, weights

# Raised when a generator makes other bytes for the same parameters, so that no old cache is taken for it.
_GENERATION: Final = 1


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """One workload: its name, the path that is tracked, a sentence about it, and its size at scale 1.

    `generate(folder, scale)` fills `v1/` and `v2/` and returns the paths, relative to the tracked directory,
    that the second version removes.
    """

    name: str
    path: str
    title: str
    size_bytes: int
    is_directory: bool
    generate: Callable[[Path, float], list[str]]


KINDS: Final = {
    kind.name: kind
    for kind in (
        WorkloadKind("W1", "model.safetensors", weights.TITLE, weights.SIZE_BYTES, False, weights.generate),
        WorkloadKind("W2", "images", small_files.TITLE, small_files.SIZE_BYTES, True, small_files.generate),
        WorkloadKind("W3", "table.csv", table.TITLE, table.SIZE_BYTES, False, table.generate),
    )
}


@dataclass(frozen=True, slots=True)
class Workload:
    """Both versions of one workload on disk, in `folder`; `removed` is relative to the tracked directory."""

    kind: WorkloadKind
    folder: Path
    removed: tuple[str, ...]

    @property
    def name(self) -> str:
        """W1, W2 or W3."""
        return self.kind.name

    @property
    def path(self) -> str:
        """The tracked path, relative to a repository."""
        return self.kind.path

    def place_v1(self, top: Path) -> None:
        """Copy the first version to `top / path`, which must not exist."""
        _copy(self.folder / "v1" / self.path, top / self.path)

    def apply_v2(self, top: Path) -> None:
        """Turn the first version at `top / path` into the second: replace, add and remove."""
        if not self.kind.is_directory:
            # A new inode, as a program has that saves under a temporary name; hard links to the old one stay.
            (top / self.path).unlink()
        _copy(self.folder / "v2" / self.path, top / self.path)
        for name in self.removed:
            (top / self.path / name).unlink()

    def expected(self, version: str) -> dict[str, Path]:
        """The files that `version` ("v1" or "v2") consists of: path in the repository to a file with its bytes."""
        files = _files_below(self.folder / "v1", self.path)
        if version == "v2":
            for name in self.removed:
                del files[f"{self.path}/{name}"]
            files |= _files_below(self.folder / "v2", self.path)
        return files


def prepare_workload(name: str, *, scale: float, folder: Path) -> Workload:
    """Return the workload below `folder`, generated there if it is not yet; the same bytes for the same scale."""
    kind = KINDS[name]
    parameters = json.dumps({"name": name, "scale": scale, "generation": _GENERATION}, sort_keys=True)
    place = folder / f"{name}-{hashlib.sha256(parameters.encode()).hexdigest()[:12]}"
    if not place.exists():
        unfinished = place.with_name(f"{place.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        removed = kind.generate(unfinished, scale)
        description = {"parameters": json.loads(parameters), "removed": removed}
        (unfinished / "workload.json").write_text(json.dumps(description, indent=1))
        unfinished.rename(place)
    description = json.loads((place / "workload.json").read_text())
    return Workload(kind, place, tuple(description["removed"]))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _files_below(top: Path, path: str) -> dict[str, Path]:
    if (top / path).is_file():
        return {path: top / path}
    return {
        os.path.relpath(os.path.join(parent, name), top).replace(os.sep, "/"): Path(parent, name)
        for parent, _, names in os.walk(top / path)
        for name in names
    }
