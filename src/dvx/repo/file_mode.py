"""Whether Git was told that the disk keeps no executable bits (`core.fileMode = false`).

Owns reading that one setting. Every status asks: the files that `git init` and `git clone` write it to are read here,
and Git is asked only where they do not tell.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from dvx.core.errors import GitError
from dvx.repo.git import Git

_MAX_CONFIG_BYTES: Final = 1024 * 1024
_WORDS: Final = {"true": False, "yes": False, "on": False, "1": False} | dict.fromkeys(
    ("false", "no", "off", "0"), True
)
_SECTION: Final = re.compile(r"\s*\[([^\]]*)\]\s*(.*)", re.DOTALL)
_SETTING: Final = re.compile(r'filemode\s*(?:=\s*"?([a-z0-9]+)"?)?\s*(?:[#;].*)?')
# `git -c` and the variables that do the same.
_OVERRIDES: Final = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_CONFIG")


def ignores_file_mode(git: Git, git_dir: str, common_dir: str, *, env: Mapping[str, str]) -> bool:
    """Whether executable bits of the disk mean nothing to Git in this work tree."""
    found = None if any(name in env for name in _OVERRIDES) else _from_files(git_dir, common_dir)
    return _from_git(git) if found is None else found


def _from_files(git_dir: str, common_dir: str) -> bool | None:
    """The answer of the repository's own files, which other files cannot change; None where they leave it open."""
    shared = _lines(os.path.join(common_dir, "config"))
    lines = [*shared]
    if any("worktreeconfig" in line for line in shared):
        lines += _lines(os.path.join(git_dir, "config.worktree"))
    if any("include" in line or line.endswith("\\") for line in lines):
        return None
    return _last_value(lines)


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_CONFIG_BYTES).decode("utf-8", "replace").lower().splitlines()
    except OSError:
        return []


def _last_value(lines: Sequence[str]) -> bool | None:
    """The last value of `core.filemode`; None where there is none, or one that only Git may judge."""
    section, is_ignored = "", None
    for line in lines:
        head = _SECTION.fullmatch(line)
        section, rest = (head[1].strip(), head[2]) if head else (section, line.strip())
        if section == "core" and rest.startswith("filemode"):
            setting = _SETTING.fullmatch(rest)
            is_ignored = _WORDS.get(setting[1] or "true") if setting else None
    return is_ignored


def _from_git(git: Git) -> bool:
    try:
        return git.answer(["config", "--type=bool", "--get", "core.fileMode"]).strip() == b"false"
    except GitError:
        return False  # no boolean: Git itself refuses to look at files then
