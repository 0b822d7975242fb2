"""Progress of long work: a bar on a terminal, a line every 30 seconds elsewhere.

Owns when something is drawn. Called from worker threads, so every change is made under one lock.
"""

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, format_duration
from dvx.core.progress import Reporter
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.cli.rate import MovingRate

# A log of a two-hour job gets 240 lines.
LINE_INTERVAL_S: Final = 30.0
_DRAW_INTERVAL_S: Final = 0.1
# What is counted and how fast stands in the place of the postfix: see _text.
_BAR: Final = "{desc}: {percentage:3.0f}%|{bar}|{postfix}"
_COUNT: Final = "{desc}{postfix}"


def make_reporter(output: Output, *, is_shown: bool) -> Reporter:
    """The reporter that suits the stream; notes are always printed."""
    if not is_shown:
        return _NotesOnly(output)
    return BarReporter(output) if output.is_terminal else LineReporter(output)


class _NotesOnly:
    """Drops progress and prints notes."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Ignore."""

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Ignore."""

    def note(self, message: str) -> None:
        """Print the message."""
        self._output.message(f"note: {escape(message)}")

    def finish(self) -> None:
        """Ignore."""


def _noted(rate: "MovingRate | None", started_s: float, now_s: float, size_bytes: int) -> "MovingRate":
    """The rate of a step that began at `started_s`, after `size_bytes`."""
    if rate is None:
        from dvx.cli.rate import MovingRate  # 1 ms that steps without bytes do without

        rate = MovingRate(started_s)
    rate.add(now_s, size_bytes)
    return rate


class LineReporter(_NotesOnly):
    """Prints one line every 30 seconds while a step goes on."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._lock = threading.Lock()
        self._label: str | None = None
        self._size_bytes = self._files = 0
        self._total_bytes: int | None = None
        self._total_files: int | None = None
        self._started_s = self._printed_s = time.monotonic()
        self._rate: MovingRate | None = None

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step; the time to the next line goes on."""
        with self._lock:
            self._label, self._total_bytes, self._total_files = label, total_bytes, total_files
            self._size_bytes = self._files = 0
            self._started_s = time.monotonic()
            self._rate = None

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Count, and print if it is time."""
        with self._lock:
            self._size_bytes += size_bytes
            self._files += files
            now_s = time.monotonic()
            if self._label is None:
                return
            self._rate = _noted(self._rate, self._started_s, now_s, self._size_bytes)
            if now_s - self._printed_s < LINE_INTERVAL_S:
                return
            self._printed_s = now_s
            text = self._line(now_s, self._rate)
        self._output.message(text)

    def finish(self) -> None:
        """End the step."""
        with self._lock:
            self._label = None

    def _line(self, now_s: float, passing: "MovingRate") -> str:
        done = format_size(self._size_bytes)
        if self._total_bytes:
            percent = min(100, 100 * self._size_bytes // self._total_bytes)
            done = f"{done} of {format_size(self._total_bytes)} ({percent} %)"
        of = f" of {format_count(self._total_files)}" if self._total_files else ""
        files = f", {format_count(self._files)}{of} files" if self._files else ""
        rate = passing.text(now_s, self._size_bytes, total_bytes=self._total_bytes)
        return f"{self._label}: {done}{files}, {rate}, {format_duration(now_s - self._started_s)} so far"


class BarReporter(_NotesOnly):
    """Draws a bar with bytes, files, rate and time left, and removes it at the end of the step.

    A step without totals has its label alone until something is counted.
    """

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._lock = threading.Lock()
        self._stream = _SafeStream(output)
        self._label: str | None = None
        self._bar: Any = None
        self._total_bytes: int | None = None
        self._size_bytes = self._files = 0
        self._total_files: int | None = None
        self._started_s = self._drawn_s = time.monotonic()
        self._rate: MovingRate | None = None

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step."""
        with self._lock:
            self._close()
            self._label, self._total_bytes, self._total_files = label, total_bytes, total_files
            self._size_bytes = self._files = 0
            self._started_s, self._rate = time.monotonic(), None
            if total_bytes:
                self._open()
            else:
                self._draw_label()

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Count; the bar is drawn ten times a second at most."""
        with self._lock:
            if self._label is None:
                return
            if self._bar is None:
                self._clear_label()
                self._open()
            self._size_bytes += size_bytes
            self._files += files
            now_s = time.monotonic()
            self._rate = _noted(self._rate, self._started_s, now_s, self._size_bytes)
            if now_s - self._drawn_s >= _DRAW_INTERVAL_S:
                self._drawn_s = now_s
                self._draw(now_s, self._rate)

    def note(self, message: str) -> None:
        """Print the message above the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()
            self._clear_label()
            super().note(message)
            if self._bar is not None:
                self._bar.refresh()
            elif self._label is not None:
                self._draw_label()

    def finish(self) -> None:
        """Remove the bar."""
        with self._lock:
            self._close()

    def _open(self) -> None:
        from tqdm import tqdm  # 30 ms, and only a bar needs it

        tqdm.monitor_interval = 0  # its thread redraws stalled bars; ours has no use for it
        tqdm.set_lock(threading.RLock())  # type: ignore[no-untyped-call, unused-ignore]
        self._bar = tqdm(
            desc=self._label,
            total=self._total_bytes or None,
            bar_format=_BAR if self._total_bytes else _COUNT,
            leave=False,
            dynamic_ncols=True,
            file=self._stream,
        )

    def _draw(self, now_s: float, rate: "MovingRate") -> None:
        self._bar.n = self._size_bytes
        self._bar.set_postfix_str(self._text(now_s, rate), refresh=False)
        self._bar.refresh()

    def _text(self, now_s: float, rate: "MovingRate") -> str:
        of = f" of {format_size(self._total_bytes)}" if self._total_bytes else ""
        total = f"/{format_count(self._total_files)}" if self._total_files else ""
        files = f", {format_count(self._files)}{total} files" if self._files else ""
        speed = rate.text(now_s, self._size_bytes, total_bytes=self._total_bytes)
        return f"{format_size(max(0, self._size_bytes))}{of}{files}, {speed}"

    def _draw_label(self) -> None:
        self._stream.write(f"\r{self._label} ...")
        self._stream.flush()

    def _clear_label(self) -> None:
        if self._bar is None and self._label is not None:
            self._stream.write("\r" + " " * (len(self._label) + 4) + "\r")
            self._stream.flush()

    def _close(self) -> None:
        self._clear_label()
        self._label = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _SafeStream:
    """Standard error for tqdm: a terminal that has gone must not fail the work."""

    def __init__(self, output: Output) -> None:
        self._stream = output.messages

    def write(self, text: str) -> int:
        """Write, or give up silently."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush, or give up silently."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
