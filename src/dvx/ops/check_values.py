"""What rules can name at one version of the repository: facts and metadata of pointers, values of files.

Owns where a value is found and what is said where it is not there. Must not decide whether a rule holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import DvxError, UsageError
from dvx.formats.checks import Check, ValuesFile
from dvx.formats.metadata import metadata_of
from dvx.formats.pointer import Pointer
from dvx.repo.pointers import TrackedPointer
from dvx.repo.snapshots import Snapshot
from dvx.repo.targets import matches_inside

BASE: Final = "base."


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is about at one version: tracked data, or files of values.

    `path` names it in a report, `values` are by the names that rules use. `places` says which file a value of a table
    (`params`, `metrics`) is from; "" stands for the others. `pointer` is None for files.
    """

    path: str
    values: Mapping[str, object]
    places: Mapping[str, str]
    pointer: Pointer | None = None

    def place_of(self, name: str) -> str:
        """The file that the value is from, or would be."""
        return self.places.get(name.partition(".")[0], self.places.get("", self.path))


@dataclass(frozen=True, slots=True)
class Reading:
    """One value that a rule looked at: where it is from, and whether it is that of the base."""

    name: str
    value: object
    place: str
    where: str
    is_base: bool


class SubjectReader:
    """Reads the subjects of rules at one version, everything once."""

    def __init__(self, snapshot: Snapshot, checks: Sequence[Check]) -> None:
        self.snapshot = snapshot
        matches = [_matches(check.path) for check in checks if check.path]
        found = snapshot.pointers(lambda path: any(match(path) for match in matches)) if matches else []
        self._tracked = {item.path: _of_pointer(item) for item in found}
        files = {file.path for check in checks for file in (*check.params, *check.metrics)}
        self._files = snapshot.files(sorted(files))

    def subjects(self, check: Check) -> list[Subject]:
        """What the rule is about, by path. Raises UsageError for files whose values cannot be read."""
        if check.path:
            is_meant = _matches(check.path)
            return [item for path, item in sorted(self._tracked.items()) if is_meant(path)]
        found = self._of_files(check)
        return [found] if found is not None else []

    def same(self, subject: Subject, check: Check) -> Subject | None:
        """The same subject at this version; None where there is none of its path."""
        if not check.path:
            return self._of_files(check)
        return self._tracked.get(subject.path)

    def _of_files(self, check: Check) -> Subject | None:
        values: dict[str, object] = {}
        for table, files in (("params", check.params), ("metrics", check.metrics)):
            for file in files:
                if file.path not in self._files:
                    return None
                values |= self._values(file, table)
        places = {
            table: ", ".join(file.path for file in files)
            for table, files in (("params", check.params), ("metrics", check.metrics))
        }
        return Subject(files_of(check), values, places)

    def _values(self, file: ValuesFile, table: str) -> dict[str, object]:
        from dvx.repo.value_files import read_values  # only for rules about files

        try:
            found = read_values(self._files[file.path], file.path, keys=file.keys)
        except DvxError as error:
            raise UsageError(
                f"{error.what} ({self.snapshot.shown})", affected="the rules were not checked", hints=error.hints,
                kind=error.kind,
            ) from error  # fmt: skip
        return {f"{table}.{name}": value for name, value in found.items()}


def files_of(check: Check) -> str:
    """What a report calls the files that a rule is about."""
    return ", ".join(dict.fromkeys(file.path for file in (*check.params, *check.metrics)))


def _matches(pattern: str) -> Callable[[str], bool]:
    return matches_inside((pattern,))


def _of_pointer(item: TrackedPointer) -> Subject:
    pointer = item.pointer
    metadata = metadata_of(pointer)
    values: dict[str, object] = {"size": pointer.size, "files": 1 if pointer.files is None else pointer.files}
    for table in ("params", "metrics", "meta"):
        values |= {f"{table}.{name}": value for name, value in getattr(metadata, table).items()}
    return Subject(item.path, values, {"": item.pointer_path}, pointer)
