"""What the operators of expressions do with values: numbers, text, true and false, dates, lists.

Owns the rules; a pair of values that has no answer raises Mismatch. Must not know where values come from.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

from dvx.core.sizes import parse_size

Number = int | float
# Products of whole numbers stay exact up to here; 20 digits are a 64-bit number.
_MAX_INT_BITS: Final = 4096
_NUMBER_TEXT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SUMS: Final[Mapping[str, Callable[[Number, Number], Number]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


class Mismatch(Exception):
    """Two values that an operator has no answer for; the text says why."""


def plain_value(value: object) -> object:
    """A value as expressions see it: dates and times are their ISO text, so that they compare with text."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value


def compare(sign: str, left: object, right: object) -> bool:
    """Answer `left sign right` for `<`, `<=`, `>`, `>=`, `==`, `!=`, `in` and `not in`.

    Text such as "20GB" is a size where the other side is a number. True and false equal no number. Raises Mismatch for
    an order between values of different kinds.
    """
    if sign in ("in", "not in"):
        return _contains(right, left) is (sign == "in")
    left, right = _as_sizes(left, right)
    if sign in ("==", "!="):
        return _is_equal(left, right) is (sign == "==")
    if not (_both(left, right, is_number) or _both(left, right, _is_text)):
        raise Mismatch(f"{kind_of(left)} and {kind_of(right)} have no order")
    return _ORDERS[sign](left, right)


def calculate(sign: str, left: object, right: object) -> Number:
    """Answer `left sign right` for `+`, `-`, `*` and `/`. Raises Mismatch for other things than numbers."""
    left, right = _as_sizes(left, right)
    if not (is_number(left) and is_number(right)):
        other = right if is_number(left) else left
        raise Mismatch(f"`{sign}` needs numbers, not {kind_of(other)}")
    try:
        answer = _SUMS[sign](left, right)  # type: ignore[arg-type]
    except ZeroDivisionError:
        raise Mismatch("division by zero") from None
    except OverflowError:
        raise Mismatch("a number is too large") from None
    if isinstance(answer, int) and answer.bit_length() > _MAX_INT_BITS:
        raise Mismatch("a number is too large")
    return answer


def is_number(value: object) -> bool:
    """Whether `value` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: object) -> str:
    """What messages call a value."""
    if isinstance(value, bool):
        return "true or false"
    if is_number(value):
        return "a number"
    if isinstance(value, str):
        return f"the text {value[:40]!a}"
    return "a list" if isinstance(value, list) else "this value"


def _both(left: object, right: object, test: Callable[[object], bool]) -> bool:
    return test(left) and test(right)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _as_sizes(left: object, right: object) -> tuple[object, object]:
    if isinstance(left, str) and is_number(right):
        return _sized(left), right
    if is_number(left) and isinstance(right, str):
        return left, _sized(right)
    return left, right


def _sized(text: str) -> object:
    if _NUMBER_TEXT.fullmatch(text):
        return text  # "5" is text; a number is written without quotes
    size = parse_size(text)
    return text if size is None else size


def _is_equal(left: object, right: object) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_equal, left, right))
    return bool(left == right)


def _contains(whole: object, part: object) -> bool:
    if isinstance(whole, list):
        return any(_is_equal(plain_value(item), part) for item in whole)
    if isinstance(whole, str) and isinstance(part, str):
        return part in whole
    raise Mismatch(f"`in` looks into a list or a text, not into {kind_of(whole)}")
