"""repo.ignore_patterns: what Git says of the same lines in a `.gitignore`."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dvx.repo.ignore_patterns import parse_ignore_lines

_PARTS = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[a-c]",
        "[]a]",
        "[[:alpha:]]",
        "\\a",
        "\\*",
        "[",
        "]",
        "-",
        " ",
        "***",
    ]
)
_NAMES = st.lists(_PARTS, min_size=1, max_size=4).map("".join)
_PATTERNS = st.builds(
    lambda keep, top, names, end: keep + top + "/".join(names) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(_NAMES, min_size=1, max_size=4),
    st.sampled_from(["", "/", " ", "\\ "]),
)
_FILES = ["a", "b", "c/a", "c/ab/a", "c/ab/b", "ab/a/b", "a b/b", "ab ", "[a", "b]/-/a", "abab/aab/b"]


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ignored")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name in _FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _git_says(root: Path, text: str, paths: list[str]) -> list[bool]:
    (root / ".gitignore").write_text(text, encoding="utf-8")
    answer = subprocess.run(
        ["git", "check-ignore", "-z", "--no-index", "--stdin"],
        cwd=root, input="".join(path + "\0" for path in paths), capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    ignored = set(answer.split("\0"))
    return [path in ignored for path in paths]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(lines=["*", "!ab/", "!ab/a"])
@example(lines=["c/**/a", "!c/ab/a"])
@example(lines=["[a"])
@example(lines=["**/ab/**"])
@example(lines=["#a", "\\#a", "a\\"])
@given(lines=st.lists(_PATTERNS, min_size=1, max_size=4))
def test_lines_mean_what_they_mean_to_git(work_tree: Path, lines: list[str]) -> None:
    lines = [line for line in lines if line.strip(" /") != "!"]
    text = "".join(line + "\n" for line in lines)
    folders = sorted({parent for name in _FILES for parent in map(str, Path(name).parents)} - {"."})
    paths = [*_FILES, *folders]
    found = parse_ignore_lines(text)
    mine = [found.says(path, is_dir=os.path.isdir(work_tree / path)) is True for path in paths]
    assert dict(zip(paths, mine, strict=True)) == dict(
        zip(paths, _git_says(work_tree, text, paths), strict=True)
    )
