"""The JSON documents of `dvx meta`, and what other documents say of metadata.

Owns their fields and how values that JSON lacks are spelled: `"nan"`, `"inf"`, `"-inf"`, dates as text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dvx.cli.cells import json_value
from dvx.cli.documents import Fields, tracked_fields
from dvx.core.ids import format_id
from dvx.formats.metadata import metadata_of
from dvx.formats.pointer import Pointer

if TYPE_CHECKING:
    from dvx.ops.metadata_edit import MetadataChange
    from dvx.ops.stale_metadata import StaleValue
    from dvx.repo.pointers import TrackedPointer


def metadata_fields(pointer: Pointer) -> Fields:
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


def show_fields(tracked: "Iterable[TrackedPointer]") -> Fields:
    """dvx.meta-show/1"""
    return {"paths": [{**tracked_fields(item), **metadata_fields(item.pointer)} for item in tracked]}


def change_fields(change: "MetadataChange") -> Fields:
    """dvx.meta-set/1 and dvx.meta-unset/1"""
    tracked = change.tracked
    return {**tracked_fields(tracked), **metadata_fields(tracked.pointer), "changed": change.is_changed}


def stale_fields(stale: "Sequence[StaleValue]") -> list[Fields]:
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


def _table(values: Mapping[str, object]) -> Fields:
    return {name: json_value(value) for name, value in sorted(values.items())}
