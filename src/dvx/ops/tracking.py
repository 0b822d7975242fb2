"""The Git side of a tracked path: its pointer, its `.gitignore` line, and staging both.

Owns the order: ignore line, then pointer, then staging. Must not touch data.
"""

import os
from collections.abc import Mapping, Sequence

from dvx.formats.pointer import Pointer
from dvx.ops.project import Project
from dvx.repo.gitignore import add_ignore, remove_ignore
from dvx.repo.pointers import TrackedPointer, write_pointer


def record_tracking(project: Project, pointers: Mapping[str, Pointer]) -> list[str]:
    """Write ignore lines and pointers for data paths and stage them; returns the files that Git sees changed."""
    changed: list[str] = []
    for path, pointer in pointers.items():
        ignore_file = add_ignore(project.repository, path)
        if ignore_file is not None:
            changed.append(ignore_file)
        pointer_path = path + ".dvx"
        write_pointer(project.repository, TrackedPointer(path, pointer_path, pointer))
        changed.append(pointer_path)
    stage(project, list(dict.fromkeys(changed)))
    return changed


def forget_tracking(project: Project, paths: Sequence[str]) -> list[str]:
    """Remove the ignore lines of data paths and stage that; returns the files that Git sees changed."""
    changed = [name for path in paths if (name := remove_ignore(project.repository, path)) is not None]
    gone = [name for name in changed if not os.path.lexists(project.repository.absolute(name))]
    # `git add` fails for what neither Git nor the disk has.
    unknown = set(gone) - project.git.is_tracked(gone)
    stage(project, [name for name in dict.fromkeys(changed) if name not in unknown])
    return changed


def stage(project: Project, paths: Sequence[str]) -> None:
    """`git add` these files if `core.autostage` is on."""
    if paths and project.config.flag("core.autostage"):
        project.git.stage(paths)
