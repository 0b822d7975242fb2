"""Cutting the text of an expression into numbers, texts, names and signs.

Owns their spelling and the bound on length. Must not know how they go together.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn

from dvx.formats.expression_nodes import ExpressionError

MAX_CHARACTERS: Final = 4096
_MAX_NUMBER_CHARACTERS: Final = 40
_WORDS: Final = frozenset({"and", "or", "not", "in"})
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |`(?P<quoted>[^`]+)`
    |"(?P<double>[^"\\]*(?:\\["\\][^"\\]*)*)"
    |'(?P<single>[^'\\]*(?:\\['\\][^'\\]*)*)'
    |(?P<sign><=|>=|==|!=|[-<>+*/(),\[\]])""",
    re.VERBOSE,
)
_MEANT: Final = {
    "&": "`and`",
    "|": "`or`",
    "!": "`not`, or `!=`",
    "=": "`==`",
    "^": "a product: there is no power",
}


class TokenKind(Enum):
    """What a token is. Words are the operators that are spelled with letters."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    WORD = "word"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token at `offset`. `value` is set for numbers and texts, `is_quoted` for a name in backquotes."""

    kind: TokenKind
    text: str
    offset: int
    value: object = None
    is_quoted: bool = False


def read_tokens(text: str) -> list[Token]:
    """Cut `text`; the last token is an END. Raises ExpressionError."""
    if len(text) > MAX_CHARACTERS:
        refuse(text, f"an expression has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            _refuse_sign(text, place)
        if match.lastgroup != "space":
            tokens.append(_token(match, text))
        place = match.end()
    return [*tokens, Token(TokenKind.END, "", len(text))]


def _token(match: re.Match[str], text: str) -> Token:
    kind, found, offset = match.lastgroup, match[0], match.start()
    if kind == "number":
        return Token(TokenKind.NUMBER, found, offset, _number(match, text))
    if kind == "name":
        return Token(TokenKind.WORD if found in _WORDS else TokenKind.NAME, found, offset)
    if kind == "quoted":
        return Token(TokenKind.NAME, match["quoted"], offset, is_quoted=True)
    if kind in ("double", "single"):
        return Token(TokenKind.TEXT, found, offset, re.sub(r"\\(.)", r"\1", match[kind], flags=re.DOTALL))
    return Token(TokenKind.SIGN, found, offset)


def _number(match: re.Match[str], text: str) -> int | float:
    found = match[0]
    if len(found) > _MAX_NUMBER_CHARACTERS:
        refuse(text, f"a number has at most {_MAX_NUMBER_CHARACTERS} characters", match.start())
    after = text[match.end() : match.end() + 1]
    if after.isalnum() or after in ("_", "."):
        refuse(
            text,
            'a number is followed by a space or a sign, and a size stands in quotes: "20GB"',
            match.end(),
        )
    digits = found.replace("_", "")
    return int(digits) if digits.isdigit() else float(digits)


def _refuse_sign(text: str, place: int) -> NoReturn:
    sign = text[place]
    if sign in "\"'`":
        refuse(text, f"the quote {sign} is not closed", place)
    if sign in _MEANT:
        refuse(text, f"`{sign}` means nothing here; write {_MEANT[sign]}", place)
    refuse(text, f"{sign!a} means nothing here", place)


def refuse(text: str, reason: str, offset: int) -> NoReturn:
    """Raise ExpressionError for the place `offset` of `text`."""
    start = max(0, offset - 30)
    near = text[start : offset + 10]
    what = f"{reason}, at character {offset + 1}" + (f", near {near!a}" if near.strip() else "")
    raise ExpressionError(
        f"the expression cannot be read: {what}",
        offset=offset,
        hints=["compare names and numbers: `lr < 1e-3 and metrics.acc > 0.9`"],
    )
