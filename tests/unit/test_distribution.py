"""What is installed is ours: the name of the distribution, its commands, and every text that says how to install it.

`dvx` in the package index is another project. A message, a page or a template that named it would put foreign code on
the machines of people, and into continuous integration with credentials for their data.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages.tree import ROOT, project_files
from releases.version import named_versions

from dvx import __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The bare name, not `git-dvx`, `dvx.whl`, `./dvx` or `OWNER/dvx`.
_NAME = r"(?<![\w/.@-])dvx(?![\w/-]|\.\w)"
_INSTALLER = r"\b(?:pip3? install|pipx (?:install|run)|uvx|uv (?:tool install|pip install|add|run --with)|poetry add)\b"
_FOREIGN = re.compile(
    rf"{_INSTALLER}[^\n`#&|;(]*?{_NAME}"
    rf"|{_NAME} *(?:\[[a-z, ]+\])? *(?:[=~!<>]=) *\d|{_NAME}\[[a-z, ]+\]"
)


def _texts() -> Iterator[tuple[str, str]]:
    """Every text of the project but this one."""
    for path in project_files():
        if path != Path(__file__):
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # golden vectors are bytes


def _foreign_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if _FOREIGN.search(line)]


def test_distribution_is_git_dvx_with_both_commands() -> None:
    assert PROJECT["name"] == "git-dvx"
    assert PROJECT["scripts"] == dict.fromkeys(("dvx", "git-dvx"), "dvx.cli.main:main")


def test_no_text_says_to_install_the_other_project() -> None:
    found = [f"{name}: {line}" for name, text in _texts() for line in _foreign_lines(text)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install dvx",
        "pip install --upgrade dvx",
        "python -m pip install 'dvx[plot]'",
        "pipx install dvx",
        "uv tool install dvx",
        "uvx dvx pull",
        "requirement=dvx==0.1.0",
        "additional_dependencies: ['dvx[plot]']",
    ],
)
def test_search_finds_the_other_project_however_it_is_named(line: str) -> None:
    assert _foreign_lines(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "pip install 'git-dvx[plot]'",
        "pip install git-dvx==0.1.0 && dvx pull",
        "pip install git+https://example.com/tools/dvx.git@0123",
        "dvx hooks install",
        "pip install .    # dvx and its dependencies",
        "uses: OWNER/dvx@v0.1.0",
    ],
)
def test_search_leaves_ours_alone(line: str) -> None:
    assert _foreign_lines(line) == []


def test_pages_name_the_version_that_is_here() -> None:
    named = named_versions(ROOT)
    assert {version for found in named.values() for version in found} == {__version__}
    assert named.keys() >= {"docs/how-to/github-actions.md", "docs/how-to/pre-commit.md"}
