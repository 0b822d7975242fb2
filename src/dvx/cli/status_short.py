"""`dvx status --short`: two letters and a path, for scripts and for those who know them from Git.

Owns the letters. Must not decide anything about the data.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from dvx.cli.output import escape
from dvx.cli.targets import shown_path
from dvx.ops.differences import FileState
from dvx.ops.status import PathState, PathStatus, StatusReport
from dvx.repo.repository import Repository

_OF_POINTER: Final[Mapping[str, str]] = {"new": "A", "modified": "M", "unmerged": "U"}
_OF_DATA: Final[Mapping[PathState, str]] = {
    PathState.CLEAN: " ",
    PathState.CHANGED: "M",
    PathState.OUTDATED: "<",
    PathState.NOT_CHECKED_OUT: "D",
}
_OF_FILE: Final[Mapping[FileState, str]] = {
    FileState.MODIFIED: " M",
    FileState.DELETED: " D",
    FileState.UNTRACKED: "??",
}


def short_lines(report: StatusReport, repository: Repository) -> Iterator[str]:
    """The first letter is that of the pointer against HEAD, the second that of the data against the pointer."""
    for path in sorted(report.broken):
        yield f"!! {escape(shown_path(repository, path))}"
    for status in report.paths:
        letters = _OF_POINTER.get(status.git, " ") + _OF_DATA.get(status.state, "!")
        if letters.strip():
            yield f"{letters} {escape(shown_path(repository, status.tracked.path))}"
        yield from _files(status, repository)
    for path in report.removed:
        yield f"D  {escape(shown_path(repository, path))}"


def _files(status: PathStatus, repository: Repository) -> Iterator[str]:
    """The files inside of a directory that were here or are; of a single file all is said."""
    for item in status.differences:
        if item.path != status.tracked.path and item.state is not FileState.MISSING:
            yield f"{_OF_FILE.get(item.state, ' !')} {escape(shown_path(repository, item.path))}"
