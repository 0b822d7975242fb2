"""Rows of `dvx log` beside the drawing of the history that they belong to.

Owns which line of the drawing a row stands on. Must not draw; Git does.
"""

from collections.abc import Iterable, Sequence

from dvx.ops.experiment_rows import LogRow
from dvx.repo.history_log import ChangeKind, HistoryCommit, PointerChange

_NOTHING = PointerChange("", ChangeKind.MODIFIED, None, None)


def draw_rows(
    graph: Iterable[tuple[str, HistoryCommit | None]], rows: Sequence[LogRow]
) -> tuple[list[str], list[LogRow]]:
    """Return signs and rows, equally many. A commit with several rows goes on with `|`.

    A merge that changed no pointer has a row with an empty path, a line between commits a blank one.
    """
    by_commit: dict[str, list[LogRow]] = {}
    for row in rows:
        by_commit.setdefault(row.commit.id, []).append(row)
    drawing: list[str] = []
    drawn: list[LogRow] = []
    for signs, commit in graph:
        own = by_commit.get(commit.id) or [LogRow(commit, _NOTHING, None)] if commit is not None else [_BLANK]
        for place, row in enumerate(own):
            drawing.append((signs if place == 0 else signs.replace("*", "|")).rstrip())
            drawn.append(row)
    return drawing, drawn


_BLANK = LogRow(HistoryCommit("", (), "", 0, "", (), (), False, ()), _NOTHING, None)
