"""The one place where failures become messages and exit codes.

Owns the form of an error on the terminal, Ctrl-C, and the crash log. Must not swallow a failure: every way out
has its exit code.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from dvx.cli.invocation import Invocation
from dvx.cli.output import Output, OutputClosedError, escape
from dvx.core.errors import DvxError, ExitCode

if TYPE_CHECKING:
    from click import ClickException

_CAUSE_CHARACTERS = 300


def run_guarded(action: Callable[[], int], invocation: Invocation, *, args: Sequence[str]) -> int:
    """Run `action` and return the exit code of the process; every exception ends here."""
    _catch_interrupts()
    output = invocation.output
    try:
        code = action()
        output.flush()
        code = _with_failures(invocation, code)
    except OutputClosedError:
        return ExitCode.DONE  # the reader has what it wanted, as in `dvx ls | head`
    except KeyboardInterrupt:
        return _interrupted(output, args)
    except DvxError as error:
        return _failed(error, invocation, args)
    except Exception as error:  # noqa: BLE001 - the boundary
        return _other(error, invocation, args)
    return code


def format_error(error: DvxError, output: Output, *, with_causes: bool = False) -> str:
    """The message of an error: what, affected, cause and hints, one line each."""
    lines = [f"{output.paint_message('error', 'red')}: {_indented(error.what)}"]
    if error.affected:
        lines.append(f"  affected: {_indented(error.affected)}")
    lines += [f"  cause: {_indented(cause)}" for cause in causes_of(error, everything=with_causes)]
    lines += [
        f"{output.paint_message('hint', 'blue')}: {_indented(output.placed(hint))}" for hint in error.hints
    ]
    return "\n".join(lines)


def _with_failures(invocation: Invocation, code: int) -> int:
    """Tell what went wrong with single paths, and return the exit code that says so."""
    if invocation.failures is None or not invocation.failures.found:
        return code
    from dvx.cli.failure_text import exit_code_of, failure_lines  # only then

    for line in failure_lines(invocation):
        invocation.output.message(line)
    return code or exit_code_of(invocation.failures)


def _failed(error: DvxError, invocation: Invocation, args: Sequence[str]) -> int:
    output, is_verbose = invocation.output, invocation.verbosity > 0
    _print_document(output, args, error, with_causes=is_verbose)
    _with_failures(invocation, error.exit_code)
    output.message(format_error(error, output, with_causes=is_verbose))
    if is_verbose:
        import traceback  # 5 ms that only a failure needs

        output.message("".join(traceback.format_exception(error)).rstrip())
    return error.exit_code


def _print_document(
    output: Output, args: Sequence[str], error: DvxError, *, with_causes: bool = False
) -> None:
    """Bring results to their reader before the message, and with `--json` the failure, unless there was a document.

    Whether that works no longer matters.
    """
    with suppress(OutputClosedError, DvxError):
        if "--json" in args and not output.has_results:
            from dvx.cli.documents_error import (
                SCHEMA,
                error_fields,
                wants_document,
            )  # only a failure needs it
            from dvx.cli.render import format_document

            if wants_document(args):
                causes = list(causes_of(error, everything=with_causes))
                fields = error_fields(error, causes=causes, placed=output.placed)
                output.result(format_document(SCHEMA, fields))
        output.flush()


def _other(error: Exception, invocation: Invocation, args: Sequence[str]) -> int:
    from click import Abort, ClickException  # imported already, or nothing of it was raised

    if isinstance(error, Abort):
        return _interrupted(invocation.output, args)
    if isinstance(error, ClickException):
        return _misused(error, invocation, args)
    if isinstance(error, MemoryError):
        return _failed(_out_of_memory(), invocation, args)
    from dvx.ops.rehearsal import Rehearsed

    if isinstance(error, Rehearsed):
        return _rehearsed(error.steps, invocation, args)
    import traceback

    from dvx.cli.crash import write_crash_log

    output = invocation.output
    path = write_crash_log(error, args=args, env=invocation.env)
    summary = escape(traceback.format_exception_only(error)[-1].strip())[:_CAUSE_CHARACTERS]
    bug = _failure(
        "bug",
        f"this is a bug in dvx: {summary}",
        exit_code=ExitCode.BUG,
        affected="the command stopped here; what was stored before stays valid",
        hints=[f"report it together with the log `{path}`"] if path is not None else [],
    )
    _print_document(output, args, bug)
    output.message(format_error(bug, output))
    if path is None or invocation.verbosity > 0:
        output.message("".join(traceback.format_exception(error)).rstrip())
    return ExitCode.BUG


def _out_of_memory() -> DvxError:
    return DvxError(
        "this process may not use as much memory as the command needs",
        affected="the command stopped here; what was stored before stays valid",
        hints=["see the limit: `ulimit -v`; name fewer paths, or use fewer threads: `DVX_JOBS=1 dvx ...`"],
        kind="no-memory",
    )


def _rehearsed(steps: Sequence[str], invocation: Invocation, args: Sequence[str]) -> int:
    """The end of a command with `--dry-run`: its result is what it would do."""
    from dvx.cli.documents_error import wants_document
    from dvx.cli.render import format_document

    def say() -> int:
        if wants_document(args):
            invocation.output.result(format_document("dvx.dry-run/1", {"steps": list(steps)}))
            return ExitCode.DONE
        for step in steps:
            invocation.output.result(f"would {escape(step)}")
        if not steps:
            invocation.output.summary("nothing would be changed")
        return ExitCode.DONE

    return run_guarded(say, invocation, args=args)


def _misused(error: "ClickException", invocation: Invocation, args: Sequence[str]) -> int:
    """A command line that makes no sense: say so, and how to get help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "dvx"
    help_hint = f"see how it is used: `{command} --help`"
    if type(error).__name__ == "NoArgsIsHelpError":
        what = f"`{command}` needs the name of a command"
        _print_document(
            invocation.output, args, _failure("usage", what, exit_code=ExitCode.USAGE, hints=[help_hint])
        )
        invocation.output.message(error.format_message())
        return ExitCode.USAGE
    hints = [*getattr(error, "hints", ()), help_hint]
    what = _sentence(error.format_message())
    return _failed(_failure("usage", what, exit_code=ExitCode.USAGE, hints=hints), invocation, args)


