"""Whether a release can be made of a repository as it stands. Reads only."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from releases.version import VERSION, current_version


class ReleaseError(Exception):
    """A release that cannot be made; nothing was changed."""


def git(root: Path, *arguments: str) -> str:
    """Run Git in `root` and return what it prints. Raises ReleaseError with what Git says."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def changelog_entry(root: Path, version: str) -> str:
    """What CHANGELOG.md says of `version`, without its heading; empty where it says nothing."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)}(?: .*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def problems(root: Path, version: str, *, has_tag: bool) -> list[str]:
    """Everything that stands against a release; with `has_tag` it is made again from its tag."""
    if VERSION.fullmatch(version) is None:
        return [f"`{version}` is no version such as 1.2.3 or 1.2.3rc1"]
    found = [*_of_tree(root), *(_of_tag(root, version) if has_tag else _of_new(root, version))]
    if not changelog_entry(root, version):
        found.append(f"CHANGELOG.md has no entry: write one below `## {version}`")
    return found


def _of_tree(root: Path) -> Iterator[str]:
    if git(root, "status", "--porcelain"):
        yield "the work tree has changes: commit them, or put them away with `git stash -u`"


def _of_new(root: Path, version: str) -> Iterator[str]:
    if git(root, "tag", "--list", f"v{version}"):
        yield f"the tag v{version} exists: a released version never changes"
    elif "origin" in git(root, "remote").split() and _is_on_remote(root, version):
        yield f"the tag v{version} exists on the remote `origin`: a released version never changes"
    if not git(root, "branch", "--show-current"):
        yield "HEAD is on no branch: switch to the one that is released"


def _is_on_remote(root: Path, version: str) -> bool:
    return bool(git(root, "ls-remote", "--tags", "origin", f"refs/tags/v{version}"))


def _of_tag(root: Path, version: str) -> Iterator[str]:
    if not git(root, "tag", "--list", f"v{version}"):
        yield f"there is no tag v{version}"
    elif git(root, "rev-parse", f"v{version}^{{commit}}") != git(root, "rev-parse", "HEAD"):
        yield f"HEAD is not the commit of v{version}: `git checkout v{version}`"
    if current_version(root) != version:
        yield f"the code says that it is version {current_version(root)}"
