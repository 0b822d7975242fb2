"""How a diff reads: on a terminal, and as Markdown in a pull request.

Owns the letters, the limits and the escaping. Must not decide what changed.
"""

import re
from collections.abc import Iterator
from typing import Final

from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, format_size_change
from dvx.core.sizes import format_size
from dvx.ops.diff import Change, ChangeKind, DiffReport

# GitHub cuts a comment at 65 536 characters; 100 rows of long paths stay well below.
MARKDOWN_ROWS: Final = 100
_LETTERS: Final = {
    ChangeKind.ADDED: ("A", "green"),
    ChangeKind.MODIFIED: ("M", "yellow"),
    ChangeKind.REMOVED: ("D", "red"),
    ChangeKind.RENAMED: ("R", "blue"),
}
_MARKDOWN_SIGNS: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~@&:-])")


def change_lines(report: DiffReport, output: Output) -> Iterator[str]:
    """One line for each change."""
    for change in report.changes:
        letter, colour = _LETTERS[change.kind]
        yield f"{output.paint(letter, colour)}  {_words(change)}"


def format_summary(report: DiffReport) -> str:
    """`3 added, 1 modified, 2 removed; +1.20 MB`, or that nothing differs."""
    counts = [
        f"{format_count(count)} {kind.value}" for kind in ChangeKind if (count := report.count(kind)) > 0
    ]
    if not counts:
        return f"no changes between {escape(report.old)} and {escape(report.new)}"
    return f"{', '.join(counts)}; {format_size_change(report.size_change)}"


def markdown_lines(report: DiffReport) -> Iterator[str]:
    """A heading, the summary, and a table of at most 100 changes."""
    yield f"### Data changes: {_markdown(report.old)} → {_markdown(report.new)}"
    yield ""
    if not report.changes:
        yield "No changes."
        return
    yield f"**{format_summary(report)}**"
    yield ""
    yield "| | path | before | after |"
    yield "|---|---|---:|---:|"
    for change in report.changes[:MARKDOWN_ROWS]:
        yield _row(change)
    rest = len(report.changes) - MARKDOWN_ROWS
    if rest > 0:
        yield ""
        yield f"and {format_count(rest)} more"


def _row(change: Change) -> str:
    path = _markdown(change.path)
    if change.old_path is not None:
        path = f"{_markdown(change.old_path)} → {path}"
    return f"| {change.kind.value} | {path} | {_size(change.old_size)} | {_size(change.new_size)} |"


def _words(change: Change) -> str:
    path = escape(change.path)
    if change.kind is ChangeKind.RENAMED:
        return f"{escape(change.old_path or '')} -> {path}"
    if change.kind is ChangeKind.MODIFIED:
        return f"{path}  {_size(change.old_size)} -> {_size(change.new_size)}"
    return f"{path}  {_size(change.old_size if change.new_size is None else change.new_size)}"


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else format_size(size_bytes)


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is: no table cell, link, mention or HTML begins in a name."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", escape(text))
