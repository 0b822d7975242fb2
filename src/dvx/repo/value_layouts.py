"""Folders that other tools write their parameters and metrics into: DVCLive, an MLflow run, Transformers, plain files.

Owns which files of a folder are which. Works on names and bytes, so that it serves the disk and any revision.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dvx.core.errors import NotFound, UsageError
from dvx.formats.metadata import Value
from dvx.repo.value_files import FileValues, read_file_values, read_series
from dvx.repo.value_flat import decoded, flat_values, unreadable
from dvx.repo.value_rows import Series, last_values
from dvx.repo.value_text import cell_value

Layout = Literal["dvclive", "mlflow", "transformers", "files"]
Table = Literal["params", "metrics", "meta"]
Read = Callable[[str], bytes]

_PARAMS_NAMES: Final = ("params.yaml", "params.yml", "params.toml", "params.json")
_METRICS_NAMES: Final = ("metrics.json", "metrics.yaml", "metrics.yml", "metrics.csv", "metrics.jsonl")
_STATE: Final = "trainer_state.json"
_SERIES_ENDS: Final = (".tsv", ".csv", ".jsonl")


@dataclass(frozen=True, slots=True)
class ValueFiles:
    """The files of one folder ("" is the top) by what they hold, as paths, sorted.

    In an MLflow run each file of `params`, `metrics` and `meta` is one value, named by its path below that folder.
    `series` are the files that have steps.
    """

    layout: Layout
    folder: str
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    series: tuple[str, ...] = ()

    def of(self, table: Table) -> tuple[str, ...]:
        """The files of one kind."""
        return {"params": self.params, "metrics": self.metrics, "meta": self.meta}[table]


def value_folder(folder: str, paths: Iterable[str]) -> ValueFiles:
    """The layout of one folder, out of the files in it. Raises NotFound (kind `no-value-files`)."""
    found = _layout_of(folder, sorted(paths))
    if found is None:
        raise NotFound(
            f"the folder `{folder}` has no files of parameters or metrics that dvx knows",
            affected="nothing was recorded",
            hints=[
                "name the file: `--params FILE`; known folders are those of DVCLive, MLflow and Transformers"
            ],
            kind="no-value-files",
        )
    return found


def read_layout(
    files: ValueFiles, read: Read, table: Table, *, keys: Sequence[str] = (), step: str | None = None
) -> FileValues:
    """Read one kind of values of a folder; `read` returns the bytes of a path. Raises as read_file_values does.

    With `step`, metrics come from the files that have steps.
    """
    if table == "metrics" and step is not None and files.series:
        return flat_values(_at_step(files, read, step), keys=keys)
    if files.layout == "mlflow":
        return flat_values(_run_values(files, read, table, step), keys=keys)
    values: dict[str, Value] = {}
    parts = [read_file_values(read(path), path, keys=keys, step=step) for path in files.of(table)]
    for part in parts:
        values |= part.values
    left_out = tuple(item for part in parts for item in part.left_out)
    missing = tuple(key for key in keys if all(key in part.missing_keys for part in parts))
    return FileValues(values, left_out, missing)


def read_run_metric(data: bytes, name: str) -> Series:
    """The history of one metric of an MLflow run: lines of `timestamp value step`, by step."""
    rows = []
    for number, line in enumerate(decoded(data, name).splitlines(), 1):
        cells = line.split()
        if len(cells) not in (2, 3):
            raise unreadable(name, f"line {number} is not `timestamp value step`")
        timestamp, value = cell_value(cells[0]), cell_value(cells[1])
        step = cell_value(cells[2]) if len(cells) == 3 else 0
        if not isinstance(timestamp, int) or not isinstance(step, int) or isinstance(value, str):
            raise unreadable(name, f"line {number} is not `timestamp value step`")
        rows.append((step, timestamp, value))
    # MLflow's own rule for the latest value: the highest step, then the latest time.
    ordered = sorted(enumerate(rows), key=lambda item: (item[1][0], item[1][1], item[0]))
    return Series(("step", "timestamp", "value"), tuple(row for _, row in ordered))


def _run_values(files: ValueFiles, read: Read, table: Table, step: str | None) -> dict[object, object]:
    found: dict[object, object] = {}
    for path in files.of(table):
        name = path[len(_inside(files.folder, "tags" if table == "meta" else table)) :]
        if table == "metrics":
            values = last_values(read_run_metric(read(path), path), step=step, name=path)
            if "value" in values:
                found[name] = values["value"]
        else:
            text = decoded(read(path), path)
            found[name] = cell_value(text) if table == "params" else text
    return found


def _at_step(files: ValueFiles, read: Read, step: str) -> dict[object, object]:
    found: dict[object, object] = {}
    refusal: UsageError | None = None
    for path in files.series:
        is_run = files.layout == "mlflow"
        series = read_run_metric(read(path), path) if is_run else read_series(read(path), path)
        try:
            values = last_values(series, step=step, name=path)
        except UsageError as error:
            refusal = error  # metrics are not all logged at the same steps
            continue
        if is_run:
            found[path[len(_inside(files.folder, "metrics")) :]] = values.get("value")
        else:
            found |= {key: value for key, value in values.items() if key != "timestamp"}
    if not found and refusal is not None:
        raise refusal
    return found


def _layout_of(folder: str, paths: Sequence[str]) -> ValueFiles | None:
    names = {path[len(_inside(folder)) :]: path for path in paths if _is_below(path, folder)}
    run = {kind: _below(names, kind) for kind in ("params", "metrics", "tags")}
    if "meta.yaml" in names and (run["params"] or run["metrics"] or run["tags"]):
        return ValueFiles("mlflow", folder, run["params"], run["metrics"], run["tags"], run["metrics"])
    params, metrics = _named(names, _PARAMS_NAMES), _named(names, _METRICS_NAMES)
    plots = tuple(path for path in _below(names, "plots/metrics") if path.endswith(_SERIES_ENDS))
    if plots and (metrics or params or folder.rpartition("/")[2] == "dvclive"):
        return ValueFiles("dvclive", folder, params, metrics, (), plots)
    if _STATE in names:
        state = (names[_STATE],)
        return ValueFiles("transformers", folder, params, state, (), state)
    if params or metrics:
        series = tuple(path for path in metrics if path.endswith(_SERIES_ENDS))
        return ValueFiles("files", folder, params, metrics, (), series)
    return None


def _named(names: dict[str, str], wanted: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[name] for name in wanted if name in names)[:1]


def _below(names: dict[str, str], folder: str) -> tuple[str, ...]:
    return tuple(path for name, path in sorted(names.items()) if name.startswith(folder + "/"))


def _inside(*names: str) -> str:
    return "".join(name + "/" for name in names if name)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")
