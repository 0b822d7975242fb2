"""Bars and lines."""

import io
import threading

import pytest

from dvx.cli.output import Output
from dvx.cli.progress import BarReporter, LineReporter, make_reporter


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _output(stream: io.StringIO) -> Output:
    return Output(io.StringIO(), stream, uses_colour=False)


def test_lines_come_every_interval_with_total_rate_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("dvx.cli.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    reporter = LineReporter(_output(stream))
    reporter.start("push", total_bytes=4_000_000, total_files=20)
    clock[0] = 29.0
    reporter.advance(size_bytes=500_000, files=2)
    assert stream.getvalue() == ""
    clock[0] = 40.0
    reporter.advance(size_bytes=500_000, files=3)
    reporter.advance(size_bytes=1)
    assert stream.getvalue() == (
        "push: 1.00 MB of 4.00 MB (25 %), 5 of 20 files, 45.5 kB/s, 1 min 6 s left, 40 s so far\n"
    )


def test_line_reporter_is_silent_after_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("dvx.cli.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    reporter = LineReporter(_output(stream))
    reporter.start("add")
    reporter.finish()
    clock[0] = 100.0
    reporter.advance(size_bytes=1)
    assert stream.getvalue() == ""


def test_bar_shows_bytes_files_rate_and_time_left_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Terminal()
    monkeypatch.setattr("dvx.cli.progress.time.monotonic", lambda: clock[0])
    clock = [0.0]
    reporter = BarReporter(_output(stream))
    reporter.start("add", total_bytes=2_000_000, total_files=3)
    clock[0] = 2.0
    reporter.advance(size_bytes=1_000_000, files=1)
    reporter.note("retrying\x1b")
    reporter.finish()
    text = stream.getvalue()
    assert "add:" in text
    assert "1.00 MB of 2.00 MB, 1/3 files, 500 kB/s, 2.0 s left" in text
    assert "note: retrying\\x1b\n" in text
    assert text.rsplit("\r", 1)[1].strip() == ""


def test_bar_counts_from_many_threads() -> None:
    reporter = BarReporter(_output(_Terminal()))
    reporter.start("add", total_bytes=8000)

    def work() -> None:
        for _ in range(1000):
            reporter.advance(size_bytes=1, files=1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reporter._size_bytes == 8000
    assert reporter._files == 8000
    reporter.finish()


def test_advance_without_a_step_does_nothing() -> None:
    stream = _Terminal()
    reporter = BarReporter(_output(stream))
    reporter.advance(size_bytes=5, files=1)
    reporter.finish()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("stream", [io.StringIO(), _Terminal()])
def test_hidden_progress_prints_notes_only(stream: io.StringIO) -> None:
    reporter = make_reporter(_output(stream), is_shown=False)
    reporter.start("push", total_bytes=10)
    reporter.advance(size_bytes=10)
    reporter.note("first use of s3://b")
    reporter.finish()
    assert stream.getvalue() == "note: first use of s3://b\n"


def test_reporter_suits_the_stream() -> None:
    assert isinstance(make_reporter(_output(_Terminal()), is_shown=True), BarReporter)
    assert isinstance(make_reporter(_output(io.StringIO()), is_shown=True), LineReporter)


def test_bar_of_a_step_without_totals_is_its_label_until_something_is_counted() -> None:
    stream = _Terminal()
    reporter = BarReporter(_output(stream))
    reporter.start("asking the remote")
    assert stream.getvalue() == "\rasking the remote ..."
    reporter.note("first use")
    assert stream.getvalue().endswith("note: first use\n\rasking the remote ...")
    reporter.finish()
    assert stream.getvalue().rsplit("\r", 2)[1].strip() == ""


def test_bytes_that_are_taken_back_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("dvx.cli.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    reporter = LineReporter(_output(stream))
    reporter.start("sending", total_bytes=10_000)
    reporter.advance(size_bytes=4000)
    reporter.advance(size_bytes=-4000)
    clock[0] = 31.0
    reporter.advance(size_bytes=1000)
    assert stream.getvalue() == "sending: 1.00 kB of 10.0 kB (10 %), 32 B/s, 4 min 39 s left, 31 s so far\n"
