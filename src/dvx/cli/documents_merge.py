"""The JSON document of `dvx resolve`.

Owns its fields, which are public: fields may be added, never changed or removed. Paths are relative to the
repository, ids are `blake3:<hex>`, sizes are bytes.
"""

from typing import TYPE_CHECKING

from dvx.cli.documents import Fields
from dvx.core.ids import format_id

if TYPE_CHECKING:
    from dvx.formats.manifest import Entry
    from dvx.ops.merge_pointers import Conflict
    from dvx.ops.resolve import ResolveReport, Unresolved


def resolve_fields(report: "ResolveReport") -> Fields:
    """dvx.resolve/1"""
    return {
        "resolved": report.resolved,
        "removed": report.removed,
        "unresolved": [_unresolved(item) for item in report.unresolved],
        "kept": [
            {"path": path, "kind": error.kind, "message": error.what}
            for path, error in sorted(report.kept.items())
        ],
        "staged_with_markers": report.marked,
        "dropped": [{"path": path, "tables": tables} for path, tables in sorted(report.dropped.items())],
    }


def _unresolved(item: "Unresolved") -> Fields:
    error = item.error
    return {
        "path": item.unmerged.path,
        "pointer": item.unmerged.pointer_path,
        "conflicts": [_conflict(item.unmerged.path, conflict) for conflict in item.conflicts],
        "error": {"kind": error.kind, "message": error.what} if error is not None else None,
    }


def _conflict(path: str, conflict: "Conflict") -> Fields:
    """`path` is null for a key of the pointer, `key` for anything else."""
    inside = f"{path}/{conflict.path}" if conflict.path else path
    return {
        "path": inside if conflict.key is None else None,
        "key": conflict.key,
        "reason": conflict.reason,
        "base": _entry(conflict.base),
        "ours": _entry(conflict.ours),
        "theirs": _entry(conflict.theirs),
    }


def _entry(entry: "Entry | None") -> Fields | None:
    if entry is None:
        return None
    return {"kind": entry.kind, "size": entry.size, "id": format_id(entry.id)}
