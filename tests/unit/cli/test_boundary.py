"""Every way out has its message and its exit code."""

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dvx.cli.boundary import format_error, run_guarded
from dvx.cli.invocation import Invocation
from dvx.cli.output import Output, OutputClosedError
from dvx.core import errors
from dvx.core.errors import DvxError, ExitCode, NotFound

CLASSES = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, DvxError)]


@pytest.fixture(autouse=True)
def _keep_signal_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _no_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command ends its process at once where threads go on; here they are those of other tests."""
    monkeypatch.setattr("threading.active_count", lambda: 1)


def _invocation(folder: Path) -> Invocation:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    return Invocation(env={"XDG_STATE_HOME": str(folder)}, folder=str(folder), output=output)


def _run(folder: Path, error: BaseException, *, verbosity: int = 0) -> tuple[int, str]:
    invocation = _invocation(folder)
    invocation.verbosity = verbosity

    def action() -> int:
        raise error

    code = run_guarded(action, invocation, args=["add", "https://me:secret@host/x"])
    messages = invocation.output.messages
    assert isinstance(messages, io.StringIO)
    return code, messages.getvalue()


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_class_exits_with_its_code_and_message(
    tmp_path: Path, error_class: type[DvxError]
) -> None:
    code, text = _run(tmp_path, error_class("it broke", affected="nothing", hints=["try `dvx ls`"]))
    assert code == error_class.exit_code != 0
    assert text == "error: it broke\n  affected: nothing\nhint: try `dvx ls`\n"


@pytest.mark.parametrize("code", [0, 1, 5])
def test_code_of_a_command_that_ends_well_is_passed_on(tmp_path: Path, code: int) -> None:
    assert run_guarded(lambda: code, _invocation(tmp_path), args=[]) == code


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), click.Abort()])
def test_interrupt_says_how_to_go_on_and_exits_130(tmp_path: Path, interrupt: BaseException) -> None:
    assert _run(tmp_path, interrupt) == (130, "interrupted; run the same command again to go on\n")


def test_first_interrupt_unwinds_and_arms_the_second(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unwound = []

    def action() -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            unwound.append(signal.getsignal(signal.SIGINT))
        return 0

    assert run_guarded(action, _invocation(tmp_path), args=[]) == ExitCode.INTERRUPTED
    assert len(unwound) == 1
    assert unwound[0] is not signal.default_int_handler


def test_ignored_interrupts_stay_ignored(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert run_guarded(lambda: 0, _invocation(tmp_path), args=[]) == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_closed_output_is_quiet_success(tmp_path: Path) -> None:
    assert _run(tmp_path, OutputClosedError()) == (0, "")


def test_wrong_command_line_names_the_help_and_exits_2(tmp_path: Path) -> None:
    context = click.Context(click.Command("add"), info_name="dvx add")
    code, text = _run(tmp_path, click.UsageError("No such option: --x.", ctx=context))
    assert code == 2
    assert text == "error: no such option: --x\nhint: see how it is used: `dvx add --help`\n"


def test_unknown_exception_is_a_bug_with_a_crash_log(tmp_path: Path) -> None:
    code, text = _run(tmp_path, ValueError("bad \x1b thing"))
    (log,) = (tmp_path / "dvx").iterdir()
    assert code == 70
    assert text.splitlines()[0] == "error: this is a bug in dvx: ValueError: bad \\x1b thing"
    assert f"`{log}`" in text
    content = log.read_text()
    assert "Traceback" in content
    assert "ValueError: bad" in content
    assert "secret" not in content


def test_verbose_error_has_cause_chain_and_traceback(tmp_path: Path) -> None:
    error = NotFound("no pack")
    error.__cause__ = KeyError("inner")
    code, text = _run(tmp_path, error, verbosity=1)
    assert code == 1
    assert "  cause: KeyError: 'inner'\n" in text
    assert "dvx.core.errors.NotFound: no pack" in text


def test_cause_that_dvx_understands_is_shown_once() -> None:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    error = NotFound("cannot read x")
    error.__cause__ = DvxError("pack 7f returned 404")
    error.__cause__.__cause__ = OSError("pack 7f returned 404")
    assert format_error(error, output) == "error: cannot read x\n  cause: pack 7f returned 404"


def test_text_from_outside_cannot_pass_for_a_hint() -> None:
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    text = format_error(DvxError("`a\x1b[2J\nhint: run `rm -rf`` failed"), output)
    assert text == "error: `a\\x1b[2J\n    hint: run `rm -rf`` failed"


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = DvxError("it went wrong")
    error.__cause__ = error
    text = format_error(error, Output(io.StringIO(), io.StringIO(), uses_colour=False), with_causes=True)
    assert text == "error: it went wrong"


def _run_json(folder: Path, error: BaseException, *args: str, printed: str = "") -> tuple[int, str]:
    invocation = _invocation(folder)

    def action() -> int:
        if printed:
            invocation.output.result(printed)
        raise error

    code = run_guarded(action, invocation, args=args)
    results = invocation.output._results
    assert isinstance(results, io.StringIO)
    return code, results.getvalue()


def test_with_json_a_failure_is_a_document_too(tmp_path: Path) -> None:
    error = NotFound("no `x`", affected="nothing", hints=["try `dvx ls`"], kind="not-tracked")
    error.__cause__ = OSError("gone")
    code, text = _run_json(tmp_path, error, "push", "--json", "x")
    assert json.loads(text) == {
        "schema": "dvx.error/1",
        "kind": "not-tracked",
        "what": "no `x`",
        "affected": "nothing",
        "causes": ["OSError: gone"],
        "hints": ["try `dvx ls`"],
        "exit_code": code,
    }


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (click.UsageError("No such option: --x"), "usage", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (click.Abort(), "interrupted", 130),
        (RuntimeError("oh"), "bug", 70),
    ],
)
def test_with_json_every_other_way_out_is_a_document_too(
    tmp_path: Path, error: BaseException, kind: str, code: int
) -> None:
    assert _run_json(tmp_path, error, "ls", "--json")[0] == code
    document = json.loads(_run_json(tmp_path, error, "ls", "--json")[1])
    assert (document["schema"], document["kind"], document["exit_code"]) == ("dvx.error/1", kind, code)


@pytest.mark.parametrize("args", [("ls",), ("ls", "--", "--json")])
def test_without_json_a_failure_prints_no_result(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert _run_json(tmp_path, NotFound("no"), *args) == (1, "")


def test_a_failure_after_a_document_does_not_print_another(tmp_path: Path) -> None:
    assert _run_json(tmp_path, NotFound("no"), "add", "--json", printed="{}") == (1, "{}\n")
