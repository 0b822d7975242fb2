"""Every page does what it says: its commands are run as a reader would, and print what the page shows.

How a page is marked up is in scripts/pages/blocks.py; `scripts/update-pages` writes into the pages what is printed now.
"""

from pathlib import Path

import pytest
from pages.blocks import parse_page
from pages.judge import complaints
from pages.run import find_bash, run_page
from pages.tree import ROOT, executed_pages

PAGES = [path for path in executed_pages() if "tutorials" in path.parts]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.skipif(find_bash() is None, reason="pages are written for a POSIX shell")
@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_page_runs_as_written_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    page = parse_page(path.read_text(encoding="utf-8"))
    found = list(complaints(page, run_page(page, tmp_path / "page")))
    assert found == [], "\n" + "\n".join(found)
