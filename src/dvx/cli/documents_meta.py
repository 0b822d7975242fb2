"""The JSON documents of `dvx meta`, and what other documents say of metadata.

Owns their fields and how values that JSON lacks are spelled: `"nan"`, `"inf"`, `"-inf"`, dates as text.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import TYPE_CHECKING, Any

from dvx.cli.documents import tracked_fields
from dvx.core.ids import format_id
from dvx.formats.metadata import metadata_of
from dvx.formats.pointer import Pointer

if TYPE_CHECKING:
    from dvx.ops.metadata_edit import MetadataChange
    from dvx.ops.stale_metadata import StaleValue
    from dvx.repo.pointers import TrackedPointer


def json_value(value: object) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, date | time):
        return value.isoformat()
    return [json_value(item) for item in value] if isinstance(value, list) else value


def metadata_fields(pointer: Pointer) -> dict[str, Any]:
    """The four tables of a pointer, names with dots."""
    found = metadata_of(pointer)
    return {
        "params": _table(found.params),
        "metrics": _table(found.metrics),
        "meta": _table(found.meta),
        "source": {
            "inputs": {path: format_id(root) for path, root in sorted(found.source.inputs.items())},
            "command": found.source.command or None,
            "commit": found.source.commit or None,
        },
    }


def show_fields(tracked: "Iterable[TrackedPointer]") -> dict[str, Any]:
    """dvx.meta-show/1"""
    return {"paths": [{**tracked_fields(item), **metadata_fields(item.pointer)} for item in tracked]}


def change_fields(change: "MetadataChange") -> dict[str, Any]:
    """dvx.meta-set/1 and dvx.meta-unset/1"""
    tracked = change.tracked
    return {**tracked_fields(tracked), **metadata_fields(tracked.pointer), "changed": change.is_changed}


def stale_fields(stale: "Sequence[StaleValue]") -> list[dict[str, Any]]:
    """`stale_metadata` of dvx.status/1; `name` is null where the file cannot be read, as `problem` says."""
    return [
        {
            "name": item.name or None,
            "file": item.file,
            "recorded": json_value(item.recorded),
            "current": json_value(item.current),
            "problem": item.problem,
        }
        for item in stale
    ]


def _table(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: json_value(value) for name, value in sorted(values.items())}
