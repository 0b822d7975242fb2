"""Pointers that a merge left unmerged: their versions in Git's staging area, and what was decided so far.

Owns the file that remembers decisions, `<git-dir>/dvx/merge/`. Must not merge anything.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from dvx.core.errors import DvxError, FormatError, GitError, LocalDiskError, PathRefused
from dvx.core.paths import check_stored_path
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.disk.small_files import read_small_file
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, parse_pointer
from dvx.formats.three_way import Side
from dvx.repo.pointers import POINTER_SUFFIX, is_pointer_path
from dvx.repo.repository import Repository

_STAGES: Final = {"1": Side.BASE, "2": Side.OURS, "3": Side.THEIRS}
# A few thousand decisions, each a path and a side; what is larger was not written by dvx.
_MAX_STATE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UnmergedPointer:
    """A pointer in conflict; `versions` has the Git object of each side that has the file."""

    pointer_path: str
    versions: Mapping[Side, str]

    @property
    def path(self) -> str:
        """The path of the data."""
        return self.pointer_path.removesuffix(POINTER_SUFFIX)


def unmerged_pointers(repo: Repository) -> list[UnmergedPointer]:
    """Return the pointers that Git's staging area has in more than one version, by path. Raises GitError."""
    found: dict[str, dict[Side, str]] = {}
    answer = repo.git().run(["ls-files", "-u", "-z", "--", "*" + POINTER_SUFFIX])
    for line in answer.split(b"\0"):
        about, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        if about.startswith(b"100") and is_pointer_path(path) and _is_safe(path):
            _, object_id, stage = about.decode("ascii").split(" ")
            found.setdefault(path, {})[_STAGES[stage]] = object_id
    return [UnmergedPointer(path, versions) for path, versions in sorted(found.items())]


def read_versions(repo: Repository, unmerged: UnmergedPointer) -> dict[Side, Pointer | DvxError]:
    """Read the versions; one that is no pointer is given as the error that says so. Raises GitError."""
    versions: dict[Side, Pointer | DvxError] = {}
    for side, object_id in unmerged.versions.items():
        name = f"{unmerged.pointer_path} ({side.value})"
        try:
            (data,) = repo.git().read_objects([object_id], limit_bytes=MAX_POINTER_BYTES)
            versions[side] = parse_pointer(data, name=name)
        except FormatError as error:
            versions[side] = error
        except GitError as error:
            if error.kind == "git-object-missing":
                raise
            versions[side] = error
    return versions


def load_decisions(repo: Repository, unmerged: UnmergedPointer) -> list[tuple[str, Side]]:
    """The decisions made for exactly these versions; [] if there are none, or none that can be read."""
    try:
        data = read_small_file(_state_path(repo, unmerged), limit_bytes=_MAX_STATE_BYTES)
        if data is None:
            return []
        state = json.loads(data)
        if state["versions"] != _spelled(unmerged):
            return []  # another merge
        return list(_decisions(state["decided"]))
    except (LocalDiskError, PathRefused, ValueError, KeyError, TypeError):
        return []


def save_decisions(repo: Repository, unmerged: UnmergedPointer, decided: Sequence[tuple[str, Side]]) -> None:
    """Remember decisions until the pointer is resolved. Raises LocalDiskError."""
    state = {
        "pointer": unmerged.pointer_path,
        "versions": _spelled(unmerged),
        "decided": [[path, side.value] for path, side in decided],
    }
    path = _state_path(repo, unmerged)
    with disk_errors(path, "write"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(path, json.dumps(state).encode("ascii"), durable=False)


def forget_decisions(repo: Repository, unmerged: UnmergedPointer) -> None:
    """Remove what was remembered, and the folder with the last of it."""
    path = _state_path(repo, unmerged)
    with suppress(OSError):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))


def _is_safe(path: str) -> bool:
    try:
        check_stored_path(path)
    except PathRefused:
        return False
    return True


def _decisions(items: object) -> Iterator[tuple[str, Side]]:
    if not isinstance(items, list):
        return
    for path, side in items:
        if isinstance(path, str) and Side(side) is not Side.BASE:
            yield path, Side(side)


def _spelled(unmerged: UnmergedPointer) -> dict[str, str]:
    return {side.value: object_id for side, object_id in unmerged.versions.items()}


def _state_path(repo: Repository, unmerged: UnmergedPointer) -> str:
    name = sha256(os.fsencode(unmerged.pointer_path)).hexdigest()[:32]
    return os.path.join(repo.git_dir, "dvx", "merge", f"{name}.json")
