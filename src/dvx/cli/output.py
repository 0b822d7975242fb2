"""The two streams: results on standard output, everything else on standard error.

Owns colours, the escaping of untrusted text, and what happens when a reader has gone. Must not decide what
is said.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from dvx.core.errors import LocalDiskError

_COLOURS: Final = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}


class OutputClosedError(Exception):
    """Nobody reads standard output any more, as in `dvx ls | head`."""


class Output:
    """Writes lines. `is_quiet` silences summaries and progress, not results, notes, warnings and errors.

    `has_results` says whether anything was written to standard output; `placed` turns the paths of a hint, which
    are relative to the repository, into those that work where the person is.
    """

    def __init__(self, results: TextIO, messages: TextIO, *, uses_colour: bool) -> None:
        self._results = results
        self.messages = messages
        self._uses_colour = uses_colour
        self.is_quiet = False
        self.has_results = False
        self.placed: Callable[[str], str] = str
        for stream in (results, messages):
            _never_fail_to_encode(stream)

    @property
    def is_terminal(self) -> bool:
        """Whether messages go to a terminal."""
        return _is_terminal(self.messages)

    @property
    def width(self) -> int | None:
        """Places in a line of results on a terminal; None where they go elsewhere, and may be of any length."""
        if not _is_terminal(self._results):
            return None
        import shutil  # 2 ms, with the archive formats it knows

        return shutil.get_terminal_size().columns

    def result(self, text: str = "", *, end: str = "\n") -> None:
        """Write a result. Raises OutputClosedError, or LocalDiskError where it is redirected to a full disk."""
        self.has_results = True
        with self.explaining():
            self._results.write(text + end)

    def result_bytes(self, data: bytes | memoryview) -> None:
        """Write bytes of a file as they are. Raises as `result` does."""
        self.has_results = True
        with self.explaining():
            self._results.buffer.write(data)

    def flush(self) -> None:
        """Bring all results to their reader. Raises as `result` does."""
        with self.explaining():
            self._results.flush()

    def message(self, text: str) -> None:
        """Write a message; a reader that has gone is no reason to stop the work."""
        try:
            self.messages.write(text + "\n")
            self.messages.flush()
        except (OSError, ValueError):
            _abandon(self.messages)

    def summary(self, text: str) -> None:
        """Say what was done."""
        if not self.is_quiet:
            self.message(text)

    def hint(self, text: str) -> None:
        """Name the next command."""
        if not self.is_quiet:
            self.message(f"{self.paint_message('hint', 'blue')}: {self.placed(text)}")

    def warning(self, text: str) -> None:
        """Say what the person should look at."""
        self.message(f"{self.paint_message('warning', 'yellow')}: {escape(text)}")

    def paint(self, text: str, colour: str) -> str:
        """Colour a piece of a result, where that is shown on a terminal."""
        return self._painted(self._results, text, colour)

    def paint_message(self, text: str, colour: str) -> str:
        """Colour a piece of a message, where that is shown on a terminal."""
        return self._painted(self.messages, text, colour)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn what goes wrong while results are written into OutputClosedError or LocalDiskError."""
        try:
            yield
        except (OSError, ValueError) as error:
            _abandon(self._results)
            if isinstance(error, ValueError | BrokenPipeError):
                raise OutputClosedError from error
            raise LocalDiskError(f"cannot write the results: {error.strerror}") from error

    def _painted(self, stream: TextIO, text: str, colour: str) -> str:
        if not self._uses_colour or not _is_terminal(stream):
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def escape(text: str) -> str:
    """Spell out characters that would move the cursor, change the direction of text, or hide.

    Names come from other people's repositories; a terminal must only ever see what can be read.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _spelled(sign) for sign in text)


def _spelled(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def _abandon(stream: TextIO) -> None:
    """Send what is still buffered nowhere, so that the interpreter does not fail on it while exiting."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _never_fail_to_encode(stream: TextIO) -> None:
    # Terminals that are not UTF-8 (Windows, LC_ALL=C) get escapes for what they cannot show.
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        with suppress(OSError, ValueError):
            reconfigure(errors="backslashreplace")
