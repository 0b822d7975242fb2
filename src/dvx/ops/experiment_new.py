"""Which previous version each row of `dvx log` is compared with to tell what was new.

Owns the pairing: the version in the commit's first parent. Must not read the store itself; new_bytes does.
"""

from collections.abc import Sequence

from dvx.ops.experiment_rows import LogRow
from dvx.ops.new_bytes import NewBytes
from dvx.ops.project import Project
from dvx.repo.pointer_history import PointerHistory


def new_by_row(
    project: Project, history: PointerHistory, rows: Sequence[LogRow]
) -> dict[tuple[str, str], int | None]:
    """Return the new bytes by (commit id, data path); None where they are not known here.

    Not known: for a removed or unreadable version, at the end of a shallow clone, and where the local store lacks
    records and pack indexes. `history` is the one that the rows came from: it has read most of the versions before.
    """
    old = history.read(row.change.old_object for row in rows if row.change.old_object is not None)
    answers = NewBytes(project)
    roots = [pointer.id for pointer in old.values()]
    answers.prepare([*roots, *(row.pointer.id for row in rows if row.pointer is not None)])
    found: dict[tuple[str, str], int | None] = {}
    # Along one path neighbours are each other's previous versions, so few have to be kept.
    for row in sorted(rows, key=lambda each: each.change.path):
        before = old.get(row.change.old_object or "")
        is_unknown = row.pointer is None or row.commit.is_boundary
        is_unknown |= row.change.old_object is not None and before is None
        if row.pointer is not None and not is_unknown:
            found[row.commit.id, row.change.path] = answers.between(before, row.pointer)
    return found
