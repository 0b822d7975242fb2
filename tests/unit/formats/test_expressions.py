"""Expressions: what they answer, what they refuse and where, and that no text costs more than its length."""

import time
from collections.abc import Callable
from datetime import date

import pytest

from dvx.formats.expressions import MAX_CHARACTERS, MAX_DEPTH, ExpressionError, parse_expression

VALUES = {
    "lr": 1e-4,
    "epochs": 20,
    "opt": "adam",
    "amp": True,
    "metrics.acc": 0.95,
    "val/acc": 0.5,
    "size": 20_000_000_000,
    "layers": [64, 32],
    "day": date(2026, 1, 31),
    "nothing": float("nan"),
}


def _lookup(name: str) -> object:
    return VALUES[name]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("lr < 1e-3 and metrics.acc > 0.9", True),
        ("epochs * 2 + 1", 41),
        ("1 - 2 - 3", -4),
        ("12 / 2 / 3", 2.0),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("-epochs", -20),
        ("--3", 3),
        ("1_000", 1000),
        ("10 < epochs <= 20", True),
        ("1 < 2 > 3", False),
        ("opt == 'adam'", True),
        ('opt in ["sgd", "adam"]', True),
        ('"da" in opt', True),
        ("32 in layers", True),
        ("16 not in layers", True),
        ("max(layers) - min(layers)", 32),
        ("abs(3 - 5)", 2),
        ("max(1, epochs, 3)", 20),
        ("`val/acc` == 0.5", True),
        ('size <= "20GB"', True),
        ('size < "20 GB"', False),
        ('size > "18 GiB"', True),
        ('"1kB" == 1000', True),
        ("amp == true", True),
        ("amp == 1", False),
        ("not amp or epochs", True),
        ('day >= "2026-01-01"', True),
        ('opt == "it\\"s"', False),
        ("nothing == nothing", False),
        ("layers == [64, 32]", True),
        ("[]", []),
        ('opt == "20GB"', False),
    ],
)
def test_expressions_answer_as_in_python(text: str, answer: object) -> None:
    assert parse_expression(text).evaluate(_lookup) == answer


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("", 0, "a value is expected"),
        ("lr <", 4, "a value is expected"),
        ("9**9**9", 2, "a value is expected"),
        ("lr = 1", 3, "`==`"),
        ("a && b", 2, "`and`"),
        ("20GB", 2, "in quotes"),
        ("'abc", 0, "not closed"),
        ("open('x')", 0, "no function `open`"),
        ("abs(1, 2)", 0, "one value"),
        ("(1", 2, "`)` is missing"),
        ("lr lr", 3, "not expected"),
        ("lr not 1", 7, "followed by `in`"),
        ("lr.__class__()", 0, "no function"),
        ("1" * 41, 0, "at most 40"),
        ("a;b", 1, "means nothing"),
        ("x if y", 2, "not expected"),
        ("a\x1b[31m", 1, "'\\x1b'"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(text: str, offset: int, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert caught.value.offset == offset
    assert words in caught.value.what
    assert caught.value.kind == "bad-expression"
    assert caught.value.what.isprintable()


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("lr < there.is.none", "missing-name", "`there.is.none` is not there, at character 6"),
        ("opt < 3", "no-answer", "the text 'adam' and a number have no order"),
        ("1 / 0", "no-answer", "division by zero, at character 3"),
        ("opt + 1", "no-answer", "`+` needs numbers, not the text 'adam'"),
        ("-amp", "no-answer", "not true or false"),
        ("1 in 2", "no-answer", "looks into a list or a text"),
        ("max([])", "no-answer", "this list is empty"),
        ("abs(opt)", "no-answer", "needs numbers"),
    ],
)
def test_what_has_no_value_is_an_error_with_its_place(text: str, kind: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text).evaluate(_lookup)
    assert caught.value.kind == kind
    assert words in caught.value.what


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("absent > 1", False),
        ("absent", False),
        ("absent < 1 or epochs == 20", True),
        ("not absent > 1", True),
        ("opt > 3", False),
        ("1 / 0 == 1", False),
        ("absent == absent", False),
        ("metrics.acc > 0.9", True),
    ],
)
def test_holds_takes_a_comparison_without_an_answer_for_false(text: str, answer: bool) -> None:
    assert parse_expression(text).holds(_lookup) is answer


def test_names_are_told_in_the_order_of_the_text_each_once() -> None:
    assert parse_expression("b.x > a and a < `c d` and true").names == ("b.x", "a", "c d")


def test_what_comes_after_the_answer_is_not_looked_up() -> None:
    assert parse_expression("epochs == 20 or absent > 1").evaluate(_lookup) is True
    assert parse_expression("epochs == 1 and absent > 1").evaluate(_lookup) is False


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "(" * n + "1" + ")" * n,
        lambda n: "[" * n + "1" + "]" * n,
        lambda n: "abs(" * (n // 4) + "1" + ")" * (n // 4),
    ],
)
def test_deep_nesting_is_refused_without_exhausting_the_stack(make: Callable[[int], str]) -> None:
    with pytest.raises(ExpressionError, match="levels of nesting"):
        parse_expression(make(MAX_CHARACTERS // 2 - 10))
    assert parse_expression("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1)).evaluate(_lookup) == 1


@pytest.mark.parametrize(
    "text",
    [
        "1" + "+1" * 2000,
        "1" + "*9" * 2000,
        "9999999999999999999" + "*9999999999999999999" * 200,
        "not " * 1000 + "true",
        "-" * 4000 + "1",
        "+" * 4000 + "lr",
        "1" + "<2" * 2000,
        "true" + " or true" * 500,
        "[" + "1," * 2000 + "1]",
        "'" + "a" * 4000 + "'",
        "`" + "a" * 4000 + "`",
    ],
)
def test_long_expressions_end_soon(text: str) -> None:
    started_s = time.process_time()
    expression = parse_expression(text[:MAX_CHARACTERS])
    expression.holds(_lookup)
    assert time.process_time() - started_s < 0.5


def test_a_text_over_the_bound_is_refused() -> None:
    with pytest.raises(ExpressionError, match=f"at most {MAX_CHARACTERS} characters"):
        parse_expression("1 + " * MAX_CHARACTERS + "1")


def test_whole_numbers_beyond_the_bound_have_no_value() -> None:
    text = "9999999999999999999" + "*9999999999999999999" * 100
    with pytest.raises(ExpressionError, match="too large"):
        parse_expression(text).evaluate(_lookup)
