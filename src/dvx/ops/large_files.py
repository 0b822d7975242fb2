"""Large files that are about to be committed to Git, and the commands that give them to dvx instead.

Owns which files count as large: those of pre-commit-hooks' `check-added-large-files`, with the sizes that Git will
commit. Pointers never count. Must not change anything.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dvx.core.shell_words import quote_all
from dvx.repo.git import Git
from dvx.repo.pointer_paths import is_pointer_path
from dvx.repo.staged import added_paths, lfs_paths, staged_files, staged_sizes

DEFAULT_MAX_KB: Final = 500
_KB: Final = 1024
# Paths for one `git ls-files`; up to that many it is asked about them, beyond about everything.
_MOST_PATTERNS: Final = 200


@dataclass(frozen=True, slots=True)
class LargeFile:
    """A file above the limit; `size_kb` is rounded up. `is_staged` is false for a file that Git does not have."""

    path: str
    size_kb: int
    is_staged: bool = True


@dataclass(slots=True)
class LargeFilesReport:
    """What is too large, by path, and the commands that move it to dvx."""

    max_kb: int
    files: list[LargeFile] = field(default_factory=list)

    @property
    def commands(self) -> list[str]:
        """Shell lines: one for files in the staging area, one for those that Git does not have yet."""
        staged = quote_all(file.path for file in self.files if file.is_staged)
        others = quote_all(file.path for file in self.files if not file.is_staged)
        lines = [f"git rm -q --cached -- {staged} && dvx add {staged}"] if staged else []
        return [*lines, f"dvx add {others}"] if others else lines


def find_large_files(
    git: Git, root: str, paths: Sequence[str], *, max_kb: int, enforce_all: bool
) -> LargeFilesReport:
    """Look at `paths` (relative to `root`, the top of the work tree), or at everything staged without paths.

    Only files that the next commit adds count, unless `enforce_all` is set. Files that git-lfs takes are passed over.
    """
    report = LargeFilesReport(max_kb)
    added = added_paths(git)
    wanted = set(paths) if paths else None
    if not enforce_all:
        wanted = added if wanted is None else wanted & added
    if wanted is not None and not wanted:
        return report
    large = {path: kb for path, kb in _sizes_kb(git, wanted).items() if kb > max_kb}
    unstaged = _unstaged_kb(git, root, wanted or (), max_kb) if enforce_all else {}
    skipped = lfs_paths(git, [*large, *unstaged])
    found = [LargeFile(path, kb) for path, kb in large.items()]
    found += [LargeFile(path, kb, is_staged=False) for path, kb in unstaged.items() if path not in large]
    report.files = sorted(
        (file for file in found if file.path not in skipped and not is_pointer_path(file.path)),
        key=lambda file: file.path,
    )
    return report


def _sizes_kb(git: Git, wanted: set[str] | None) -> dict[str, int]:
    patterns = sorted(wanted) if wanted is not None and len(wanted) <= _MOST_PATTERNS else []
    files = [
        file for file in staged_files(git, patterns, literal=True) if wanted is None or file.path in wanted
    ]
    return {path: _in_kb(size) for path, size in staged_sizes(git, files).items()}


def _unstaged_kb(git: Git, root: str, wanted: Sequence[str] | set[str], max_kb: int) -> dict[str, int]:
    """Sizes of files that were named and are not in the staging area."""
    if not wanted:
        return {}
    tracked = git.is_tracked(sorted(wanted))
    found = {}
    for path in sorted(set(wanted) - tracked):
        place = os.path.join(root, path)
        if os.path.isfile(place) and (size_kb := _in_kb(os.stat(place).st_size)) > max_kb:
            found[path] = size_kb
    return found


def _in_kb(size_bytes: int) -> int:
    return -(-size_bytes // _KB)
