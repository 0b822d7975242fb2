"""What is reported of a pull that writes files while packs arrive: first what is received, then what is left to write.

Owns when the one step becomes the other. Must not draw anything. Thread-safe.
"""

import threading

from dvx.core.progress import Reporter


class ArrivalReporter:
    """A Reporter for what is done beside the receiving: its step is shown from the moment when everything is here."""

    def __init__(self, reporter: Reporter, size_bytes: int) -> None:
        """Begin the step in which `size_bytes` are received."""
        self._reporter = reporter
        self._lock = threading.Lock()
        self._left_bytes = size_bytes
        self._step: tuple[str, int | None, int | None] | None = None
        self._done_bytes = self._done_files = 0
        reporter.start("receiving", total_bytes=size_bytes)

    @property
    def listener(self) -> Reporter:
        """A Reporter that takes what is advanced for bytes that were received."""
        return _Received(self)

    def receive(self, count: int) -> None:
        """Count bytes that arrived; negative ones have to come again."""
        with self._lock:
            if self._left_bytes <= 0:
                return
            self._left_bytes -= count
            self._reporter.advance(size_bytes=count)
            if self._left_bytes <= 0 and self._step is not None:
                self._show()

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step; see Reporter."""
        with self._lock:
            self._step = label, total_bytes, total_files
            self._done_bytes = self._done_files = 0
            if self._left_bytes <= 0:
                self._show()

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Count, and tell of it once the step is shown."""
        with self._lock:
            if self._left_bytes <= 0:
                self._reporter.advance(size_bytes=size_bytes, files=files)
            else:
                self._done_bytes += size_bytes
                self._done_files += files

    def note(self, message: str) -> None:
        """Pass it on."""
        self._reporter.note(message)

    def finish(self) -> None:
        """End the step; what is still received goes on."""
        with self._lock:
            self._step = None
            if self._left_bytes <= 0:
                self._reporter.finish()

    def _show(self) -> None:
        assert self._step is not None
        label, total_bytes, total_files = self._step
        self._reporter.start(label, total_bytes=total_bytes, total_files=total_files)
        self._reporter.advance(size_bytes=self._done_bytes, files=self._done_files)


class _Received:
    """Passes what is advanced to `ArrivalReporter.receive`."""

    def __init__(self, arrival: ArrivalReporter) -> None:
        self._arrival = arrival

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Ignore: the step is begun already."""

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:  # noqa: ARG002
        """Count bytes that were received."""
        self._arrival.receive(size_bytes)

    def note(self, message: str) -> None:
        """Pass it on."""
        self._arrival.note(message)

    def finish(self) -> None:
        """Ignore: more is received."""
