"""Where the version of dvx is written, and writing it anew.

Owns the places: the module, and the pages and templates that name a version or a tag.
"""

import re
from pathlib import Path
from typing import Final

from pages.tree import project_files

# A release, or a candidate for one.
VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:rc\d+)?")
_MODULE: Final = "src/dvx/__init__.py"
_IN_MODULE: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
# How pages and templates name one: a requirement, the file of a wheel, or the tag of this repository.
_IN_PAGES: Final = re.compile(rf"(git-dvx==|git_dvx-|/dvx@v|\b(?:rev|ref): v)({VERSION.pattern})")
_PAGES: Final = frozenset({".md", ".yml", ".yaml"})


def current_version(root: Path) -> str:
    """The version of the checkout at `root`."""
    found = _IN_MODULE.search((root / _MODULE).read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def named_versions(root: Path) -> dict[str, set[str]]:
    """The versions that pages and templates name, by file; those of the changelog are history."""
    named = {path: _IN_PAGES.findall(path.read_text(encoding="utf-8")) for path in _pages(root)}
    return {
        path.relative_to(root).as_posix(): {version for _, version in found}
        for path, found in named.items()
        if found
    }


def set_version(root: Path, version: str) -> list[str]:
    """Write `version` wherever one is named; returns the files that changed."""
    module = root / _MODULE
    changed = [module] if _replace(module, _IN_MODULE, f'__version__ = "{version}"') else []
    changed += [path for path in _pages(root) if _replace(path, _IN_PAGES, rf"\g<1>{version}")]
    return [path.relative_to(root).as_posix() for path in changed]


def _pages(root: Path) -> list[Path]:
    files = (path for path in project_files(root) if path.suffix in _PAGES and path.name != "CHANGELOG.md")
    return sorted(path for path in files if (root / "tests") not in path.parents)


def _replace(path: Path, pattern: re.Pattern[str], text: str) -> bool:
    before = path.read_text(encoding="utf-8")
    after = pattern.sub(text, before)
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before
