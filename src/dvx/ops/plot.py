"""What `dvx plot` draws: step-wise files of one or more revisions, and metrics over the history of pointers.

Owns which file or pointer gives which curve. Must not draw; nothing is checked out, and no data is read.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dvx.core.errors import NotFound, UsageError, name_some
from dvx.core.ids import short_git_id
from dvx.core.shell_words import quote_all
from dvx.disk.small_files import read_small_file
from dvx.formats.metadata import Metadata, metadata_of
from dvx.formats.pointer import Pointer
from dvx.ops.curves import Chart, Curve, Point, make_curve, number
from dvx.ops.project import Project
from dvx.repo.pointer_history import HistoryCommit, HistorySelection, PointerHistory
from dvx.repo.repository import Repository
from dvx.repo.small_objects import read_small_objects
from dvx.repo.value_files import read_series
from dvx.repo.value_flat import MAX_FILE_BYTES
from dvx.repo.value_rows import Series

WORKSPACE: Final = "workspace"
_ROW: Final = "row"
_VERSION: Final = "version"
_STEP_ENDINGS: Final = (".csv", ".tsv", ".jsonl")
# A hint is worth no long walk.
_FOLDERS_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """What to draw. Paths are relative to the repository: `files` have steps, `pointers` are tracked data or folders.

    Without `revs`, files are those of the work tree, and the history is that of HEAD. `metrics` are names to draw; all
    that are numbers without. `x` is the column of the steps.
    """

    files: Sequence[str] = ()
    pointers: Sequence[str] = ()
    revs: Sequence[str] = ()
    metrics: Sequence[str] = ()
    x: str | None = None


def read_charts(project: Project, request: PlotRequest) -> list[Chart]:
    """One chart for each metric, in the order in which the metrics were found.

    Raises NotFound for a file or a metric that is nowhere, UsageError for a file without steps.
    """
    charts = [*_file_charts(project, request), *_history_charts(project, request)]
    drawn = [chart for chart in charts if any(curve.points for curve in chart.curves)]
    if not drawn:
        raise _nothing(project, request, charts)
    return drawn


# Files


@dataclass(frozen=True, slots=True)
class _Table:
    label: str
    series: Series


def _file_charts(project: Project, request: PlotRequest) -> Iterator[Chart]:
    tables = list(_tables(project, request))
    names = dict.fromkeys(name for table in tables for name in _metric_columns(table.series, request))
    for name in names:
        having = [table for table in tables if name in table.series.columns]
        x_name = _x_column(having[0].series, request) or _ROW
        yield Chart(name, x_name, tuple(_column_curve(table, name, request) for table in having))


def _tables(project: Project, request: PlotRequest) -> Iterator[_Table]:
    for path in request.files:
        for rev, data in _versions(project, path, request.revs):
            label = _label(path, rev, paths=request.files, revs=request.revs)
            series = _series(project, data, path)
            if request.x is not None and request.x not in series.columns:
                raise UsageError(
                    f"`{path}` of {rev} has no column `{request.x}`",
                    hints=[f"it has {name_some(series.columns)}"],
                    kind="no-such-column",
                )
            yield _Table(label, series)


def _series(project: Project, data: bytes, path: str) -> Series:
    """The steps of a file; where it has none, the message names the one beside it that has: dvx.live writes both."""
    try:
        return read_series(data, path)
    except UsageError as error:
        beside = [os.path.splitext(path)[0] + ending for ending in _STEP_ENDINGS]
        there = [each for each in beside if _is_file(project, each)]
        if error.kind != "no-such-step" or not there:
            raise
        raise UsageError(
            error.what, hints=[f"the file beside it has: `dvx plot {quote_all(there[:1])}`"], kind=error.kind
        ) from error


def _versions(project: Project, path: str, revs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The revision and the bytes of each version of a file."""
    if not revs:
        place = project.repository.absolute(path)
        read = read_small_file(place, limit_bytes=MAX_FILE_BYTES)
        if read is None:
            raise _no_file(path, "the work tree")
        yield WORKSPACE, read
        return
    commits = [project.git.rev_parse(rev) for rev in revs]
    asked = [f"{commit}:{path}" for commit in commits]
    found = read_small_objects(project.git, asked, limit_bytes=MAX_FILE_BYTES)
    for rev, (_, data) in zip(revs, found, strict=True):
        if data is None:
            raise _no_file(path, f"`{rev}`")
        yield rev, data


def _x_column(series: Series, request: PlotRequest) -> str | None:
    return request.x if request.x is not None else series.step_column


def _metric_columns(series: Series, request: PlotRequest) -> Iterator[str]:
    x_name = _x_column(series, request)
    for place, name in enumerate(series.columns):
        if request.metrics and not _is_wanted(name, request.metrics):
            continue
        if name != x_name and any(number(row[place]) is not None for row in series.rows):
            yield name


def _column_curve(table: _Table, name: str, request: PlotRequest) -> Curve:
    series, place = table.series, table.series.columns.index(name)
    x_name = _x_column(series, request)
    x_place = None if x_name is None else series.columns.index(x_name)
    points = []
    for at, row in enumerate(series.rows):
        y = number(row[place])
        x = float(at) if x_place is None else number(row[x_place])
        if y is not None:
            points.append(Point(math.nan if x is None else x, y))
    return make_curve(table.label, points)


# Pointers over history


