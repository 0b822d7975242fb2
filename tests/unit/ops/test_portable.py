"""ops.portable: names that other systems cannot hold."""

import pytest

from dvx.core.errors import PathRefused
from dvx.ops import portable
from dvx.ops.portable import check_names_fit, ignores_case, name_warnings, refuse_names
from dvx.ops.trees import Tree


def test_ordinary_names_give_no_warning():
    assert name_warnings(["a", "sub/b.txt", "ü"]) == []


def test_warnings_are_grouped_by_reason():
    warnings = name_warnings(["a?", "b?", "nul", "X", "x"])
    assert len(warnings) == 3
    assert "`a?`, `b?`" in warnings[0]
    assert "X / x" in warnings[2]


def test_refusal_carries_every_warning():
    refuse_names([])
    with pytest.raises(PathRefused, match="one; two") as caught:
        refuse_names(["one", "two"])
    assert caught.value.kind == "unportable-name"


def test_names_that_collide_are_refused_where_case_is_ignored(tmp_path, monkeypatch):
    tree = Tree(str(tmp_path), "data", None)
    check_names_fit(tree, ["A", "b"])
    monkeypatch.setattr(portable, "ignores_case", lambda tree: True)
    with pytest.raises(PathRefused, match="A / a"):
        check_names_fit(tree, ["A", "a"])


def test_case_is_not_ignored_without_a_git_folder(tmp_path):
    assert not ignores_case(Tree(str(tmp_path), "data", None))


def test_names_that_differ_by_normalisation_are_told_apart_from_those_that_differ_by_case():
    (warning,) = name_warnings(["d/\u00e9", "d/e\u0301"])
    assert "Unicode normalisation" in warning
    assert "d/\\xe9" in warning
    assert "e\\u0301" in warning
    (warning,) = name_warnings(["d/A", "d/a"])
    assert "only by case" in warning
