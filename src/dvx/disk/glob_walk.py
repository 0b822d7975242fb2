"""The files and folders that a glob matches, as a shell would list them.

Owns the walk: each folder is listed once for each part of the pattern, whatever its stars, and no symbolic link is
followed by `**`. Must not know what is tracked.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from dvx.core.globs import glob_expression


def expand_glob(root: str, pattern: str) -> list[str]:
    """Return the paths below `root` that match, relative to it, with `/`, sorted.

    Hidden names need a dot in the pattern. Folders that cannot be read match nothing. Raises UsageError (kind
    `bad-pattern`).
    """
    found = {""}
    names = pattern.strip("/").split("/")
    if names[-1] == "**":
        names.append("*")  # at the end it stands for all that is below
    for name in names:
        if name == "**":
            found = {below for folder in found for below in _with_folders_below(root, folder)}
            continue
        matches = re.compile(glob_expression(name), re.DOTALL).fullmatch
        found = {
            _joined(folder, entry.name)
            for folder in found
            for entry in _entries(root, folder)
            if (entry.name == name or matches(entry.name)) and (name[:1] == "." or entry.name[:1] != ".")
        }
    return sorted(found - {""})


def _with_folders_below(root: str, top: str) -> Iterator[str]:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        yield folder
        waiting += [
            _joined(folder, entry.name)
            for entry in _entries(root, folder)
            if entry.name[:1] != "." and entry.is_dir(follow_symlinks=False)
        ]


def _entries(root: str, folder: str) -> "list[os.DirEntry[str]]":
    with suppress(OSError), os.scandir(os.path.join(root, folder)) as listing:
        return list(listing)
    return []


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
