"""How a diff reads on a terminal.

Owns the letters and the summary. Must not decide what changed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, format_size_change
from dvx.core.sizes import format_size
from dvx.ops.diff import Change, ChangeKind, DiffReport

_LETTERS: Final = {
    ChangeKind.ADDED: ("A", "green"),
    ChangeKind.MODIFIED: ("M", "yellow"),
    ChangeKind.REMOVED: ("D", "red"),
    ChangeKind.RENAMED: ("R", "blue"),
}


def change_lines(report: DiffReport, output: Output) -> Iterator[str]:
    """One line for each change."""
    for change in report.changes:
        letter, colour = _LETTERS[change.kind]
        yield f"{output.paint(letter, colour)}  {_words(change)}"


def status_lines(report: DiffReport) -> Iterator[str]:
    """Letter and path, parted by a tab, as `git diff --name-status` has them."""
    for change in report.changes:
        names = [change.old_path or "", change.path] if change.kind is ChangeKind.RENAMED else [change.path]
        yield "\t".join([_LETTERS[change.kind][0], *map(escape, names)])


def stat_lines(report: DiffReport) -> Iterator[str]:
    """Path and how many bytes more or less, then the summary, as `git diff --stat`."""
    names = [
        _renamed(change) if change.kind is ChangeKind.RENAMED else change.path for change in report.changes
    ]
    sizes = [format_size_change((change.new_size or 0) - (change.old_size or 0)) for change in report.changes]
    width = max(map(len, map(escape, names)), default=0)
    for name, size, change in zip(names, sizes, report.changes, strict=True):
        yield f" {escape(name):{width}} | {_LETTERS[change.kind][0]} {size}"
    yield f" {format_summary(report)}"


def _renamed(change: Change) -> str:
    return f"{change.old_path} -> {change.path}"


def format_summary(report: DiffReport) -> str:
    """`3 added, 1 modified, 2 removed; +1.20 MB`, or that nothing differs."""
    if not report.changes:
        return f"no changes between {escape(report.old)} and {escape(report.new)}"
    return format_counts(report.changes)


def format_counts(changes: Sequence[Change]) -> str:
    """How many changes of each kind, and how many bytes more or less."""
    found = Counter(change.kind for change in changes)
    counts = [f"{format_count(found[kind])} {kind.value}" for kind in ChangeKind if found[kind]]
    size_change = sum((change.new_size or 0) - (change.old_size or 0) for change in changes)
    return f"{', '.join(counts)}; {format_size_change(size_change)}"


def _words(change: Change) -> str:
    path = escape(change.path)
    if change.kind is ChangeKind.RENAMED:
        return f"{escape(change.old_path or '')} -> {path}"
    if change.kind is ChangeKind.MODIFIED:
        return f"{path}  {_size(change.old_size)} -> {_size(change.new_size)}"
    return f"{path}  {_size(change.old_size if change.new_size is None else change.new_size)}"


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else format_size(size_bytes)
