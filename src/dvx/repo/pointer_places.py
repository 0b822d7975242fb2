"""Whether a pointer may be written under its name: what has the name already is looked at first.

Owns the difference between a pointer, damaged or not, and somebody else's file. Must not write anything.
"""

import os
from typing import Final

from dvx.core.errors import FormatError, PathRefused, UnsupportedVersion
from dvx.core.shell_words import quote
from dvx.disk.atomic import disk_errors
from dvx.formats.pointer import parse_pointer
from dvx.repo.pointers import POINTER_SUFFIX, read_pointer_file
from dvx.repo.repository import Repository

# What the lines of a pointer start with. A file that has two of them is one that was damaged.
_POINTER_LINES: Final = (
    b"# dvx pointer",
    b"version = 1",
    b'kind = "',
    b'id = "blake3:',
    b"size = ",
    b"files = ",
)
_MIN_LINES: Final = 2


def check_pointer_place(repo: Repository, pointer_path: str, *, affected: str | None = None) -> None:
    """Raise PathRefused if the name of a pointer belongs to something that is none.

    A pointer that is damaged or has conflict markers may be replaced: its good versions are in Git. So may not: any
    other file (kind `not-a-pointer`), a link, a folder, and a file whose name differs in upper and lower case only,
    where the file system takes both for one.
    """
    try:
        data = read_pointer_file(repo, pointer_path)
    except PathRefused as error:
        error.affected = affected
        raise
    if data is None:
        return
    if not is_pointer_text(data):
        raise PathRefused(
            f"`{pointer_path}` is not a pointer, and its name is needed for one",
            affected=affected,
            hints=[f"give it another name: `mv {quote(pointer_path)} {quote(pointer_path + '.txt')}`"],
            kind="not-a-pointer",
        )
    twin = _name_on_disk(repo.absolute(pointer_path))
    if twin is not None:
        raise PathRefused(
            f"`{pointer_path}` and `{twin}` are one file here: the disk ignores upper and lower case",
            affected=affected,
            hints=["choose a name that differs in more than that"],
            kind="case-collision",
        )


def _name_on_disk(path: str) -> str | None:
    """The name that a file has, where that differs from the one it was found by in upper and lower case only.

    The folder, which may have thousands, is listed only where the disk ignores case: where `.DVX` is the same file.
    """
    folder, name = os.path.split(path)
    try:
        if not os.path.samefile(path, path.removesuffix(POINTER_SUFFIX) + POINTER_SUFFIX.upper()):
            return None
    except OSError:
        return None
    with disk_errors(folder, "list"):
        twins = [other for other in os.listdir(folder) if other.casefold() == name.casefold()]
    return twins[0] if twins and name not in twins else None


def is_pointer_text(data: bytes) -> bool:
    """Tell whether bytes are a pointer of any version, or what is left of one."""
    try:
        parse_pointer(data)
    except UnsupportedVersion:
        return True
    except FormatError:
        starts = {each for line in data.splitlines() for each in _POINTER_LINES if line.startswith(each)}
        return not data.strip() or len(starts) >= _MIN_LINES
    return True
