"""Temporary files, and folders in the making, that interrupted commands left in the workspace.

Owns their removal, which is safe only under the lock of the workspace: then nobody is still writing them.
"""

import os
from collections.abc import Iterable

from dvx.core.errors import DvxError
from dvx.disk.atomic import TEMPORARY_PREFIX, disk_errors
from dvx.ops.project import Project
from dvx.ops.trees import Tree


def remove_leftovers(project: Project, trees: Iterable[Tree]) -> int:
    """Remove what walks of these trees came across and what lies beside their pointers; returns the count.

    Call it with the lock of the workspace held. A leftover that cannot be removed is no reason to fail.
    """
    names: set[str] = set()
    for tree in trees:
        names.update(f"{tree.path}/{path}" for path in tree.leftovers if _is_temporary(path))
        names.update(_beside(project, tree.path.rpartition("/")[0]))
    if not names:
        return 0
    from dvx.disk.safe_writes import WorkspaceWriter  # 4 ms, and there is rarely anything to remove

    removed = 0
    with WorkspaceWriter(project.repository.root) as writer:
        for name in names:
            try:
                removed += writer.remove_leftover(name)
            except DvxError:
                continue
    return removed


def git_folders(trees: Iterable[Tree]) -> list[str]:
    """The `.git` that walks of these trees came across, and left out: repositories inside of the data."""
    return sorted(
        {f"{tree.path}/{path}" for tree in trees for path in tree.leftovers if not _is_temporary(path)}
    )


def _is_temporary(path: str) -> bool:
    return path.rpartition("/")[2].startswith(TEMPORARY_PREFIX)


def _beside(project: Project, folder: str) -> list[str]:
    absolute = project.repository.absolute(folder) if folder else project.repository.root
    try:
        with disk_errors(folder, "list"), os.scandir(absolute) as found:
            names = [entry.name for entry in found if entry.name.startswith(TEMPORARY_PREFIX)]
    except DvxError:
        return []
    return [f"{folder}/{name}" if folder else name for name in names]