def _failure(
    kind: str, what: str, *, exit_code: ExitCode, affected: str | None = None, hints: Sequence[str] = ()
) -> DvxError:
    """What is no DvxError, as one: a malformed command line, Ctrl-C, a bug."""
    error = DvxError(what, affected=affected, hints=hints, kind=kind)
    error.exit_code = exit_code
    return error


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _interrupted(output: Output, args: Sequence[str]) -> int:
    what = "interrupted; run the same command again to go on"
    _print_document(output, args, _failure("interrupted", what, exit_code=ExitCode.INTERRUPTED))
    output.message(what)
    if threading.active_count() > 1:
        _exit_at_once()  # a thread that waits for the network must not keep the process
    return ExitCode.INTERRUPTED


def _catch_interrupts() -> None:
    """First Ctrl-C: unwind, so that locks and temporary files go. Second Ctrl-C: exit at once."""

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, lambda *_: _exit_at_once())
        raise KeyboardInterrupt

    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, on_interrupt)


def _exit_at_once() -> NoReturn:
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(ExitCode.INTERRUPTED)


def causes_of(error: BaseException, *, everything: bool) -> Iterator[str]:
    """The texts of the exceptions behind an error that add something; foreign ones only with `everything`."""
    said = str(error)
    cause = error.__cause__
    seen = {id(error)}
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        text = str(cause).strip()[:_CAUSE_CHARACTERS]
        if text and text not in said and (everything or isinstance(cause, DvxError | OSError)):
            said += text
            yield text if isinstance(cause, DvxError) else f"{type(cause).__name__}: {text}"
        cause = cause.__cause__


def _indented(text: str) -> str:
    """Keep the lines of a text, none of which can pass for a line of ours."""
    return "\n    ".join(escape(line) for line in text.splitlines())
