"""How a status report reads on a terminal.

Owns the grouping and the limits. Must not decide anything about the data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.cli.output import Output, escape
from dvx.cli.render import plural, without_password
from dvx.cli.targets import shown_path
from dvx.core.shell_words import quote_all
from dvx.core.sizes import format_size
from dvx.ops.differences import FileState
from dvx.ops.parts import names_to_pull
from dvx.ops.status import PathState, PathStatus, RemoteState, StatusReport
from dvx.repo.repository import Repository

# A screen shows about 40 lines; three kinds of ten leave room for the rest.
FILES_SHOWN: Final = 10
_COLOURS: Final = {
    FileState.MODIFIED: "yellow",
    FileState.DELETED: "red",
    FileState.MISSING: "red",
    FileState.UNTRACKED: "dim",
}


@dataclass(frozen=True, slots=True)
class StatusText:
    """The lines of one report; `shows_all` lifts the limit and lists what is clean."""

    report: StatusReport
    repository: Repository
    output: Output
    shows_all: bool = False

    def lines(self) -> Iterator[str]:
        """The listing, from what needs attention to what is clean."""
        for path, error in sorted(self.report.broken.items()):
            yield f"{self.output.paint('broken pointer', 'red')}: {self._shown(path)}: {escape(error.what)}"
        for status in self.report.paths:
            yield from self._path(status)
        yield from self._stale()
        yield from self._uncommitted()
        yield from self._remote()
        if self._is_data_clean():
            yield self._clean()
        if self.report.left_out:
            yield f"outside of the sparse checkout: {plural(len(self.report.left_out), 'pointer')}"

    def hints(self) -> Iterator[str]:
        """The next commands."""
        if any(status.git == "unmerged" for status in self.report.paths):
            yield "end the conflicts: `dvx resolve`"
        if any(status.differences for status in self.report.paths if status.state is PathState.CHANGED):
            yield "keep the changes: `dvx add --update`, or undo them: `dvx checkout --force TARGET`"
        yield from self._pull_hints()
        refused = [error for status in self.report.paths for error in status.refused.values()]
        yield from dict.fromkeys(escape(hint) for error in refused[:FILES_SHOWN] for hint in error.hints[:1])
        stale = [status.tracked.path for status in self.report.paths if status.stale_metadata]
        if stale:
            paths = escape(quote_all(map(self._typed, stale[:3])))
            yield f"make the data with them, then record it, or record them as they are: `dvx add {paths}`"
        yield from dict.fromkeys(hint for error in self.report.broken.values() for hint in error.hints[:1])
        lacking = [each for each in self.report.paths if each.remote not in (None, RemoteState.COMPLETE)]
        if lacking:
            is_here = any(status.state is not PathState.NOT_CHECKED_OUT for status in lacking)
            yield f"send what the remote lacks{'' if is_here else ', from a clone that has it'}: `dvx push`"

    def _pull_hints(self) -> Iterator[str]:
        outdated = [status for status in self.report.paths if status.state is PathState.OUTDATED]
        if any(not status.is_partial for status in outdated):
            yield "bring the workspace to the newer pointers: `dvx pull`"
        for status in (status for status in outdated if status.is_partial):
            yield f"bring the part of {self._shown(status.tracked.path)} up to date: `{self._pull_part(status)}`"
        is_unread = any(s.state is PathState.UNKNOWN and not s.refused for s in self.report.paths)
        if is_unread or {PathState.NOT_CHECKED_OUT, PathState.INCOMPLETE} & {
            s.state for s in self.report.paths
        }:
            yield "get the data: `dvx pull`"
        parts = [status.tracked.path for status in self.report.paths if status.is_partial]
        if parts:
            yield f"get the rest: `dvx pull {escape(quote_all(map(self._typed, parts[:3])))}`"

    def _pull_part(self, status: PathStatus) -> str:
        names = names_to_pull(status.tracked.path, status.wanted)
        return f"dvx pull {escape(quote_all(map(self._typed, names)))}"

    def _path(self, status: PathStatus) -> Iterator[str]:
        pointer = status.tracked.pointer
        if status.state is PathState.CLEAN and not self.shows_all and not status.is_partial:
            return
        files = f"{plural(pointer.files, 'file')}, " if pointer.files is not None else ""
        if status.is_partial:
            files = f"{status.files_here} of {plural(pointer.files or 0, 'file')} checked out, "
        colour = "green" if status.state is PathState.CLEAN else "bold"
        state = self.output.paint(status.state.value, colour)
        yield f"{state}: {self._shown(status.tracked.path)} ({files}{format_size(pointer.size)})"
        if status.problem:
            yield f"    {escape(status.problem)}"
        yield from self._refused([error.what for error in status.refused.values()])
        for kind in FileState:
            yield from self._files(kind, [item.path for item in status.differences if item.state is kind])

    def _files(self, kind: FileState, paths: Sequence[str]) -> Iterator[str]:
        limit = len(paths) if self.shows_all else FILES_SHOWN
        label = self.output.paint(f"{kind.value + ':':11}", _COLOURS[kind])
        for path in paths[:limit]:
            yield f"    {label}{self._shown(path)}"
        if len(paths) > limit:
            yield f"    {label}... and {len(paths) - limit} more (use -v)"

    def _refused(self, reasons: Sequence[str]) -> Iterator[str]:
        limit = len(reasons) if self.shows_all else FILES_SHOWN
        label = self.output.paint(f"{'not looked at:':14}", "red")
        for reason in reasons[:limit]:
            yield f"    {label} {escape(reason)}"
        if len(reasons) > limit:
            yield f"    {label} ... and {len(reasons) - limit} more (use -v)"

    def _stale(self) -> Iterator[str]:
        if not any(status.stale_metadata for status in self.report.paths):
            return
        from dvx.cli.metadata_text import stale_lines

        yield "parameters and metrics that their pointers do not have:"
        for status in self.report.paths:
            limit = len(status.stale_metadata) if self.shows_all else FILES_SHOWN
            if status.stale_metadata:
                yield f"    {self._shown(status.tracked.path)}"
            yield from stale_lines(status.stale_metadata, limit=limit)

    def _uncommitted(self) -> Iterator[str]:
        rows = [(s.git, s.tracked.pointer_path) for s in self.report.paths if s.git != "unchanged"]
        rows += [("removed", path) for path in self.report.removed]
        if rows:
            yield "pointers not committed:"
        limit = len(rows) if self.shows_all else FILES_SHOWN
        for state, path in rows[:limit]:
            yield f"    {state + ':':11}{self._shown(path)}"
        if len(rows) > limit:
            yield f"    ... and {len(rows) - limit} more (use -v)"

    def _remote(self) -> Iterator[str]:
        asked = [status for status in self.report.paths if status.remote is not None]
        if self.report.remote is None or not asked:
            return
        lacking = [status for status in asked if status.remote is not RemoteState.COMPLETE]
        place = escape(without_password(self.report.remote))
        if not lacking:
            yield f"remote {place}: has all of {plural(len(asked), 'tracked path')}"
            return
        yield f"remote {place}: lacks {len(lacking)} of {plural(len(asked), 'tracked path')}"
        limit = len(lacking) if self.shows_all else FILES_SHOWN
        for status in lacking[:limit]:
            yield f"    {f'{status.remote}:':12}{self._shown(status.tracked.path)}"
        if len(lacking) > limit:
            yield f"    ... and {len(lacking) - limit} more (use -v)"

    def _is_data_clean(self) -> bool:
        is_clean = all(status.state is PathState.CLEAN for status in self.report.paths)
        return is_clean and bool(self.report.paths) and not self.report.broken

    def _clean(self) -> str:
        total = sum(status.tracked.pointer.size for status in self.report.paths)
        count = plural(len(self.report.paths), "tracked path")
        return f"{self.output.paint('clean', 'green')}: {count}, {format_size(total)}"

    def _typed(self, path: str) -> str:
        return shown_path(self.repository, path)

    def _shown(self, path: str) -> str:
        return escape(shown_path(self.repository, path))
