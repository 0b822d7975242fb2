"""Patterns over paths: from their parts to an expression of `re` that is matched in linear time.

Owns the one way in which stars are matched. A star takes as little as it can and never gives back (atomic groups), so a
pattern from anybody costs the length of the path times that of the pattern, and not two to the power of its stars. Must
not know a syntax beyond its own; `.dvxignore` has another, read in dvx.repo.ignore_patterns.
"""

import re
from collections.abc import Sequence
from typing import Final

from dvx.core.errors import UsageError

# Longer ones match no path that a system takes.
MAX_PATTERN_CHARACTERS: Final = 4096
# A component: texts between stars, each a list of expressions of one character. None is `**`, any number of folders.
Piece = Sequence[str]
Component = Sequence[Piece] | None
_FOLDERS: Final = "(?:[^/]*+/)*"


def path_expression(components: Sequence[Component]) -> str:
    """The expression for a whole path of these components; `**` at the end stands for everything below.

    To be used with `re.DOTALL` and `fullmatch`, alone or before `(?:/.*)?`.
    """
    groups: list[list[Sequence[Piece]]] = [[]]
    for component in components:
        if component is None:
            groups.append([])
        else:
            groups[-1].append(component)
    first, *others = groups
    if not others:
        return "/".join(map(_component, first))
    *middle, last = others
    written = "".join(_component(each) + "/" for each in first)
    for group in middle:
        if group:  # the first place where it fits leaves the most for what follows
            written += f"(?>{_FOLDERS}?{''.join(_component(each) + '/' for each in group)})"
    return written + (_FOLDERS + "/".join(map(_component, last)) if last else ".+")


def glob_expression(pattern: str) -> str:
    """The expression for a glob: `*` and `?` stay within a name, `[...]` is a set, `**` alone crosses folders.

    Raises UsageError (kind `bad-pattern`) for one of more than MAX_PATTERN_CHARACTERS characters.
    """
    check_length(pattern)
    return path_expression([None if name == "**" else _pieces(name) for name in pattern.split("/")])


def check_length(pattern: str) -> None:
    """Raise UsageError (kind `bad-pattern`) for a pattern that is too long."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise UsageError(
            f"the pattern `{pattern[:40]}...` has more than {MAX_PATTERN_CHARACTERS} characters",
            hints=["name a folder, or use several shorter patterns"],
            kind="bad-pattern",
        )


def _component(pieces: Sequence[Piece]) -> str:
    first, *others = ("".join(piece) for piece in pieces)
    if not others:
        return first
    *middle, last = others
    written = first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece)
    return f"(?>{written}[^/]*{last}(?![^/]))" if last else f"{written}[^/]*+"


def _pieces(name: str) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    position = 0
    while position < len(name):
        sign = name[position]
        position += 1
        if sign == "*":
            pieces.append([])
        elif sign == "?":
            pieces[-1].append("[^/]")
        elif sign == "[" and (end := _end_of_set(name, position)) > 0:
            pieces[-1] += _set(name[position:end])
            position = end + 1
        else:
            pieces[-1].append(re.escape(sign))
    return pieces


def _end_of_set(name: str, start: int) -> int:
    return name.find("]", start + 1 + (name[start : start + 1] == "!"))


def _set(text: str) -> list[str]:
    negated = text[0] in "!^"
    signs = text[1:] if negated else text
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", signs)
    written = f"[{'^/' if negated else ''}{escaped}]"
    try:
        re.compile(written)
    except re.error:  # such as the range z-a: then it is a name with brackets
        return [re.escape(sign) for sign in f"[{text}]"]
    return [written]
