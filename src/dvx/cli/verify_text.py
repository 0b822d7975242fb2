"""How the answer of `dvx verify` reads: on a terminal, and as Markdown in the summary of a CI job.

Owns the grouping, the limits and the next commands. Must not decide anything about the data.
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from dvx.cli.markdown import code
from dvx.cli.output import escape
from dvx.cli.render import plural, without_password
from dvx.core.errors import name_some
from dvx.core.sizes import format_size
from dvx.ops.verify import Outcome, VerifyReport
from dvx.ops.verify_remote import RemoteCheck
from dvx.ops.verify_workspace import Deviation, WorkspaceCheck
from dvx.store.presence import PresenceState

_WORDS: Final = {
    PresenceState.ABSENT: "not there",
    PresenceState.INCOMPLETE: "incomplete",
    PresenceState.DAMAGED: "damaged",
}
_NAMES_SHOWN: Final = 5
_ROWS_SHOWN: Final = 50
_LINE_CHARACTERS: Final = 1000
_HEADINGS: Final = {
    Outcome.VERIFIED: "Data verified",
    Outcome.PARTLY: "Some data could not be verified",
    Outcome.DIFFERS: "The workspace is not what the pointers say",
    Outcome.MISSING: "Data is missing on the remote",
    Outcome.DAMAGED: "Data on the remote is damaged",
}


def verify_lines(report: VerifyReport) -> Iterator[str]:
    """What was found, the worst of each path in a line, with up to five names for each kind."""
    if report.workspace is not None:
        yield from _workspace_lines(report.workspace)
    if report.remote is not None:
        yield from _remote_lines(report.remote)


def verify_hints(report: VerifyReport) -> Iterator[str]:
    """The next commands."""
    yield from _workspace_hints(report.workspace or ())
    if report.remote is None:
        return
    roots = [root for root in report.remote.roots if root.state is not PresenceState.COMPLETE]
    # Bytes that are wrong in an object of the right size: a push sees the object and sends nothing.
    yield from dict.fromkeys(escape(hint) for root in roots for hint in root.hints)
    lacking = [root.tracked.path for root in roots if not root.hints]
    if lacking:
        command = _command("dvx push", lacking, f"-r {report.remote.name}")
        yield f"send what the remote lacks, from a clone that has it: `{command}`"
    if any(root.damaged for root in report.remote.roots):
        yield "a push from there stores what is damaged again under new names"


def _workspace_hints(checks: Sequence[WorkspaceCheck]) -> Iterator[str]:
    lost = [check.tracked.path for check in checks if set(check.deviations.values()) - {Deviation.EXTRA}]
    kept = [check.tracked.path for check in checks if set(check.deviations.values()) - {Deviation.MISSING}]
    if any(check.paths(Deviation.EXTRA) for check in checks):
        yield "delete what is extra, or leave it out with a line in `.dvxignore`"
    if lost:
        # What is only missing needs no force, which gives up work elsewhere in these paths.
        command = "dvx pull --force" if set(lost) & set(kept) else "dvx pull"
        yield f"bring the workspace to the pointers: `{_command(command, lost)}`"
    if kept:
        yield f"or make the pointers say what the workspace has: `{_command('dvx add', kept)}`"


def _command(command: str, paths: Sequence[str], options: str = "") -> str:
    """A command for these paths; for everything where they are too many to type."""
    targets = [shlex.quote(path) for path in paths] if len(paths) <= _NAMES_SHOWN else []
    if not targets and command == "dvx add":
        targets = ["--update"]
    return escape(" ".join([command, *targets, *([options] if options else [])]))


def _workspace_lines(checks: Sequence[WorkspaceCheck]) -> Iterator[str]:
    for check in checks:
        for deviation in Deviation:
            paths = check.paths(deviation)
            if paths:
                yield f"{deviation.value}: {plural(len(paths), 'path')}: {escape(name_some(paths))}"
        if check.problem is not None:
            yield f"not compared: `{escape(check.tracked.path)}`: {escape(check.problem)}"
    files, size = sum(check.files for check in checks), sum(check.size_bytes for check in checks)
    wrong = sum(len(check.deviations) + (check.problem is not None) for check in checks)
    absent = sum(check.absent for check in checks)
    rest = f", {plural(absent, 'file')} not checked out" if absent else ""
    state = f"{plural(wrong, 'path')} not as the pointers say" if wrong else "all as the pointers say"
    yield f"workspace: {state}; {plural(files, 'file')}, {format_size(size)} right in {_paths(checks)}{rest}"


def _paths(items: Sequence[object]) -> str:
    return plural(len(items), "tracked path")


def _remote_lines(check: RemoteCheck) -> Iterator[str]:
    for state, words in _WORDS.items():
        found = check.lacking(state)
        if found:
            names = name_some(root.tracked.path for root in found)
            yield f"{words}: {_paths(found)}: {escape(names)}"
            keys = list(dict.fromkeys(key for root in found for key in (*root.missing, *root.damaged)))
            if keys:
                yield f"    {plural(len(keys), 'object')}: {name_some(keys)}"
        for problem in dict.fromkeys(root.problem for root in found if root.problem):
            yield f"    {escape(problem)}"
    lacking = len(check.roots) - len(check.lacking(PresenceState.COMPLETE))
    state_words = f"lacks {lacking} of" if lacking else "has all of"
    sampled = sum(root.sampled.chunks for root in check.roots if root.sampled is not None)
    read = f"; {plural(sampled, 'chunk')} read and right" if sampled else ""
    place = escape(without_password(check.url))
    packs = f"{plural(check.objects, 'pack')}, {format_size(check.size_bytes)}"
    yield f"remote {place}: {state_words} {_paths(check.roots)}; {packs}{read}"


def verify_markdown(report: VerifyReport) -> Iterator[str]:
    """A heading, what was verified, and a table of the pointers; at most 50 rows."""
    yield f"### {_HEADINGS[report.outcome]}"
    yield ""
    commit = code(report.commit) if report.commit is not None else "no commit"
    yield f"Commit {commit}{', with uncommitted changes' if report.is_dirty else ''}."
    yield ""
    for line in verify_lines(report):
        yield f"- {code(line.strip(), limit=_LINE_CHARACTERS)}"
    yield ""
    yield "| data | id | files | size |"
    yield "|---|---|---:|---:|"
    tracked = report.tracked
    for item in tracked[:_ROWS_SHOWN]:
        pointer = item.pointer
        size = format_size(pointer.size)
        yield f"| {code(item.path)} | <code>{pointer.id.hex()[:16]}</code> | {pointer.files or 1} | {size} |"
    if len(tracked) > _ROWS_SHOWN:
        yield ""
        yield f"and {len(tracked) - _ROWS_SHOWN} more"
