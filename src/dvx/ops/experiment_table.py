"""Which columns the table of `dvx log` has, in which order its rows stand, and which values are the same in all.

Owns the choice. Must not know how a cell is spelled.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Final

from dvx.core.errors import NotFound, name_some
from dvx.formats.metadata import same_value
from dvx.ops.directions import Direction, Directions
from dvx.ops.experiment_rows import FACTS, KINDS, LogRow, finder

NEW: Final = "new"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the name that rows are asked for, and the one above the column."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class ExperimentTable:
    """`constants` are (column, value) for what all rows share and no column shows.

    `shared` are those of which rows without any values of the kind, such as data beside models, say nothing.
    """

    columns: tuple[Column, ...]
    rows: tuple[LogRow, ...]
    constants: tuple[tuple[Column, object], ...]
    shared: tuple[tuple[Column, object], ...] = ()


def make_table(
    rows: Sequence[LogRow],
    *,
    wanted: Sequence[str] = (),
    sort: str | None = None,
    directions: Directions | None = None,
    find_new: Callable[[LogRow], object] | None = None,
    names_path: bool = False,
) -> ExperimentTable:
    """Choose columns and order. `wanted` are names of columns, or `params`, `metrics`, `meta` for all of a kind.

    Without `wanted`: commit, date, author, tags, subject, path where there are several or with `names_path`, size,
    files, new, and the parameters and metrics that differ between rows. Raises NotFound (kind `unknown-column`).
    """
    names = _value_names(rows)
    varying = [name for name in names if _is_alone(rows, name) or not _is_constant(rows, name)]
    titles = _titles(names)
    if wanted:
        chosen = [each for name in wanted for each in _named(name, rows, names, titles)]
    else:
        shown = [name for name in varying if not name.startswith("meta.")]
        chosen = [*_fact_columns(rows, names_path), *(Column(name, titles[name]) for name in shown)]
    columns = tuple(dict.fromkeys(chosen))
    have = {column.name for column in columns}
    same = [
        (Column(name, titles[name]), _first(rows, name))
        for name in names
        if name not in have and name not in varying and not name.startswith("meta.")
    ]
    constants = [item for item in same if all(_has_kind(row, item[0].name) for row in rows)]
    shared = [item for item in same if item not in constants]
    ordered = sort_rows(rows, sort, directions or Directions(), find_new=find_new) if sort else rows
    return ExperimentTable(columns, tuple(ordered), tuple(constants), tuple(shared))


def sort_rows(
    rows: Sequence[LogRow],
    key: str,
    directions: Directions,
    *,
    find_new: Callable[[LogRow], object] | None = None,
) -> list[LogRow]:
    """Sort by one name: from small to large, a metric with a known direction from best to worst; `-` turns it round.

    Rows without a value come last either way, and equal rows stay as they were. Raises NotFound.
    """
    is_turned = key.startswith("-")
    name = key.removeprefix("-")
    _check_known(name, rows)
    known = _value_names(rows)
    full = next((each for each in (f"metrics.{name}", name) if each in known), name)
    is_metric = full.startswith("metrics.") and f"params.{name}" not in known
    if is_metric and directions.of(full) is Direction.HIGHER:
        is_turned = not is_turned
    find = find_new if name == NEW and find_new is not None else finder(name)
    keyed = [(_sort_key(find(row)), row) for row in rows]
    present = sorted((each for each in keyed if each[0]), key=lambda each: each[0], reverse=is_turned)
    # A reverse sort keeps equal rows in order too.
    return [row for _, row in present] + [row for found, row in keyed if not found]


def _sort_key(value: object) -> tuple[int, float, str]:
    """Numbers before text; empty for what has no place: nothing, and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ()  # type: ignore[return-value]
    if isinstance(value, int | float):
        return 0, _as_float(value), ""
    return 1, 0.0, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _as_float(value: float) -> float:
    return float(value)  # 64 bits at most


def _value_names(rows: Sequence[LogRow]) -> list[str]:
    """All names, parameters before metrics before labels, each kind sorted."""
    names = (sorted(set().union(*(row.tables[place] for row in rows))) for place in range(len(KINDS)))
    return [f"{kind}.{name}" for kind, some in zip(KINDS, names, strict=True) for name in some]


def _is_constant(rows: Sequence[LogRow], name: str) -> bool:
    """Whether all rows whose pointers have any values of this kind have the same one.

    Data without parameters stands beside models in most histories, and tells nothing about what the models share.
    """
    values = (row.value(name) for row in rows if _has_kind(row, name))
    first = next(values)
    return first is not None and all(same_value(value, first) for value in values)


def _has_kind(row: LogRow, name: str) -> bool:
    return bool(row.tables[KINDS.index(name.partition(".")[0])])


def _is_alone(rows: Sequence[LogRow], name: str) -> bool:
    """Whether one row only has values of this kind: it shows them."""
    return len(list(islice((row for row in rows if _has_kind(row, name)), 2))) == 1


def _first(rows: Sequence[LogRow], name: str) -> object:
    return next(row.value(name) for row in rows if _has_kind(row, name))


def _titles(names: Sequence[str]) -> dict[str, str]:
    """Names without their kind, unless two kinds share one or it is that of a fact."""
    short = [name.partition(".")[2] for name in names]
    counts = Counter(short)
    taken = {name for name in short if counts[name] > 1 or name in FACTS or name == NEW}
    return {name: name if plain in taken else plain for name, plain in zip(names, short, strict=True)}


def _fact_columns(rows: Sequence[LogRow], names_path: bool) -> list[Column]:
    shown = ["commit", "date", "author"]
    shown += ["tags"] if any(row.commit.tags for row in rows) else []
    shown += ["subject"]
    shown += ["path"] if names_path or len({row.change.path for row in rows}) > 1 else []
    shown += ["size"]
    shown += ["files"] if any(row.pointer and row.pointer.files is not None for row in rows) else []
    return [Column(name, name) for name in [*shown, NEW]]


def _named(name: str, rows: Sequence[LogRow], names: Sequence[str], titles: dict[str, str]) -> list[Column]:
    if name in KINDS:
        return [Column(each, titles[each]) for each in names if each.startswith(f"{name}.")]
    _check_known(name, rows)
    full = next((each for each in (name, *(f"{kind}.{name}" for kind in KINDS)) if each in titles), name)
    return [Column(name if name in FACTS else full, name)]


def _check_known(name: str, rows: Sequence[LogRow]) -> None:
    find = finder(name)
    if name in FACTS or name == NEW or not rows or any(find(row) is not None for row in rows):
        return
    near = near_names(name, rows)
    raise NotFound(
        f"no commit here has {name[:80]!a}",
        hints=[
            *([f"did you mean {name_some(near)}?"] if near else []),
            "see what there is: `dvx log --columns params,metrics,meta`",
        ],
        kind="unknown-column",
    )


def near_names(name: str, rows: Sequence[LogRow]) -> list[str]:
    """Up to three names that may have been meant: those that end in `.name`, such as `train.lr`, then similar ones."""
    values = _value_names(rows)
    short = [each.partition(".")[2] for each in values]
    ends = [each for each in short if each.endswith(f".{name}")]
    return list(dict.fromkeys([*ends, *get_close_matches(name, [*FACTS, NEW, *values, *short], n=3)]))[:3]
