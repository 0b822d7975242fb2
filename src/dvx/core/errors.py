"""The error tree of dvx: one class for each thing a handler would do, each with its exit code.

Owns the exit codes (append-only, documented in docs/reference/errors.md) and the three-part message:
what went wrong, what it affects, and the exact next command. Must not format for a terminal; the command
line does that.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

# The name of the distribution: `dvx` in the package index is another project.
UPDATE_HINT: Final = "update dvx: `pip install --upgrade git-dvx`"


class ExitCode(IntEnum):
    """Process exit codes. Append-only."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    CREDENTIALS = 4
    DIFFERENCES = 5
    DATA_MISSING = 6
    INTEGRITY = 7
    BUSY = 8
    UNREACHABLE = 9
    NOT_A_REPOSITORY = 10
    BUG = 70
    INTERRUPTED = 130


class DvxError(Exception):
    """A failure that dvx understands and can explain.

    `what` is one sentence without a final period. `affected` says what is concerned and what was left
    untouched. `hints` are next steps, each with the exact command. `kind` is a stable machine-readable name.
    `paths` are the tracked paths that it is about, where others are not and these are known. `done` is the result of
    what was done for the others before, where there is one.
    """

    exit_code: ExitCode = ExitCode.FAILED
    kind: str = "failed"

    def __init__(
        self,
        what: str,
        *,
        affected: str | None = None,
        hints: Sequence[str] = (),
        kind: str | None = None,
        paths: Sequence[str] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.affected = affected
        self.hints = tuple(hints)
        self.paths = tuple(paths)
        self.done: object = None
        if kind is not None:
            self.kind = kind


class UsageError(DvxError):
    """The request itself makes no sense: unknown option value, path outside the repository, overlap."""

    exit_code = ExitCode.USAGE
    kind = "usage"


class PathRefused(UsageError):
    """A path or name that dvx will not track, read or write (unsafe, not portable, already tracked by Git)."""

    kind = "path-refused"


class NotFound(DvxError):
    """A path, revision, remote or key named by the user does not exist."""

    kind = "not-found"


class FormatError(DvxError):
    """Bytes that are not a valid pointer, manifest, pack, placement or marker of a known version."""

    exit_code = ExitCode.INTEGRITY
    kind = "format"


class UnsupportedVersion(FormatError):
    """A well-formed object from a newer dvx."""

    exit_code = ExitCode.FAILED
    kind = "newer-format"

    def __init__(
        self,
        what: str,
        *,
        affected: str | None = None,
        hints: Sequence[str] = (UPDATE_HINT,),
        kind: str | None = None,
    ) -> None:
        super().__init__(what, affected=affected, hints=hints, kind=kind)


class IntegrityError(DvxError):
    """Bytes whose content does not match their id."""

    exit_code = ExitCode.INTEGRITY
    kind = "integrity"


class DataMissing(DvxError):
    """Data that a pointer names is not where it was looked for."""

    exit_code = ExitCode.DATA_MISSING
    kind = "data-missing"


class WorkspaceConflict(DvxError):
    """Going on would overwrite or delete work that is not stored."""

    kind = "would-overwrite"


class ChangedWhileReading(DvxError):
    """A file was modified by somebody else while dvx read it."""

    kind = "changed-while-reading"


class Busy(DvxError):
    """Another dvx command holds the lock."""

    exit_code = ExitCode.BUSY
    kind = "busy"


class LocalDiskError(DvxError):
    """The local disk refused: full, read-only, no permission."""

    kind = "disk"


class NotARepository(DvxError):
    """No Git repository here, or one where `dvx init` has not been run."""

    exit_code = ExitCode.NOT_A_REPOSITORY
    kind = "not-a-repository"


class GitError(DvxError):
    """A Git command failed or Git is not installed."""

    kind = "git"


class BackendError(DvxError):
    """A store answered with an error that retrying does not cure."""

    kind = "backend"


class BackendUnreachable(BackendError):
    """A store could not be reached, or kept failing until the retry deadline."""

    exit_code = ExitCode.UNREACHABLE
    kind = "unreachable"


class CredentialsError(BackendError):
    """A store refused the credentials, or none were found."""

    exit_code = ExitCode.CREDENTIALS
    kind = "credentials"


def name_some(items: Iterable[str], *, limit: int = 5) -> str:
    """Name up to `limit` items in backquotes, then count the rest: "`a`, `b` and 3 more"."""
    names = list(items)
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
