"""How long work reports progress without knowing who listens.

The command line supplies a Reporter that draws a bar or prints a line now and then; everything below it only
calls these methods. They are called from worker threads and must be cheap and thread-safe.
"""

from typing import Protocol


class Reporter(Protocol):
    """Receives progress of one long step after another."""

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step; ends the step before it."""

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Add to what is done in the current step."""

    def note(self, message: str) -> None:
        """Tell the person something that matters now (a wait, a retry, a first use of an endpoint)."""

    def finish(self) -> None:
        """End the current step."""


class NullReporter:
    """A Reporter that drops everything."""

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Ignore."""

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Ignore."""

    def note(self, message: str) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""
