"""Paths in suggested commands mean what they say."""

import shlex

from dvx.core.shell_words import quote_all


def test_paths_come_back_from_a_shell_as_they_were() -> None:
    paths = ["plain", "a b", "quo'te", "$HOME", "new\nline", "ü"]
    assert shlex.split(quote_all(paths)) == paths


def test_path_that_looks_like_an_option_is_not_one() -> None:
    assert quote_all(["-rf", "x"]) == "./-rf x"
