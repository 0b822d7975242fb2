"""Which files belong to this project. Owns the walk only; a copy without `.git` has the same files."""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = {"__pycache__", "build", "dist", "bench-results", "node_modules"}
_KEPT_DOT_FOLDERS = {".ci", ".github"}


def project_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the checkout at `root`, without what tools leave there."""
    for folder, children, names in os.walk(root):
        children[:] = [name for name in children if _is_ours(name)]
        # In a worktree of Git, `.git` is a file that names a folder elsewhere.
        yield from (Path(folder, name) for name in names if name != ".git")


def pages(root: Path = ROOT) -> list[Path]:
    """The Markdown files, sorted."""
    return sorted(path for path in project_files(root) if path.suffix == ".md")


def executed_pages(root: Path = ROOT) -> list[Path]:
    """The pages whose blocks are run: those for people who use dvx, and the README."""
    return [root / "README.md", *(path for path in pages(root) if (root / "docs") in path.parents)]


def _is_ours(folder: str) -> bool:
    if folder in _SKIPPED or folder.endswith(".egg-info"):
        return False
    return not folder.startswith(".") or folder in _KEPT_DOT_FOLDERS
