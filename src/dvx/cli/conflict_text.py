"""How conflicts of pointers are told on a terminal.

Owns the words. Must not write anything itself.
"""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.output import escape
from dvx.cli.render import format_table, plural
from dvx.core.errors import name_some
from dvx.core.ids import short_id
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.formats.manifest import Entry
    from dvx.ops.merge_pointers import Conflict
    from dvx.ops.resolve import Unresolved


def conflict_summary(pointer_path: str, conflicts: "Sequence[Conflict]") -> list[str]:
    """A line that names the first conflicts of a pointer, and one that says what to do."""
    path = pointer_path.removesuffix(".dvx")
    if not conflicts:
        return []
    names = name_some([_name(path, conflict) for conflict in conflicts])
    return [
        escape(f"dvx: {plural(len(conflicts), 'conflict')} in `{path}`: {names}"),
        escape(f"hint: list them: `dvx resolve`, then {choice_hint(path)}"),
    ]


def dropped_warning(path: str, tables: Sequence[str]) -> str:
    """That the merged pointer has no metrics and the like any more, and what records new ones."""
    names = ", ".join(f"`[{table}]`" for table in tables)
    return escape(
        f"dvx: `{path}` was merged: {names} of the two versions left the pointer, because they do not"
        f" describe the merged data; record its own: `dvx add {shlex.quote(path)}` with --params, --metrics or --from"
    )


def choice_hint(path: str) -> str:
    """How to decide about what is in conflict in a tracked path."""
    return f"choose: `dvx resolve --ours {shlex.quote(path)}` or `--theirs`, also for single paths in it"


def unresolved_lines(unresolved: "Unresolved") -> list[str]:
    """The conflicts of one pointer, a line each."""
    path = unresolved.unmerged.path
    if unresolved.error is not None:
        return [escape(f"{path}: not merged")]
    rows = [
        (
            f"  {_name(path, conflict)}", conflict.reason,
            f"ours {_spell(conflict.ours)}, theirs {_spell(conflict.theirs)}" if conflict.key is None else "",
        )
        for conflict in unresolved.conflicts
    ]  # fmt: skip
    heading = escape(f"{path}: {plural(len(rows), 'conflict')}")
    return [heading, *(line.rstrip() for line in format_table(rows))]


def _name(path: str, conflict: "Conflict") -> str:
    if conflict.key is not None:
        return f"{path}.dvx: key {conflict.key}"
    return f"{path}/{conflict.path}" if conflict.path else path


def _spell(entry: "Entry | None") -> str:
    if entry is None:
        return "none"
    kind = "" if entry.kind == "file" else f" {entry.kind}"
    return f"{format_size(entry.size)}{kind} {short_id(entry.id)}"
