"""Whether pointers have the parameters and metrics that the files named by the configuration have now.

Owns the comparison, for the work tree and for what is staged. Must not change a pointer: which files say what a
version of the data was made with is for a person to say, with `dvx add`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dvx.core.errors import DvxError, UsageError, name_some
from dvx.core.shell_words import quote_all
from dvx.formats.metadata import METRICS, PARAMS, Value, same_value
from dvx.formats.metadata_tables import leaves
from dvx.formats.pointer import MAX_POINTER_BYTES
from dvx.ops.project import Project
from dvx.ops.staged_check import Finding, Problem
from dvx.repo.config import COMMITTED
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, parse_tracked
from dvx.repo.staged import StagedFile, staged_sizes
from dvx.repo.track_rules import TrackRule, combined
from dvx.repo.value_reading import Collected, StagedFiles, ValueSource, WorkTreeFiles, collect
from dvx.repo.value_spec import ValueSpec


@dataclass(frozen=True, slots=True)
class StaleValue:
    """A value that a file has and a pointer does not: `name` is `params.lr` and the like.

    `recorded` is what the pointer has, None if nothing. With `problem` the file cannot be read, and `name` is "".
    """

    name: str
    file: str
    recorded: object = None
    current: Value | None = None
    problem: str | None = None


def compare_metadata(project: Project, tracked: Sequence[TrackedPointer]) -> dict[str, list[StaleValue]]:
    """What the files of the work tree say otherwise than the pointers, by data path; nothing where all is the same.

    Values that a pointer has beyond those of its files are left alone, and so are files that are not there.
    """
    return _compare(project, tracked, WorkTreeFiles(project.repository.root))


def check_metadata(
    project: Project, files: Sequence[StagedFile], changed: Collection[str]
) -> Iterator[Problem]:
    """The same for the next commit, of pointers or files of values that it changes; `files` are staged pointers."""
    rules = project.config.rules
    pointers = {file.path: rule for file in files if (rule := _rule_of(rules, _data_path(file))) is not None}
    meant = [
        file for file in files if file.path in pointers and _concerns(pointers[file.path], file, changed)
    ]
    sizes = staged_sizes(project.git, meant)
    meant = [file for file in meant if sizes[file.path] <= MAX_POINTER_BYTES]
    contents = project.git.read_objects([file.object_id for file in meant])
    tracked = []
    for file, data in zip(meant, contents, strict=True):
        try:
            tracked.append(parse_tracked(file.path, data, name=file.path))
        except DvxError:
            continue  # the check of pointers names it
    blocks = project.config.get("hooks.stale_metadata") == "block"
    for path, stale in _compare(project, tracked, StagedFiles(project.git)).items():
        yield Problem(
            Finding.STALE_METADATA, path, _what(path, stale), f"dvx add {quote_all([path])}", blocks
        )


def _what(path: str, stale: Sequence[StaleValue]) -> str:
    problems = [item.problem for item in stale if item.problem is not None]
    if problems:
        return problems[0]
    files = name_some(dict.fromkeys(item.file for item in stale))
    return f"the pointer of `{path}` does not have {name_some([item.name for item in stale])} as {files} says now"


def _concerns(rule: TrackRule, file: StagedFile, changed: Collection[str]) -> bool:
    places = [spec.path.rstrip("/") for spec in (*rule.params, *rule.metrics)]
    return any(
        path == file.path or any(path == place or path.startswith(place + "/") for place in places)
        for path in changed
    )


def _data_path(file: StagedFile) -> str:
    return file.path.removesuffix(POINTER_SUFFIX)


def _compare(
    project: Project, tracked: Sequence[TrackedPointer], source: ValueSource
) -> dict[str, list[StaleValue]]:
    reading = _Reading(source)
    found = {}
    for item in tracked:
        rule = _rule_of(project.config.rules, item.path)
        if rule is not None and rule.problem is not None:
            found[item.path] = [StaleValue("", COMMITTED, problem=rule.problem.what)]
        elif rule is not None:
            stale = [
                *_stale(PARAMS, item, reading.table(PARAMS, rule.params)),
                *_stale(METRICS, item, reading.table(METRICS, rule.metrics)),
            ]
            if stale:
                found[item.path] = stale
    return found


def _rule_of(rules: Iterable[TrackRule], path: str) -> TrackRule | None:
    """As `combined`; a rule that cannot be used says so of the data that it is about, and stops nothing else."""
    try:
        return combined(rules, path)
    except UsageError as error:
        return TrackRule(path, problem=error)


class _Reading:
    """Reads the files of each rule once."""

    def __init__(self, source: ValueSource) -> None:
        self._source = source
        self._known: dict[tuple[str, tuple[ValueSpec, ...]], Collected | StaleValue] = {}

    def table(self, table: str, specs: tuple[ValueSpec, ...]) -> Collected | StaleValue:
        key = (table, specs)
        if key not in self._known:
            try:
                self._known[key] = collect(specs, self._source, "params" if table == PARAMS else "metrics")
            except DvxError as error:
                self._known[key] = StaleValue("", name_some(spec.path for spec in specs), problem=error.what)
        return self._known[key]


def _stale(table: str, item: TrackedPointer, now: Collected | StaleValue) -> Iterator[StaleValue]:
    if isinstance(now, StaleValue):
        yield now
        return
    recorded: Mapping[str, object] = leaves(item.pointer.extra.get(table))
    for name, value in sorted(now.values.items()):
        if name not in recorded or not same_value(recorded[name], value):
            yield StaleValue(f"{table}.{name}", now.origins[name], recorded.get(name), value)
