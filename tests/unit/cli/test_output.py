"""Streams, colours and escaping."""

import io

import pytest

from dvx.cli.output import Output, OutputClosedError, escape


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def _output(*, colour: bool = True) -> tuple[Output, _Terminal, _Terminal]:
    results, messages = _Terminal(), _Terminal()
    return Output(results, messages, uses_colour=colour), results, messages


def test_results_and_messages_go_to_their_own_streams() -> None:
    output, results, messages = _output()
    output.result("a result")
    output.summary("a summary")
    output.warning("look")
    assert results.getvalue() == "a result\n"
    assert messages.getvalue() == "a summary\n\x1b[33mwarning\x1b[0m: look\n"


def test_quiet_drops_summaries_and_hints_but_keeps_warnings_and_results() -> None:
    output, results, messages = _output(colour=False)
    output.is_quiet = True
    output.summary("done")
    output.hint("next")
    output.warning("careful")
    output.result("listing")
    assert messages.getvalue() == "warning: careful\n"
    assert results.getvalue() == "listing\n"


def test_colour_is_for_terminals_only() -> None:
    output = Output(io.StringIO(), _Terminal(), uses_colour=True)
    assert output.paint("A", "green") == "A"
    assert output.paint_message("A", "green") == "\x1b[32mA\x1b[0m"


def test_colour_switched_off_paints_nothing_on_a_terminal() -> None:
    output, _, _ = _output(colour=False)
    assert output.paint("A", "red") == "A"


def test_result_for_a_reader_that_has_gone_raises_output_closed() -> None:
    output = Output(_Closed(), io.StringIO(), uses_colour=False)
    with pytest.raises(OutputClosedError):
        output.result("x")


def test_message_for_a_reader_that_has_gone_is_dropped() -> None:
    results = io.StringIO()
    output = Output(results, _Closed(), uses_colour=False)
    output.message("lost")
    output.result("kept")
    assert results.getvalue() == "kept\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.csv", "plain name.csv"),
        ("größe-日本.txt", "größe-日本.txt"),
        ("red\x1b[31m", "red\\x1b[31m"),
        ("two\nlines\ttab", "two\\nlines\\ttab"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("right\u202eto-left", "right\\u202eto-left"),
        ("lone\udc80surrogate", "lone\\udc80surrogate"),
    ],
)
def test_escape_spells_out_what_a_terminal_would_act_on(name: str, shown: str) -> None:
    assert escape(name) == shown


def test_character_that_the_stream_cannot_encode_becomes_an_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    output = Output(stream, io.StringIO(), uses_colour=False)
    output.result("größe")
    output.flush()
    assert raw.getvalue() == b"gr\\xf6\\xdfe\n"
