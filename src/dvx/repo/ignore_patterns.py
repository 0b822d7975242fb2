"""The lines of one `.dvxignore`, matched as Git matches those of a `.gitignore`, in linear time.

Owns the syntax: comments, `!`, anchors, `/` at the end, `**`, escapes and sets. Must not read a file, or know how
several files join.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dvx.core.globs import Component, check_length, path_expression

_NEVER: Final = "(?!)"
# Sets of characters by name, as in `[[:digit:]]`; ASCII, as in Git.
_CLASSES: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": " \\t-\\r", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One line. `keeps` is for `!`, `folders_only` for `/` at the end; `names_only` is about the last name."""

    expression: "re.Pattern[str]"
    keeps: bool
    folders_only: bool
    names_only: bool

    def matches(self, path: str, *, is_dir: bool) -> bool:
        """Whether a path without `/` at its end is meant, by itself and not by what is above it."""
        if self.folders_only and not is_dir:
            return False
        subject = path[path.rfind("/") + 1 :] if self.names_only else path
        return self.expression.fullmatch(subject) is not None


@dataclass(frozen=True, slots=True)
class IgnoreLines:
    """All lines of a file, in their order."""

    patterns: tuple[IgnorePattern, ...]

    def says(self, path: str, *, is_dir: bool) -> bool | None:
        """Whether a path, relative to the folder of the file, is left out; None where no line is about it.

        What is below a folder that is left out is left out as well, whatever later lines say.
        """
        end = path.find("/")
        while end > 0:
            if self._last(path[:end], is_dir=True):
                return True
            end = path.find("/", end + 1)
        return self._last(path, is_dir=is_dir)

    def without(self, folder: str) -> "IgnoreLines":
        """Take away the patterns that leave out `folder`, or one above it."""
        names = folder.rstrip("/").split("/")
        places = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
        return IgnoreLines(
            tuple(
                pattern
                for pattern in self.patterns
                if pattern.keeps or not any(pattern.matches(place, is_dir=True) for place in places)
            )
        )

    def _last(self, path: str, *, is_dir: bool) -> bool | None:
        for pattern in reversed(self.patterns):
            if pattern.matches(path, is_dir=is_dir):
                return not pattern.keeps
        return None


def parse_ignore_lines(text: str) -> IgnoreLines:
    """Read the text of a file. Raises ValueError, in words for a message, for a line that can mean nothing.

    Raises UsageError (kind `bad-pattern`) for one that is too long.
    """
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    found = (_pattern(line) for line in lines if not line.startswith("#"))
    return IgnoreLines(tuple(pattern for pattern in found if pattern is not None))


def _pattern(line: str) -> IgnorePattern | None:
    check_length(line)
    text = _without_end_spaces(line)
    keeps = text.startswith("!")
    text = text.removeprefix("!")
    if keeps and not text:
        raise ValueError("`!` without a pattern")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        return None
    names_only = "/" not in text
    expression = re.compile(_expression(text.removeprefix("/")), re.DOTALL)
    return IgnorePattern(expression, keeps, folders_only, names_only)


def _without_end_spaces(line: str) -> str:
    kept = line.rstrip(" ")
    escapes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if escapes % 2 and len(kept) < len(line) else kept


def _expression(text: str) -> str:
    components = [_component(each) for each in _split(text)]
    if any(each == [[_NEVER]] for each in components):
        return _NEVER
    return path_expression(components)


def _split(text: str) -> list[str]:
    """Part at `/`. A set may hold one that parts nothing, and it matches none there."""
    parts: list[str] = [""]
    position = 0
    while position < len(text):
        end = position + 1
        if text[position] == "\\":
            end += 1
        elif text[position] == "[":
            end = _end_of_set(text, position)
        token = text[position:end]
        if token in ("/", "\\/"):
            parts.append("")
        else:
            parts[-1] += token
        position = end
    return parts


def _component(text: str) -> Component:
    if len(text) > 1 and not text.strip("*"):
        return None
    pieces: list[list[str]] = [[]]
    position = 0
    while position < len(text):
        sign = text[position]
        end = position + 1
        if sign == "*":
            pieces.append([])
        elif sign == "?":
            pieces[-1].append("[^/]")
        elif sign == "[":
            end = _end_of_set(text, position)
            pieces[-1].append(_set(text[position + 1 : end - 1]) if text[end - 1 : end] == "]" else _NEVER)
        elif sign == "\\":
            end += 1
            pieces[-1].append(re.escape(text[position + 1 : end]) or _NEVER)
        else:
            pieces[-1].append(re.escape(sign))
        if pieces[-1][-1:] == [_NEVER]:
            return [[_NEVER]]
        position = end
    return pieces


def _end_of_set(text: str, start: int) -> int:
    """Where the set that starts with `[` ends, behind its `]`; the end of the text if it does not."""
    position = start + 1
    if text[position : position + 1] in ("!", "^"):
        position += 1
    first = position
    while position < len(text):
        sign = text[position]
        if sign == "]" and position > first:
            return position + 1
        if sign == "\\":
            position += 1
        elif text.startswith("[:", position):
            close = text.find("]", position + 2)
            if close > position + 2 and text[close - 1] == ":":
                position = close
        position += 1
    return len(text) + 1


def _set(text: str) -> str:
    negated = text[:1] in ("!", "^")
    items = list(_items(text[1:] if negated else text))
    if None in items:
        return _NEVER
    written = "".join(item for item in items if item)
    if not written:
        return "[^/]" if negated else _NEVER
    return f"(?!/)[{'^' if negated else ''}{written}]"


def _items(text: str) -> Iterator[str | None]:
    """The parts of a set for an expression; "" for a range that holds nothing, None for a class that there is not."""
    position = 0
    before = ""
    while position < len(text):
        sign = text[position]
        name = _class_name(text, position)
        if sign == "-" and before and position + 1 < len(text):
            position += 1
            if text[position] == "\\":
                position += 1
            last = text[position : position + 1]
            yield f"{_plain(before)}-{_plain(last)}" if last and before <= last else ""
            before = ""
        elif name is not None:
            yield _CLASSES.get(name)
            position += len(name) + 3
            before = ""
        else:
            if sign == "\\":
                position += 1
                sign = text[position : position + 1]
            yield _plain(sign)
            before = sign
        position += 1


def _class_name(text: str, position: int) -> str | None:
    if not text.startswith("[:", position):
        return None
    close = text.find("]", position + 2)
    return text[position + 2 : close - 1] if close > position + 2 and text[close - 1] == ":" else None


def _plain(sign: str) -> str:
    return "\\" + sign if sign in "\\[]^-&~|" else sign
