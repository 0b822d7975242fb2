"""Progress of long work: a bar on a terminal, a line every 30 seconds elsewhere.

Owns when something is drawn. Called from worker threads, so every change is made under one lock.
"""

import threading
import time
from typing import Any, Final

from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, format_duration
from dvx.core.progress import Reporter
from dvx.core.sizes import format_size

# A log of a two-hour job gets 240 lines.
LINE_INTERVAL_S: Final = 30.0
_DRAW_INTERVAL_S: Final = 0.1


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

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step; the time to the next line goes on."""
        with self._lock:
            self._label, self._total_bytes, self._total_files = label, total_bytes, total_files
            self._size_bytes = self._files = 0
            self._started_s = time.monotonic()

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Count, and print if it is time."""
        with self._lock:
            self._size_bytes += size_bytes
            self._files += files
            now_s = time.monotonic()
            if self._label is None or now_s - self._printed_s < LINE_INTERVAL_S:
                return
            self._printed_s = now_s
            text = self._line(now_s - self._started_s)
        self._output.message(text)

    def finish(self) -> None:
        """End the step."""
        with self._lock:
            self._label = None

    def _line(self, elapsed_s: float) -> str:
        done = format_size(self._size_bytes)
        if self._total_bytes:
            percent = min(100, 100 * self._size_bytes // self._total_bytes)
            done = f"{done} of {format_size(self._total_bytes)} ({percent} %)"
        of = f" of {format_count(self._total_files)}" if self._total_files else ""
        files = f", {format_count(self._files)}{of} files" if self._files else ""
        rate = format_size(int(self._size_bytes / elapsed_s)) if elapsed_s > 0 else "0 B"
        return f"{self._label}: {done}{files}, {rate}/s, {format_duration(elapsed_s)}"


class BarReporter(_NotesOnly):
    """Draws a bar with bytes, files, rate and time left, and removes it at the end of the step."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._lock = threading.Lock()
        self._bar: Any = None
        self._files = 0
        self._total_files: int | None = None

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step with a bar of its own."""
        from tqdm import tqdm  # 30 ms, and only a bar needs it

        with self._lock:
            self._close()
            tqdm.monitor_interval = 0  # its thread redraws stalled bars; ours has no use for it
            tqdm.set_lock(threading.RLock())  # type: ignore[no-untyped-call, unused-ignore]
            self._files, self._total_files = 0, total_files
            self._bar = tqdm(
                desc=label,
                total=total_bytes or None,
                unit="B",
                unit_scale=True,
                leave=False,
                dynamic_ncols=True,
                mininterval=_DRAW_INTERVAL_S,
                file=_SafeStream(self._output),
            )

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Count; the bar redraws itself ten times a second at most."""
        with self._lock:
            if self._bar is None:
                return
            if files:
                self._files += files
                self._bar.set_postfix_str(self._files_text(), refresh=False)
            self._bar.update(size_bytes)

    def note(self, message: str) -> None:
        """Print the message above the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()
            super().note(message)
            if self._bar is not None:
                self._bar.refresh()

    def finish(self) -> None:
        """Remove the bar."""
        with self._lock:
            self._close()

    def _files_text(self) -> str:
        total = f"/{format_count(self._total_files)}" if self._total_files else ""
        return f"{format_count(self._files)}{total} files"

    def _close(self) -> None:
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
