"""Which commit of the code is in the work tree, for `[source]`.

Owns the mark for changed code. Must not look at data.
"""

import os
from collections.abc import Collection
from typing import Final

from dvx.ops.project import Project
from dvx.repo.pointers import is_pointer_path

# As `git describe --dirty` spells it.
DIRTY: Final = "-dirty"


def code_commit(project: Project, *, recorded: Collection[str] = ()) -> str:
    """The id of HEAD, with `-dirty` behind it where tracked files differ from it; "" before the first commit.

    Pointers, files of Git and dvx, and the `recorded` files, whose values are in the pointer, make no difference; nor
    do files that Git does not track.
    """
    head = project.git.head()
    if head is None:
        return ""
    command = [
        "--no-optional-locks",
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=no",
        "--no-renames",
    ]
    rows = project.git.run([*command, "--ignore-submodules=untracked"]).split(b"\0")
    changed = [os.fsdecode(row[3:]) for row in rows if row]
    is_dirty = any(not _is_apart(path) and path not in recorded for path in changed)
    return head + DIRTY if is_dirty else head


def _is_apart(path: str) -> bool:
    name = path.rpartition("/")[2]
    return is_pointer_path(path) or path.startswith(".dvx/") or name in (".gitignore", ".gitattributes")
