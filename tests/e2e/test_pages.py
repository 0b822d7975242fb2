"""Every page does what it says: its commands are run as a reader would, and print what the page shows.

How a page is marked up is in scripts/pages/blocks.py; `scripts/update-pages` writes into the pages what is printed now.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from pages.blocks import parse_page
from pages.judge import complaints
from pages.run import find_bash, run_page
from pages.tree import ROOT, executed_pages

PAGES = executed_pages()
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^<!-- .*?-->$", re.MULTILINE | re.DOTALL)
# Lines of code by indentation: they stand behind a blank line.
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n\n?)+", re.MULTILINE)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


class _Lenient(yaml.SafeLoader):
    """YAML with the tags of services, such as `!reference` of GitLab."""


_Lenient.add_multi_constructor("!", lambda loader, tag, node: tag)


@pytest.mark.skipif(find_bash() is None, reason="pages are written for a POSIX shell")
@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_page_runs_as_written_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    page = parse_page(path.read_text(encoding="utf-8"))
    found = list(complaints(page, run_page(page, tmp_path / "page")))
    assert found == [], "\n" + "\n".join(found)


def test_all_pages_for_users_are_executed() -> None:
    names = {_name(path) for path in PAGES}
    assert names >= {"README.md", *(_name(path) for path in (ROOT / "docs").rglob("*.md"))}


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_block_is_executed_or_says_why_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rest = _COMMENT.sub("", text)
    expected = len(_BLOCK.findall(rest)) + len(_INDENTED.findall(_BLOCK.sub("", rest)))
    blocks = [block for block in parse_page(text).blocks if block.kind != "setup"]
    assert len(blocks) == expected
    for block in blocks:
        assert block.commands or block.content or len(block.argument) > 8, f"line {block.line + 1}"


def test_most_blocks_with_commands_are_executed() -> None:
    pages = [parse_page(path.read_text(encoding="utf-8")) for path in PAGES]
    blocks = [block for page in pages for block in page.blocks]
    assert sum(len(block.commands) for block in blocks if block.kind in ("commands", "session")) > 150


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_files_in_pages_are_well_formed(path: Path) -> None:
    readers = {"yaml": lambda text: yaml.load(text, _Lenient), "toml": tomllib.loads, "json": json.loads}
    for language, content in _BLOCK.findall(path.read_text(encoding="utf-8")):
        if language in readers:
            assert readers[language](content)
