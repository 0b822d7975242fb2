"""Expressions against Python itself: arithmetic, comparison and logic over numbers; and any text whatsoever."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvx.formats.expressions import ExpressionError, parse_expression

_NUMBERS = st.one_of(
    st.integers(0, 10**18).map(str),
    st.floats(0, 1e12, allow_nan=False).map(repr),
    st.sampled_from(["x", "y.z"]),
)


def _nested(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, st.sampled_from("+-*/"), parts).map(" ".join),
        parts.map("({})".format),
        parts.map("-{}".format),
        st.tuples(parts, parts).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
    )


_SUMS = st.recursive(_NUMBERS, _nested, max_leaves=12)
_COMPARISONS = st.tuples(
    _SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _SUMS, st.sampled_from(["", "< 5", "!= x"])
).map(" ".join)
_LOGIC = st.recursive(
    _COMPARISONS,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from(["and", "or"]), parts).map(" ".join),
        parts.map("not ({})".format),
        parts.map("({})".format),
    ),
    max_leaves=6,
)
_VALUES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))


class _Holder:
    def __init__(self, z: object) -> None:
        self.z = z


def _by_python(text: str, x: object, z: object) -> object:
    return eval(
        text, {"__builtins__": {}, "max": max, "x": x, "y": _Holder(z)}
    )  # numbers and signs made here


def _same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return left == right and type(left) is type(right)


@given(st.one_of(_SUMS, _LOGIC), _VALUES, _VALUES)
def test_answers_equal_those_of_python(text: str, x: object, z: object) -> None:
    try:
        expected = _by_python(text, x, z)
    except (ZeroDivisionError, OverflowError):
        with pytest.raises(ExpressionError):
            parse_expression(text).evaluate({"x": x, "y.z": z}.__getitem__)
        return
    answer = parse_expression(text).evaluate({"x": x, "y.z": z}.__getitem__)
    # A minus before a name multiplies by -1, which is the same number.
    assert _same(answer, expected)


@given(st.one_of(st.text(max_size=60), st.text(alphabet="()[]+-*/<>=!,.'\"`\\ aeinorx019", max_size=60)))
def test_any_text_has_a_value_or_an_explained_refusal(text: str) -> None:
    refusal = None
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        refusal = error
    if refusal is not None:
        assert refusal.what.isprintable()
        assert 0 <= refusal.offset <= len(text)
    else:
        assert expression.holds({}.__getitem__) in (True, False)
