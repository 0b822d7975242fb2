"""Files of parameters and metrics where they are: in the work tree, or in Git's staging area.

Owns the reading of what a spelling `FILE:KEY` names, folders of known tools included. Must not compare values or
record them.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from dvx.core.errors import NotFound, PathRefused, UsageError, name_some
from dvx.disk.small_files import read_small_file
from dvx.formats.metadata import Value, same_value
from dvx.repo.git import Git
from dvx.repo.staged import staged_files
from dvx.repo.value_files import read_file_values
from dvx.repo.value_flat import MAX_FILE_BYTES, FileValues, LeftOut
from dvx.repo.value_layouts import Table, read_layout, value_folder
from dvx.repo.value_spec import ValueSpec

# The largest run folders have some hundred files of metrics; more is a folder of something else.
_MAX_FILES: Final = 20_000


class ValueSource(Protocol):
    """Somewhere that has files: paths are relative to the repository, with `/`."""

    def files_at(self, path: str) -> list[str] | None:
        """The path itself if it is a file, the files below it if it is a folder, None if it is neither."""

    def read(self, path: str) -> bytes:
        """The bytes of a file, one more than the limit on size at most."""


@dataclass(slots=True)
class Collected:
    """What some files say together. `absent` are files that are not there, `missing_keys` spellings with a key."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[LeftOut]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    missing_keys: list[str] = field(default_factory=list)


def collect(specs: Iterable[ValueSpec], source: ValueSource, table: Table) -> Collected:
    """Read all files into one table. Raises UsageError where two of them give one name different values."""
    found = Collected()
    for spec in specs:
        values = read_spec(spec, source, table)
        if values is None:
            found.absent.append(spec.path)
            continue
        if values.left_out:
            found.left_out.setdefault(spec.path, []).extend(values.left_out)
        found.missing_keys += [f"{spec.path}:{key}" for key in values.missing_keys]
        for name, value in values.values.items():
            if name in found.values and not same_value(found.values[name], value):
                raise _two_values(name, found.origins[name], spec.path)
            found.values[name], found.origins[name] = value, spec.path
    return found


def read_spec(spec: ValueSpec, source: ValueSource, table: Table) -> FileValues | None:
    """Read one file or folder; None where it is not there. Raises UsageError and NotFound as the formats do."""
    path = spec.path.rstrip("/")
    files = source.files_at(path)
    if files is None:
        return None
    if files == [path]:
        return read_file_values(source.read(path), path, keys=spec.keys, step=spec.step)
    return read_layout(value_folder(path, files), source.read, table, keys=spec.keys, step=spec.step)


@dataclass(frozen=True, slots=True)
class WorkTreeFiles:
    """Files of the work tree at `root`. With `stays_inside`, a symbolic link never leads out of it."""

    root: str
    stays_inside: bool = True

    def files_at(self, path: str) -> list[str] | None:
        """As ValueSource says."""
        place = self._place(path)
        if os.path.isfile(place):
            return [path]
        if not os.path.isdir(place):
            return None
        found = []
        for folder, names, files in os.walk(place):
            names[:] = sorted(name for name in names if name != ".git")
            inner = os.path.relpath(folder, place).replace(os.sep, "/")
            prefix = path if inner == "." else f"{path}/{inner}"
            found += [f"{prefix}/{name}" for name in files]
            if len(found) > _MAX_FILES:
                raise UsageError(
                    f"the folder `{path}` has more than {_MAX_FILES} files",
                    hints=["name the file that holds the values"],
                    kind="no-value-files",
                )
        return sorted(found)

    def read(self, path: str) -> bytes:
        """As ValueSource says."""
        place = self._place(path)
        data = read_small_file(place, limit_bytes=MAX_FILE_BYTES)
        if data is None:
            raise not_there(path)
        return data

    def _place(self, path: str) -> str:
        place = os.path.join(self.root, *path.split("/")) if not os.path.isabs(path) else path
        real = os.path.realpath(place)
        if self.stays_inside and not (real + os.sep).startswith(os.path.realpath(self.root) + os.sep):
            raise PathRefused(
                f"`{path}` leads out of the repository",
                affected="nothing was read",
                hints=["name files inside the repository in `.dvx/config.toml`"],
                kind="outside-repository",
            )
        return place


class StagedFiles:
    """Files as the next commit has them."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: dict[str, str] = {}

    def files_at(self, path: str) -> list[str] | None:
        """As ValueSource says; what Git does not track is not there."""
        found = [
            file for file in staged_files(self._git, [path], literal=True) if file.mode.startswith("100")
        ]
        self._known |= {file.path: file.object_id for file in found}
        return sorted(file.path for file in found) or None

    def read(self, path: str) -> bytes:
        """As ValueSource says. Raises GitError for a file above the limit."""
        return self._git.read_objects([self._known[path]], limit_bytes=MAX_FILE_BYTES)[0]


def left_out_text(path: str, left_out: Sequence[LeftOut]) -> str:
    """One sentence for all that was left out of a file, by reason."""
    reasons: dict[str, list[str]] = {}
    for item in left_out:
        reasons.setdefault(item.reason, []).append(item.name)
    parts = [f"{name_some(names, limit=3)} ({reason})" for reason, names in reasons.items()]
    return f"not recorded from `{path}`: " + "; ".join(parts)


def not_there(path: str) -> NotFound:
    """The refusal of a file of values that a person named."""
    return NotFound(
        f"`{path}` does not exist",
        affected="nothing was recorded",
        hints=["check the spelling, relative to the current folder: `ls`"],
        kind="no-value-files",
    )


def _two_values(name: str, one: str, other: str) -> UsageError:
    return UsageError(
        f"`{one}` and `{other}` both have `{name}`, with different values",
        affected="nothing was recorded",
        hints=[f"say which keys are meant: `{other}:KEY,KEY`"],
        kind="two-values",
    )
