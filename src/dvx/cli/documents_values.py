"""The JSON documents of `dvx params`, `dvx metrics` and `dvx compare`.

Owns their fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.cells import json_value
from dvx.cli.documents import Fields

if TYPE_CHECKING:
    from dvx.ops.value_changes import Change, Comparison, ValueRow


def values_fields(comparison: "Comparison", rows: "Sequence[ValueRow]", *, rev: str | None) -> Fields:
    """dvx.params-show/1 and dvx.metrics-show/1; `rev` is null for the work tree"""
    return {
        "rev": rev,
        "values": [
            {"path": row.source, "name": row.name, "value": json_value(row.values[0])} for row in rows
        ],
        "problems": _problems(comparison),
    }


def comparison_fields(
    comparison: "Comparison", rows: "Sequence[ValueRow]", *, revs: Sequence[str | None]
) -> Fields:
    """dvx.compare/1, dvx.params-diff/1 and dvx.metrics-diff/1; a revision is null for the work tree

    `kind` is `params`, `metrics`, or `data` for size, files and id; a value is null where a version has none. `changes`
    are from the first version to each other one; `better` is null where no direction is known.
    """
    return {
        "revisions": list(revs),
        "rows": [
            {
                "path": row.source,
                "kind": row.kind,
                "name": row.name,
                "values": [json_value(value) for value in row.values],
                "changes": [_change(change) for change in row.changes],
            }
            for row in rows
        ],
        "problems": _problems(comparison),
    }


def _change(change: "Change") -> Fields:
    return {
        "absolute": json_value(change.absolute),
        "relative": json_value(change.relative),
        "better": change.is_better,
    }


def _problems(comparison: "Comparison") -> list[Fields]:
    return [{"revision": name, "message": error.what} for name, _, error in comparison.problems]
