"""How the failures of single paths read, after what was done for the others; and as a field of JSON documents.

Owns the limit and the exit code. Which errors are about one path is decided in dvx.ops.failures.
"""

from collections.abc import Iterator
from typing import Any, Final

from dvx.cli.boundary import format_error
from dvx.cli.invocation import Invocation
from dvx.cli.output import escape
from dvx.core.errors import DataMissing, DvxError, ExitCode, IntegrityError
from dvx.ops.failures import Failures

_MOST_SHOWN: Final = 20


def failure_lines(invocation: Invocation) -> Iterator[str]:
    """One message for each error, named after its path unless it names that itself."""
    assert invocation.failures is not None
    by_error: dict[int, tuple[str, DvxError]] = {}
    for path, error in invocation.failures.found:
        by_error.setdefault(id(error), (path, error))
    for path, error in list(by_error.values())[:_MOST_SHOWN]:
        if path not in error.what:
            yield f"in `{escape(path)}`:"
        yield format_error(error, invocation.output, with_causes=invocation.verbosity > 0)
    if len(by_error) > _MOST_SHOWN:
        yield f"... and {len(by_error) - _MOST_SHOWN} more paths that could not be dealt with"


def exit_code_of(failures: Failures) -> ExitCode:
    """What a command returns that went on with the other paths. Damage is told whatever else was done."""
    codes = {error.exit_code for _, error in failures.found}
    if any(isinstance(error, IntegrityError) for _, error in failures.found):
        return ExitCode.INTEGRITY
    if all(isinstance(error, DataMissing) for _, error in failures.found):
        return ExitCode.DATA_MISSING
    return codes.pop() if len(codes) == 1 and not failures.done else ExitCode.PARTIAL


def failure_fields(invocation: Invocation) -> dict[str, Any]:
    """The field `failures` of documents of commands that go on where one path fails."""
    found = invocation.failures.found if invocation.failures is not None else []
    return {"failures": [{"path": path, "kind": error.kind, "message": error.what} for path, error in found]}
