"""Parameters, metrics and sizes of several versions side by side: what differs, by how much, and whether it is better.

Owns the comparison. Must not read Git itself (`repo.value_revisions` does), nor decide how a change looks.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from dvx.core.errors import DvxError, PathRefused, UsageError
from dvx.core.ids import format_id
from dvx.core.paths import check_stored_path
from dvx.formats.metadata import Value, same_value
from dvx.ops.directions import Direction, Directions
from dvx.ops.project import Project
from dvx.repo.config import Config
from dvx.repo.pointer_history import PointerHistory
from dvx.repo.track_rules import TrackRule
from dvx.repo.value_revisions import Kind, RevisionValues, ValueSource, WantedFile, values_at

SIZE_KIND: Final = "data"
WORKSPACE: Final = "the workspace"
_KINDS: Final = (SIZE_KIND, "params", "metrics")


@dataclass(frozen=True, slots=True)
class Change:
    """How a value differs from the first one.

    `absolute` is the difference of two numbers, `relative` that by the size of the first, None where that is zero or
    not finite. `is_better` is None where no direction is known, or nothing changed.
    """

    absolute: float | int | None = None
    relative: float | None = None
    is_better: bool | None = None


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value in all versions. `kind` is `params`, `metrics`, or `data` for size, files and id of tracked data.

    `values` has None where a version lacks it; `changes` has one for each version after the first.
    """

    source: str
    kind: str
    name: str
    values: tuple[Value | None, ...]
    changes: tuple[Change, ...]

    @property
    def differs(self) -> bool:
        """Whether any two versions have different values."""
        return any(not same_value(value, self.values[0]) for value in self.values[1:])


@dataclass(frozen=True, slots=True)
class Comparison:
    """`names` are what the versions are called; `problems` are unreadable files, as (version, path, why)."""

    names: tuple[str, ...]
    rows: tuple[ValueRow, ...]
    problems: tuple[tuple[str, str, DvxError], ...]


def compare_revisions(
    project: Project, revs: Sequence[str | None], *, paths: Sequence[str] = (), kinds: Sequence[str] = _KINDS
) -> Comparison:
    """Read the values of each version (None is the work tree) and set them side by side, by source, kind and name.

    What cannot be read is a failure of the project, and the others are compared. Raises NotFound for an unknown
    revision.
    """
    history = PointerHistory(project.repository)
    wanted = wanted_files(project.config)
    read = {
        rev: values_at(project.repository, rev, paths=paths, wanted=wanted, kinds=kinds, history=history)
        for rev in dict.fromkeys(revs)
    }
    names = tuple(WORKSPACE if rev is None else rev for rev in revs)
    versions = [read[rev] for rev in revs]
    rows = list(_rows(versions, kinds, Directions.of_config(project.config)))
    tracked = {
        source.path for version in versions for source in version.sources if source.pointer is not None
    }
    problems = [
        (WORKSPACE if rev is None else rev, path, error)
        for rev in read
        for path, error in read[rev].problems.items()
    ]
    for name, path, error in problems:
        project.failures.add(path if name == WORKSPACE else f"{name}:{path}", error)
    if problems:
        project.failures.done += sum(len(version.sources) for version in read.values())
    return Comparison(names, told_once(rows, tracked, project.config.rules), tuple(problems))


def told_once(
    rows: Sequence[ValueRow], tracked: Collection[str], rules: Sequence[TrackRule]
) -> tuple[ValueRow, ...]:
    """Leave out the values of files that pointers have too: a pointer wins over the file that it was read from.

    That is a file that a rule names for the data of the pointer, and one of the same values. A version whose pointers
    lack a value that the file has keeps the row of the file.
    """
    recorded: dict[tuple[str, str], list[ValueRow]] = {}
    for row in rows:
        if row.source in tracked:
            recorded.setdefault((row.kind, row.name), []).append(row)
    return tuple(
        row
        for row in rows
        if row.source in tracked or not _is_told(row, recorded.get((row.kind, row.name), ()), rules)
    )


