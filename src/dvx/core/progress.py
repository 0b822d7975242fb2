"""How long work reports progress without knowing who listens.

The command line supplies a Reporter that draws a bar or prints a line now and then; everything below it only
calls these methods. They are called from worker threads and must be cheap and thread-safe.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

# Is told of bytes that passed; negative numbers are bytes that have to pass again.
ByteListener = Callable[[int], object]


class Reporter(Protocol):
    """Receives progress of one long step after another."""

    def start(self, label: str, *, total_bytes: int | None = None, total_files: int | None = None) -> None:
        """Begin a step; ends the step before it."""

    def advance(self, *, size_bytes: int = 0, files: int = 0) -> None:
        """Add to what is done in the current step; negative numbers take back what has to be done again."""

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


class PassedBytes:
    """The bytes of one object on their way, which one thread moves."""

    def __init__(self, on_bytes: ByteListener | None) -> None:
        """`on_bytes` is told of everything here."""
        self._on_bytes = on_bytes
        self._count = 0

    def add(self, count: int) -> None:
        """Note bytes that passed."""
        self._count += count
        if self._on_bytes is not None and count:
            self._on_bytes(count)

    def reach(self, count: int) -> None:
        """Note as many more as make `count`; after an attempt that failed, `reach(0)` takes all back."""
        self.add(count - self._count)


@contextmanager
def counting(on_bytes: ByteListener | None, *, size: int) -> Iterator[PassedBytes]:
    """Counts one attempt: `size` bytes all in all if the block succeeds, none if it fails."""
    passed = PassedBytes(on_bytes)
    try:
        yield passed
    except BaseException:
        passed.reach(0)
        raise
    passed.reach(size)
