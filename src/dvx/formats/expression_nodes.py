"""The parts of a parsed expression, and how each finds its value.

Owns evaluation, and what a name that is not there means. Must not read text; dvx.formats.expressions does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dvx.core.errors import UsageError
from dvx.formats.expression_values import (
    Mismatch,
    calculate,
    compare,
    is_number,
    kind_of,
    plain_value,
)

Lookup = Callable[[str], object]


class ExpressionError(UsageError):
    """An expression that cannot be read, or has no value. `offset` is the place in it, counted from 0."""

    kind = "bad-expression"

    def __init__(self, what: str, *, offset: int, hints: Sequence[str] = (), kind: str | None = None) -> None:
        super().__init__(what, hints=hints, kind=kind)
        self.offset = offset


class Unanswered(Exception):
    """There is no value: a name is not there (`missing` is its name), or two values do not fit each other."""

    def __init__(self, reason: str, *, offset: int, missing: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up. With `is_lenient` a comparison without an answer is false."""

    lookup: Lookup
    is_lenient: bool


class Node(Protocol):
    """One part of an expression."""

    def value(self, scope: Scope) -> object:
        """Its value. Raises Unanswered."""
        ...


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true or false."""

    constant: object

    def value(self, scope: Scope) -> object:  # noqa: ARG002
        """The constant."""
        return self.constant


@dataclass(frozen=True, slots=True)
class Name:
    """A name with dots."""

    name: str
    offset: int

    def value(self, scope: Scope) -> object:
        """What the lookup gives; a KeyError of it means that the name is not there."""
        try:
            return plain_value(scope.lookup(self.name))
        except KeyError:
            raise Unanswered(f"`{self.name}` is not there", offset=self.offset, missing=self.name) from None


@dataclass(frozen=True, slots=True)
class Items:
    """A list in brackets."""

    items: tuple[Node, ...]

    def value(self, scope: Scope) -> object:
        """The values of all items."""
        return [item.value(scope) for item in self.items]


@dataclass(frozen=True, slots=True)
class Step:
    """One sign of a chain and the part after it."""

    sign: str
    part: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A chain of `+` and `-`, or of `*` and `/`, worked off from the left, so that its length is no depth."""

    first: Node
    steps: tuple[Step, ...]

    def value(self, scope: Scope) -> object:
        """The number."""
        answer = self.first.value(scope)
        for step in self.steps:
            right = step.part.value(scope)
            try:
                answer = calculate(step.sign, answer, right)
            except Mismatch as error:
                raise Unanswered(str(error), offset=step.offset) from None
        return answer


@dataclass(frozen=True, slots=True)
class Call:
    """One of the few functions."""

    name: str
    arguments: tuple[Node, ...]
    offset: int

    def value(self, scope: Scope) -> object:
        """The number. A list as the only argument of `min` or `max` stands for its items."""
        values = [argument.value(scope) for argument in self.arguments]
        if self.name != "abs" and len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        other = next((each for each in values if not is_number(each)), None)
        if other is not None or not values:
            reason = f"not {kind_of(other)}" if values else "and this list is empty"
            raise Unanswered(f"`{self.name}` needs numbers, {reason}", offset=self.offset)
        return FUNCTIONS[self.name](values)


FUNCTIONS: Final[dict[str, Callable[[list[object]], object]]] = {
    "abs": lambda values: abs(values[0]),  # type: ignore[arg-type]
    "min": min,  # type: ignore[dict-item]
    "max": max,  # type: ignore[dict-item]
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Parts with signs between them; `a < b < c` means both, as in Python."""

    parts: tuple[Node, ...]
    signs: tuple[str, ...]
    offset: int

    def value(self, scope: Scope) -> object:
        """True or false."""
        try:
            return self._compared(scope)
        except Unanswered:
            if scope.is_lenient:
                return False
            raise

    def _compared(self, scope: Scope) -> bool:
        left = self.parts[0].value(scope)
        for sign, part in zip(self.signs, self.parts[1:], strict=True):
            right = part.value(scope)
            try:
                if not compare(sign, left, right):
                    return False
            except Mismatch as error:
                raise Unanswered(str(error), offset=self.offset) from None
            left = right
        return True


@dataclass(frozen=True, slots=True)
class Negation:
    """`not`."""

    part: Node

    def value(self, scope: Scope) -> object:
        """The opposite."""
        return not truth(self.part, scope)


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` between parts; what comes after the answer is not looked at."""

    is_and: bool
    parts: tuple[Node, ...]

    def value(self, scope: Scope) -> object:
        """True or false."""
        if self.is_and:
            return all(truth(part, scope) for part in self.parts)
        return any(truth(part, scope) for part in self.parts)


def truth(node: Node, scope: Scope) -> bool:
    """Whether a part is true; a lenient scope takes one without a value for false. Raises Unanswered."""
    try:
        return bool(node.value(scope))
    except Unanswered:
        if scope.is_lenient:
            return False
        raise