def _is_told(row: ValueRow, recorded: Sequence[ValueRow], rules: Sequence[TrackRule]) -> bool:
    """Whether some pointer has the value of a file in every version that has the file."""
    by_rule = [each for each in recorded if _is_read_from(each, row, rules)]
    return all(
        value is None
        or any(each.values[place] is not None for each in by_rule)
        or any(same_value(each.values[place], value) for each in recorded)
        for place, value in enumerate(row.values)
    )


def _is_read_from(recorded: ValueRow, row: ValueRow, rules: Sequence[TrackRule]) -> bool:
    return any(
        rule.matches(recorded.source) and any(spec.path == row.source for spec in getattr(rule, row.kind, ()))
        for rule in rules
    )


def wanted_files(config: Config) -> list[WantedFile]:
    """The files that `params.files`, `metrics.files` and the rules of `[track]` name."""
    found: list[WantedFile] = []
    kinds: tuple[Kind, ...] = ("params", "metrics")
    for kind in kinds:
        names = (name.strip().removeprefix("./") for name in (config.text(f"{kind}.files") or "").split(","))
        found += [WantedFile(kind, _checked(name, f"{kind}.files")) for name in names if name]
        for rule in config.rules:
            found += [WantedFile(kind, spec.path, tuple(spec.keys)) for spec in getattr(rule, kind)]
    return list(dict.fromkeys(found))


def _checked(path: str, setting: str) -> str:
    """Refuse what leads out of the repository: settings come with a clone, and may be anybody's."""
    try:
        check_stored_path(path.replace("*", "x").replace("?", "x"))
    except PathRefused as error:
        raise UsageError(
            f"`{setting}` names {path[:80]!a}, which is no path inside the repository",
            hints=["name files relative to the top of the repository, by commas"],
            kind="bad-setting",
        ) from error
    return path


def change_between(first: Value | None, other: Value | None, direction: Direction | None) -> Change:
    """What changed from `first` to `other`; empty for what is not two numbers."""
    if not (_is_number(first) and _is_number(other)) or same_value(first, other):
        return Change()
    absolute = other - first
    if math.isnan(absolute):
        return Change(absolute)
    relative = None
    if first and math.isfinite(first) and math.isfinite(absolute):
        relative = absolute / abs(first)
    if direction is None:
        return Change(absolute, relative)
    return Change(absolute, relative, (absolute > 0) is (direction is Direction.HIGHER))


def _rows(
    versions: Sequence[RevisionValues], kinds: Sequence[str], directions: Directions
) -> Iterator[ValueRow]:
    tables = [dict(_flat(version.sources, kinds)) for version in versions]
    keys = sorted({key for table in tables for key in table}, key=_order)
    for source, kind, name in keys:
        values = tuple(table.get((source, kind, name)) for table in tables)
        direction = directions.of(name) if kind == "metrics" else None
        changes = tuple(change_between(values[0], value, direction) for value in values[1:])
        yield ValueRow(source, kind, name, values, changes)


def _order(key: tuple[str, str, str]) -> tuple[str, int, str]:
    source, kind, name = key
    return source, _KINDS.index(kind), name


def _flat(
    sources: Iterable[ValueSource], kinds: Sequence[str]
) -> Iterator[tuple[tuple[str, str, str], Value]]:
    for source in sources:
        tables: dict[str, dict[str, Value]] = {"params": dict(source.params), "metrics": dict(source.metrics)}
        if source.pointer is not None:
            tables[SIZE_KIND] = {"id": format_id(source.pointer.id), "size": source.pointer.size}
            if source.pointer.files is not None:
                tables[SIZE_KIND]["files"] = source.pointer.files
        for kind in kinds:
            for name, value in tables.get(kind, {}).items():
                yield (source.path, kind, name), value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
