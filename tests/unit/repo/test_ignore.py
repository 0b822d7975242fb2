"""repo.ignore: .dvxignore files above and inside the data."""

import os

import pytest

from dvx.core.errors import PathRefused, UsageError
from dvx.disk.walk import walk_tree
from dvx.repo.ignore import load_ignore
from dvx.repo.repository import Repository


def _repository(root):
    return Repository(root=str(root), git_dir=str(root / ".git"), common_dir=str(root / ".git"))


@pytest.fixture
def tree(tmp_path):
    """Make files (content for names that end in .dvxignore) and list what is kept below `data`."""

    def make(files, data="data"):
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        ignore = load_ignore(_repository(tmp_path), data)
        return [entry.path for entry in walk_tree(str(tmp_path / data), ignore=ignore)]

    return make


def test_without_any_file_everything_is_kept(tree):
    assert tree({"data/a": "", "data/b/c": ""}) == ["a", "b/c"]


def test_rules_above_the_data_apply_inside(tree):
    files = {".dvxignore": "*.tmp\n/data/cache/\n", "data/x.tmp": "", "data/y": "", "data/cache/z": ""}
    assert tree(files) == ["y"]


def test_rules_inside_the_data_apply_from_their_folder_on(tree):
    files = {
        "data/a/.dvxignore": "/x\n*.log\n",
        "data/a/x": "",
        "data/a/b/x": "",
        "data/a/b/1.log": "",
        "data/x": "",
    }
    assert tree(files) == ["a/.dvxignore", "a/b/x", "x"]


def test_inner_file_wins_and_a_negation_brings_back(tree):
    files = {
        ".dvxignore": "*.log\n!keep.log\n",
        "data/a.log": "",
        "data/keep.log": "",
        "data/in/.dvxignore": "!a.log\nkeep.log\n",
        "data/in/a.log": "",
        "data/in/keep.log": "",
    }
    assert tree(files) == ["in/.dvxignore", "in/a.log", "keep.log"]


def test_pattern_with_an_end_slash_is_for_folders_only(tree):
    files = {".dvxignore": "build/\n", "data/build": "", "data/x/build/y": "", "data/x/z": ""}
    assert tree(files) == ["build", "x/z"]


def test_folder_that_is_left_out_is_not_looked_into(tree, tmp_path):
    files = {"data/.dvxignore": "skip\n", "data/skip/.dvxignore": "!*\n", "data/skip/x": ""}
    assert tree(files) == [".dvxignore"]


@pytest.mark.parametrize("pattern", ["data/", "/top", "top/data", "*"])
def test_data_that_is_left_out_as_a_whole_is_refused(tree, pattern):
    with pytest.raises(PathRefused) as caught:
        tree({".dvxignore": pattern + "\n", "top/data/x": ""}, data="top/data")
    assert caught.value.kind == "data-ignored"


def test_single_file_needs_no_predicate(tmp_path):
    (tmp_path / "model.bin").write_text("x")
    assert load_ignore(_repository(tmp_path), "model.bin") is None


def test_bad_pattern_names_the_file(tree):
    with pytest.raises(UsageError, match=r"`data/\.dvxignore`"):
        tree({"data/.dvxignore": "!\n", "data/x": ""})


def test_symlinked_or_huge_file_is_not_used(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "rules").write_text("*\n")
    (tmp_path / "data/.dvxignore").symlink_to("../rules")
    ignore = load_ignore(_repository(tmp_path), "data")
    assert ignore("x", False) is False
    (tmp_path / ".dvxignore").write_text("#" * 1_100_000)
    with pytest.raises(UsageError, match="more than"):
        load_ignore(_repository(tmp_path), "data")


def test_byte_order_mark_does_not_void_the_first_pattern(tree):
    assert tree(
        {".dvxignore": "\ufeff*.tmp\r\n*.log\r\n", "data/a.tmp": "", "data/b.log": "", "data/c": ""}
    ) == ["c"]


def test_utf16_text_and_a_pipe_are_refused_by_name(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / ".dvxignore").write_bytes("*.tmp\n".encode("utf-16"))
    with pytest.raises(UsageError, match=r"`\.dvxignore` is UTF-16 text"):
        load_ignore(_repository(tmp_path), "data")
    (tmp_path / ".dvxignore").unlink()
    os.mkfifo(tmp_path / ".dvxignore")
    with pytest.raises(PathRefused, match="named pipe"):
        load_ignore(_repository(tmp_path), "data")


@pytest.mark.parametrize("line", ["*a" * 25 + "b", "**/*a/" * 20 + "b", "/" + "*a*a/" * 10 + "**/x"])
def test_line_that_backtracking_would_never_end_ends(tree, line):
    name = "a" * 200
    assert tree({".dvxignore": line + "\n", f"data/{name}/{name}/{name}": ""}) == [f"{name}/{name}/{name}"]
