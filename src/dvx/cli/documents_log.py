"""The JSON document of `dvx log`.

Owns its fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from typing import TYPE_CHECKING

from dvx.cli.cells import json_value
from dvx.cli.documents import Fields
from dvx.core.ids import format_id

if TYPE_CHECKING:
    from dvx.cli.experiment_text import FindNew
    from dvx.ops.experiment_rows import ExperimentLog, LogRow


def log_fields(log: "ExperimentLog", rows: "tuple[LogRow, ...]", find_new: "FindNew") -> Fields:
    """dvx.log/1; `rows` are those of `log` in the order to be shown"""
    return {"unreadable": len(log.unreadable), "rows": [_row(row, find_new(row)) for row in rows]}


def _row(row: "LogRow", new_bytes: int | None) -> Fields:
    """`new_bytes` is null where it is not known here; what a pointer says is null where there is none"""
    from dvx.ops.experiment_rows import KINDS, iso_time

    commit, pointer = row.commit, row.pointer
    return {
        "commit": commit.id,
        "parents": list(commit.parents),
        "boundary": commit.is_boundary,
        "date": iso_time(commit.time_s),
        "author": commit.author,
        "subject": commit.subject,
        "tags": list(commit.tags),
        "branches": list(commit.branches),
        "path": row.change.path,
        "change": row.change.kind.value,
        "kind": pointer.kind if pointer else None,
        "id": format_id(pointer.id) if pointer else None,
        "size": pointer.size if pointer else None,
        "files": (1 if pointer.files is None else pointer.files) if pointer else None,
        "new_bytes": new_bytes,
        **{
            kind: {name: json_value(value) for name, value in table.items()}
            for kind, table in zip(KINDS, row.tables, strict=True)
        },
    }
