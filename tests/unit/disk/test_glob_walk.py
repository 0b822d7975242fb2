"""disk.glob_walk: what a shell would list."""

import glob
from pathlib import Path

import pytest

from dvx.disk.glob_walk import expand_glob


@pytest.fixture
def root(tmp_path: Path) -> str:
    for name in ("a/b/c.txt", "a/d.txt", "a/.hidden/e.txt", ".top", "f[1].txt", "b/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "a/*",
        "**/*.txt",
        "**",
        "a/**/c.txt",
        "*/c.txt",
        ".*",
        "a/.h*/*",
        "f[[]1].txt",
        "none*",
        "**/**/c.txt",
    ],
)
def test_matches_are_those_of_pythons_glob(root: str, pattern: str) -> None:
    expected = sorted({name.rstrip("/") for name in glob.glob(pattern, root_dir=root, recursive=True)} - {""})
    assert expand_glob(root, pattern) == expected


def test_many_crossings_of_a_deep_tree_and_a_loop_end(tmp_path: Path) -> None:
    (tmp_path / ("a/" * 40)).mkdir(parents=True)
    (tmp_path / "a/loop").symlink_to("..")
    assert expand_glob(str(tmp_path), "**/a/" * 20 + "b") == []
