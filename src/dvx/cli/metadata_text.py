"""How the values of a pointer read on a terminal.

Owns the lines. Must not decide how a value is spelled: dvx.cli.cells does.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dvx.cli.cells import exact_value
from dvx.cli.output import escape
from dvx.core.ids import format_id
from dvx.formats.metadata import metadata_of
from dvx.formats.pointer import Pointer

if TYPE_CHECKING:
    from dvx.ops.stale_metadata import StaleValue


def metadata_lines(pointer: Pointer) -> Iterator[str]:
    """`params.lr = 0.001` and the like, table by table, by name."""
    found = metadata_of(pointer)
    for table, values in (("params", found.params), ("metrics", found.metrics), ("meta", found.meta)):
        for name, value in sorted(values.items()):
            yield f"{table}.{escape(name)} = {exact_value(value)}"
    if found.source.commit:
        yield f"source.commit = {exact_value(found.source.commit)}"
    if found.source.command:
        yield f"source.command = {exact_value(found.source.command)}"
    for path, root in sorted(found.source.inputs.items()):
        yield f"source.inputs.{escape(path)} = {format_id(root)}"


def stale_lines(stale: "Sequence[StaleValue]", *, limit: int) -> Iterator[str]:
    """What a file says now, and what the pointer has."""
    for item in stale[:limit]:
        if item.problem is not None:
            yield f"        {escape(item.problem)}"
            continue
        before = "not recorded" if item.recorded is None else exact_value(item.recorded)
        yield f"        {escape(item.name)}: {before} -> {exact_value(item.current)} ({escape(item.file)})"
    if len(stale) > limit:
        yield f"        ... and {len(stale) - limit} more (use -v)"
