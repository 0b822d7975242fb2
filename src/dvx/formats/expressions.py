r"""Small expressions over named values, such as `lr < 1e-3 and metrics.acc > 0.9`.

Owns the grammar and its bounds:

    or:     and ("or" and)*                 compare: sum (("<" "<=" ">" ">=" "==" "!=" "in" "not in") sum)*
    and:    not ("and" not)*                sum:     term (("+" "-") term)*
    not:    "not" not | compare             term:    sign (("*" "/") sign)*
    sign:   ("-" "+") sign | atom           atom:    number, "text", 'text', true, false, name, (or), [or, ...],
                                                     abs(x), min(x, ...), max(x, ...)

A name has letters, digits, `_` and dots; any other is put in backquotes: `val/acc`. The text is never given to Python
to evaluate, and there is no power, so that neither time nor memory can be asked for. Must not know what names mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from dvx.formats.expression_nodes import (
    FUNCTIONS,
    Arithmetic,
    Call,
    Comparison,
    ExpressionError,
    Items,
    Junction,
    Literal,
    Lookup,
    Name,
    Negation,
    Node,
    Scope,
    Step,
    Unanswered,
    truth,
)
from dvx.formats.expression_tokens import MAX_CHARACTERS, Token, TokenKind, read_tokens, refuse

__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "Expression", "ExpressionError", "parse_expression"]

# Each level takes about nine frames of Python's 1 000.
MAX_DEPTH: Final = 40
_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "==", "!=", "in"})
_CONSTANTS: Final = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. `names` are those it looks up, in the order of the text, each once."""

    text: str
    names: tuple[str, ...]
    _root: Node

    def evaluate(self, lookup: Lookup) -> object:
        """Return the value: a number, a text, true, false or a list.

        `lookup` gives the value of a name, or raises KeyError. Raises ExpressionError, of kind `missing-name` where a
        name that counts is not there, and `no-answer` where values do not fit an operator.
        """
        try:
            return self._root.value(Scope(lookup, is_lenient=False))
        except Unanswered as error:
            kind = "no-answer" if error.missing is None else "missing-name"
            raise self._error(error.reason, error.offset, kind) from None

    def holds(self, lookup: Lookup) -> bool:
        """Whether the expression is true, where a comparison with a name that is not there, or between values that do
        not fit, is false. Hence `not (x > 1)` is true where there is no `x`."""
        return truth(self._root, Scope(lookup, is_lenient=True))

    def _error(self, reason: str, offset: int, kind: str) -> ExpressionError:
        what = f"{reason}, at character {offset + 1} of {self.text[:200]!a}"
        return ExpressionError(what, offset=offset, kind=kind)


def parse_expression(text: str) -> Expression:
    """Read an expression of at most MAX_CHARACTERS, nested at most MAX_DEPTH deep.

    Raises ExpressionError (kind `bad-expression`) that says what is wrong at which character.
    """
    parser = _Parser(text)
    root = parser.whole()
    return Expression(text, tuple(dict.fromkeys(parser.names)), root)


class _Parser:
    """Descends over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = read_tokens(text)
        self._place = 0
        self._depth = 0
        self.names: list[str] = []

    def whole(self) -> Node:
        """The whole text as one expression."""
        node = self._either()
        if self._next.kind is not TokenKind.END:
            self._refuse(f"`{self._next.text[:40]}` is not expected here")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self, *words: str) -> Token | None:
        """The next token if it is a sign or a word among these."""
        token = self._next
        if token.kind not in (TokenKind.SIGN, TokenKind.WORD) or token.text not in words:
            return None
        self._place += 1
        return token

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"more than {MAX_DEPTH} levels of nesting")
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Junction(False, tuple(parts))

    def _both(self) -> Node:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Junction(True, tuple(parts))

    def _negation(self) -> Node:
        count = 0
        while self._take("not"):
            count += 1
        node = self._comparison()
        # Two negations are one truth value: however many there are, at most two are kept.
        for _ in range(count if count < 2 else 2 - count % 2):
            node = Negation(node)
        return node

    def _comparison(self) -> Node:
        offset = self._next.offset
        parts, signs = [self._sum()], []
        while (sign := self._comparison_sign()) is not None:
            signs.append(sign)
            parts.append(self._sum())
        return Comparison(tuple(parts), tuple(signs), offset) if signs else parts[0]

    def _comparison_sign(self) -> str | None:
        if self._take("not"):
            if not self._take("in"):
                self._refuse("`not` between two values is followed by `in`")
            return "not in"
        token = self._take(*_COMPARISONS)
        return token.text if token is not None else None

    def _sum(self) -> Node:
        return self._chain(self._term, "+", "-")

    def _term(self) -> Node:
        return self._chain(self._signed, "*", "/")

    def _chain(self, part: Callable[[], Node], *signs: str) -> Node:
        first, steps = part(), []
        while (sign := self._take(*signs)) is not None:
            steps.append(Step(sign.text, part(), sign.offset))
        return Arithmetic(first, tuple(steps)) if steps else first

    def _signed(self) -> Node:
        is_negative = False
        first: Token | None = None
        while (sign := self._take("-", "+")) is not None:
            first = first or sign
            is_negative ^= sign.text == "-"
        node = self._atom()
        if first is None:
            return node
        if isinstance(node, Literal) and isinstance(node.constant, int | float) and is_negative:
            return Literal(-node.constant)
        # Zero minus x is not -x for zero itself, and one times x is a check that x is a number.
        return Arithmetic(Literal(-1 if is_negative else 1), (Step("*", node, first.offset),))

    def _atom(self) -> Node:
        token = self._next
        if token.kind in (TokenKind.NUMBER, TokenKind.TEXT):
            self._place += 1
            return Literal(token.value)
        if self._take("("):
            return self._closed(")")[0]
        if self._take("["):
            return Items(() if self._take("]") else self._closed("]", many=True))
        if token.kind is TokenKind.NAME:
            return self._named(token)
        what = "the text ends" if token.kind is TokenKind.END else f"`{token.text[:40]}` stands"
        return self._refuse(f"{what} where a value is expected")

    def _named(self, token: Token) -> Node:
        self._place += 1
        if not token.is_quoted and self._take("("):
            return self._call(token)
        if not token.is_quoted and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        self.names.append(token.text)
        return Name(token.text, token.offset)

    def _call(self, token: Token) -> Node:
        if token.text not in FUNCTIONS:
            refuse(
                self._text, f"there is no function `{token.text[:40]}`, only abs, min and max", token.offset
            )
        arguments = self._closed(")", many=True)
        if token.text == "abs" and len(arguments) != 1:
            refuse(self._text, "`abs` takes one value", token.offset)
        return Call(token.text, arguments, token.offset)

    def _closed(self, end: str, *, many: bool = False) -> tuple[Node, ...]:
        """What stands between a bracket and `end`; with `many` separated by commas."""
        parts = [self._either()]
        while many and self._take(","):
            parts.append(self._either())
        if not self._take(end):
            self._refuse(f"`{end}` is missing")
        return tuple(parts)

    def _refuse(self, reason: str) -> NoReturn:
        refuse(self._text, reason, self._next.offset)
