"""Commands in hints, as they are typed where the person is: in a subfolder, or outside and with `-C`.

Owns the rewriting. What is under the command line names paths relative to the repository and must not know the
current folder; so must this module not know who made a hint.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.shell_words import quote

_COMMAND: Final = re.compile(r"`([^`]+)`")
# A word with its quotes, or the space before one.
_PIECES: Final = re.compile(r"""\s+|(?:'[^']*'|"[^"]*"|[^\s'"])+|['"]""")
_IN_REPOSITORY: Final = ("dvx", "git")
_VALUE_IS_NO_PATH: Final = frozenset({"-m", "-r", "--remote", "--rev", "--base", "-C"})
_ENDS: Final = ("&&", "||", ";", "|")


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Where hints are read: `root` is the repository (None: there is none), `folder` where the command ran, after
    `-C`, `current` the folder of the shell. All are absolute and real."""

    root: str | None
    folder: str
    current: str

    def placed(self, hint: str) -> str:
        """The hint with its commands as they work in `current`."""
        if self.folder == self.current and self.root in (None, self.folder):
            return hint
        return _COMMAND.sub(lambda match: f"`{''.join(self._words(_PIECES.findall(match[1])))}`", hint)

    def _words(self, pieces: Sequence[str]) -> Iterator[str]:
        before: list[str] = []  # the words of the same command line
        is_placed = False
        for number, piece in enumerate(pieces):
            if piece.isspace() or piece in _ENDS:
                before = [] if piece in _ENDS else before
                yield piece
                continue
            if not before:  # who made the hint may have said where: `dvx -C FOLDER ...`
                is_placed = piece in _IN_REPOSITORY and "-C" in pieces[number + 2 : number + 3]
            yield piece if is_placed else self._word(piece, before)
            before.append(piece)

    def _word(self, word: str, before: Sequence[str]) -> str:
        if not before:
            return self._program(word)
        path = _plain(word)
        if path is None or (before[-1] in _VALUE_IS_NO_PATH) or not self._is_of_root(path, before):
            return word
        start = self.folder if before[0] in _IN_REPOSITORY else self.current
        assert self.root is not None
        return quote(os.path.relpath(os.path.join(self.root, path), start).replace(os.sep, "/"))

    def _program(self, word: str) -> str:
        if word not in _IN_REPOSITORY or self.folder == self.current:
            return word
        return f"{word} -C {quote(min(self.folder, os.path.relpath(self.folder, self.current), key=len))}"

    def _is_of_root(self, path: str, before: Sequence[str]) -> bool:
        """Whether a word is a path that counts from the root of the repository."""
        if self.root is None or (len(before) == 1 and before[0] in _IN_REPOSITORY):
            return False  # the verb
        if path.split("/")[0] in ("..", "") or path == ".":
            return False  # counts from the current folder already, or from nowhere
        return any(
            os.path.lexists(os.path.join(self.root, name)) for name in (path, f"{path}.dvx", *_parents(path))
        )


def _plain(word: str) -> str | None:
    """What the shell makes of a word; None for options and for what is more than a word."""
    try:
        plain = shlex.split(word)
    except ValueError:
        return None
    is_option = word.startswith("-")
    return plain[0] if len(plain) == 1 and not is_option and os.path.normpath(plain[0]) != "." else None


def _parents(path: str) -> Iterator[str]:
    """The folder of a path that is gone, and the pointers above it."""
    folder = os.path.dirname(path)
    if folder:
        yield folder
    while folder:
        yield f"{folder}.dvx"
        folder = os.path.dirname(folder)
