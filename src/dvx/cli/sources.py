"""Other repositories on the command line: their addresses, and opening them with progress on standard error.

Must not know what is done with them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.progress import make_reporter

if TYPE_CHECKING:
    from dvx.ops.foreign import Foreign
    from dvx.repo.git_address import GitAddress


def typed_repository(invocation: Invocation, text: str) -> "GitAddress":
    """The repository that was typed; a relative path counts from the current folder. Raises UsageError."""
    from dvx.repo.git_address import parse_git_address

    return parse_git_address(text, base_dir=invocation.folder)


def may_prompt(invocation: Invocation) -> bool:
    """Whether Git may ask for a password: a person sits there and allows it."""
    try:
        return invocation.may_ask and sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


@contextmanager
def foreign_repository(
    invocation: Invocation, text: str, rev: str | None, path: str, *, remote: str | None
) -> "Iterator[Foreign]":
    """Open the typed repository at a revision, for what `path` (a clean one) may mean there.

    A `remote` that is named and that it does not have is an error before anything is read.
    """
    from dvx.core.progress import NullReporter
    from dvx.ops.foreign import near, open_foreign

    with open_foreign(
        typed_repository(invocation, text),
        rev,
        is_wanted=near(path),
        env=invocation.env,
        overrides=invocation.overrides,
        reporter=NullReporter(),
        may_ask=may_prompt(invocation),
        is_typed=True,
        rehearses=invocation.rehearses,
    ) as foreign:
        is_shown = not invocation.output.is_quiet and foreign.project.config.flag("core.progress")
        reporter = make_reporter(invocation.output, is_shown=is_shown)
        foreign.project.reporter = reporter
        if remote is not None:
            foreign.project.remote_config(remote)
        try:
            yield foreign
        finally:
            reporter.finish()
