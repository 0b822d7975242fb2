"""core.globs: patterns of anybody, matched in linear time. What they mean is tested with repo.targets."""

import re

import pytest

from dvx.core.errors import UsageError
from dvx.core.globs import MAX_PATTERN_CHARACTERS, glob_expression


def matches(pattern: str, path: str) -> bool:
    return re.fullmatch(glob_expression(pattern), path, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 25 + "b", "a" * 255),
        ("*a" * 1000 + "b", "a" * 4000),
        ("*?" * 1000 + "b", "a" * 4000),
        ("**/a*/" * 30 + "b", "a/" * 2000 + "c"),
        ("**/*a*a*a/" * 20 + "b", ("a" * 50 + "/") * 80 + "c"),
        ("**/a/a/a/a/a/b/" * 200 + "c", "a/" * 2000),
        ("[a-z]*[a-z]*" * 100 + "B", "a" * 4000),
    ],
)
def test_pattern_that_backtracking_would_never_end_ends(pattern: str, path: str) -> None:
    assert not matches(pattern, path)
    assert matches(pattern[:-1] + "*", path) or "/" in path


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*ab*ab*", "abab"), ("a*b*b", "abbb"), ("*.tar.*z", "x.tar.tar.gz"), ("**/a/**/a/b", "a/x/a/a/b"),
        ("**/a*/**/b?", "x/ab/y/z/bc"), ("*[ab]*[!a]", "xab"), ("x/**", "x/y"), ("**/x", "x"),
    ],
)  # fmt: skip
def test_star_takes_what_leaves_room_for_the_rest(pattern: str, path: str) -> None:
    assert matches(pattern, path)


def test_pattern_longer_than_any_path_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        glob_expression("a" * (MAX_PATTERN_CHARACTERS + 1))
    assert caught.value.kind == "bad-pattern"