def _history_charts(project: Project, request: PlotRequest) -> Iterator[Chart]:
    if not request.pointers:
        return
    reader = _HistoryReader(project.repository, request)
    for name in reader.names():
        yield Chart(name, _VERSION, tuple(reader.curves(name)))


class _HistoryReader:
    """The versions of some pointers, oldest first, with one numbering for all revisions."""

    def __init__(self, repository: Repository, request: PlotRequest) -> None:
        self._request = request
        self._history = PointerHistory(repository)
        self._revs = request.revs or ("HEAD",)
        commits = self._read_commits(self._revs)
        one_rev = len(self._revs) == 1
        self._changes = {
            rev: _by_path(commits if one_rev else self._read_commits((rev,))) for rev in self._revs
        }
        self._numbers = {commit.id: at for at, commit in enumerate(reversed(commits), 1)}
        changes = [change for commit in commits for change in commit.changes]
        pointers = self._history.read(each.new_object for each in changes if each.new_object is not None)
        metadata = {name: metadata_of(pointer) for name, pointer in pointers.items()}
        self._facts = {name: facts_of(pointer, metadata[name]) for name, pointer in pointers.items()}
        self._metrics = dict.fromkeys(
            name
            for each in metadata.values()
            for name, value in each.metrics.items()
            if number(value) is not None
        )
        self._paths = sorted({change.path for change in changes})

    def names(self) -> list[str]:
        """The metrics to draw, in the order of the versions, newest first."""
        return list(self._request.metrics or self._metrics)

    def curves(self, name: str) -> Iterator[Curve]:
        """One for each path and revision."""
        for path in self._paths:
            for rev in self._revs:
                label = _label(path, rev, paths=self._paths, revs=self._request.revs)
                curve = make_curve(label, self._points(path, rev, name))
                if curve.points or curve.left_out:
                    yield curve

    def _points(self, path: str, rev: str, name: str) -> Iterator[Point]:
        for commit, new_object in self._changes[rev].get(path, ()):
            facts = self._facts.get(new_object or "")
            y = number(facts.get(name)) if facts is not None else None
            if y is not None:
                yield Point(float(self._numbers[commit.id]), y, f"{short_git_id(commit.id)} {commit.subject}")

    def _read_commits(self, revs: Sequence[str]) -> list[HistoryCommit]:
        return self._history.commits(HistorySelection(revs=revs, paths=self._request.pointers))


def _by_path(commits: Iterable[HistoryCommit]) -> dict[str, list[tuple[HistoryCommit, str | None]]]:
    """The commits that changed each path, and the object of the version that they made."""
    found: dict[str, list[tuple[HistoryCommit, str | None]]] = {}
    for commit in commits:
        for change in commit.changes:
            found.setdefault(change.path, []).append((commit, change.new_object))
    return found


def facts_of(pointer: Pointer, metadata: Metadata) -> Mapping[str, object]:
    """What a pointer says by name: metrics by their own and their full names, `params.…`, `size`, `files`."""
    return {
        "size": pointer.size,
        "files": pointer.files,
        **metadata.metrics,
        **{f"metrics.{name}": value for name, value in metadata.metrics.items()},
        **{f"params.{name}": value for name, value in metadata.params.items()},
    }


def _label(path: str, rev: str, *, paths: Sequence[str], revs: Sequence[str]) -> str:
    """What tells this curve from the others: the path, the revision, or both."""
    if not revs or (len(paths) > 1 and len(revs) == 1):
        return path
    return rev if len(paths) == 1 else f"{path}@{rev}"


def _is_wanted(name: str, metrics: Sequence[str]) -> bool:
    return name in metrics or f"metrics.{name}" in metrics


def _no_file(path: str, where: str) -> NotFound:
    return NotFound(
        f"there is no file `{path}` in {where}",
        hints=["list the versions of a file: `git log --oneline -- FILE`"],
        kind="no-such-file",
    )


def _nothing(project: Project, request: PlotRequest, charts: Sequence[Chart]) -> NotFound:
    what = name_some([*request.files, *request.pointers])
    hints = ["metrics of a file are the columns of numbers in it; choose the steps with `--x COLUMN`"]
    if request.pointers:
        hints = ["record metrics with the data: `dvx add PATH --metrics FILE`"]
        inside = [each for path in request.pointers for each in _step_files(project, path)]
        hints = [f"draw files in it: `dvx plot {quote_all(inside)}`"] if inside else hints
    if request.metrics:
        return NotFound(
            f"{what} has no number named {name_some(request.metrics)}", hints=hints, kind="no-metrics"
        )
    left_out = sum(curve.left_out for chart in charts for curve in chart.curves)
    reason = f": {left_out} values are not finite" if left_out else ""
    return NotFound(f"{what} has no metrics to draw{reason}", hints=hints, kind="no-metrics")


def _step_files(project: Project, folder: str) -> list[str]:
    """Some files with steps below a folder of the work tree, such as those of DVCLive."""
    if project.repository.is_bare:
        return []
    top = project.repository.absolute(folder)
    found = (
        os.path.relpath(os.path.join(parent, name), top)
        for parent, _, names in islice(os.walk(top), _FOLDERS_LOOKED_AT)
        for name in sorted(names)
        if name.endswith(_STEP_ENDINGS)
    )
    return [f"{folder.rstrip('/')}/{each.replace(os.sep, '/')}" for each in islice(found, 3)]


def _is_file(project: Project, path: str) -> bool:
    return not project.repository.is_bare and os.path.isfile(project.repository.absolute(path))
