"""How a diff reads as a comment in a pull request.

Owns the sections, one for each tracked directory, and the limits. Must not decide what changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.cli.diff_text import format_counts
from dvx.cli.markdown import code
from dvx.cli.render import format_count, plural
from dvx.core.sizes import format_size
from dvx.ops.diff import Change, DiffReport

# GitHub refuses a comment of more than 65 536 characters; the rest is for what a bot writes around it.
MAX_CHARACTERS: Final = 60_000
# For the lines that count what was left out, of a section and of the whole.
_SECTION_END_CHARACTERS: Final = 60
_RESERVED_CHARACTERS: Final = 100
SECTION_ROWS: Final = 100
# A section that fits on a screen is open from the start, if it is the only one.
_OPEN_ROWS: Final = 20
_HEAD: Final = ("| | path | before | after |", "|---|---|---:|---:|")


@dataclass(frozen=True, slots=True)
class _Section:
    """The changes of one tracked directory; `path` is None for tracked files."""

    path: str | None
    changes: list[Change]


class _Page:
    """Lines as far as there is room for them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._room = MAX_CHARACTERS - _RESERVED_CHARACTERS

    def add(self, *lines: str, reserve: int = 0) -> bool:
        """Add all of the lines or none; tells which. `reserve` is room for what has to follow them."""
        length = sum(len(line) + 1 for line in lines) + reserve
        if length > self._room:
            return False
        self._room -= length
        self.lines.extend(lines)
        return True


def markdown_lines(report: DiffReport) -> Iterator[str]:
    """A heading, the summary, a table of changed files, and a section to unfold for each tracked directory.

    At most 100 rows in a section and 60 000 characters in all; what is left out is counted.
    """
    page = _Page()
    page.add(f"### Data changes: {code(report.old)} → {code(report.new)}", "")
    if not report.changes:
        page.add("No changes.")
        return iter(page.lines)
    page.add(f"**{format_counts(report.changes)}**")
    sections = _sections(report)
    shown = 0
    for section in sections:
        if not _add_section(page, section, is_only=len(sections) == 1):
            break
        shown += 1
    left = sections[shown:]
    if left:
        changes = sum(len(section.changes) for section in left)
        page.lines += ["", f"and {plural(changes, 'change')} in {plural(len(left), 'more tracked path')}"]
    return iter(page.lines)


def _sections(report: DiffReport) -> list[_Section]:
    """Tracked files first, then directories by path; a rename belongs where its new path is."""
    directories = set(report.directories)
    files = _Section(None, [])
    sections: dict[str, _Section] = {}
    for change in report.changes:
        path = _directory_of(change.path, directories)
        if path is None:
            files.changes.append(change)
        else:
            sections.setdefault(path, _Section(path, [])).changes.append(change)
    return [*([files] if files.changes else []), *(sections[path] for path in sorted(sections))]


def _directory_of(path: str, directories: set[str]) -> str | None:
    while path and path not in directories:
        path = path.rpartition("/")[0]
    return path or None


def _add_section(page: _Page, section: _Section, *, is_only: bool) -> bool:
    """Add the beginning of a section and as many rows as there is room for; False if there is none at all."""
    rows = [_row(change, section.path) for change in section.changes[:SECTION_ROWS]]
    head = _section_head(section, is_open=is_only and len(rows) <= _OPEN_ROWS)
    if not page.add(*head, rows[0], reserve=_SECTION_END_CHARACTERS):
        return False
    shown = 1
    while shown < len(rows) and page.add(rows[shown]):
        shown += 1
    rest = len(section.changes) - shown
    if rest > 0:
        page.lines += ["", f"and {format_count(rest)} more"]
    if section.path is not None:
        page.lines += ["", "</details>"]
    return True


def _section_head(section: _Section, *, is_open: bool) -> Sequence[str]:
    if section.path is None:
        return ["", *_HEAD]
    tag = "<details open>" if is_open else "<details>"
    summary = f"<summary>{code(section.path)}: {format_counts(section.changes)}</summary>"
    return ["", f"{tag}{summary}", "", *_HEAD]


def _row(change: Change, directory: str | None) -> str:
    path = code(_inside(change.path, directory))
    if change.old_path is not None:
        path = f"{code(_inside(change.old_path, directory))} → {path}"
    return f"| {change.kind.value} | {path} | {_size(change.old_size)} | {_size(change.new_size)} |"


def _inside(path: str, directory: str | None) -> str:
    """A path relative to the directory that the section is about; others whole."""
    return path.removeprefix(directory + "/") if directory is not None else path


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else format_size(size_bytes)
