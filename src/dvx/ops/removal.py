"""Removing files of the workspace, with the folders that this empties.

Must not decide which ones.
"""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dvx.disk.safe_writes import WorkspaceWriter
from dvx.disk.walk import WalkEntry
from dvx.ops.content import state_before
from dvx.ops.project import Project


def delete_files(
    project: Project, files: Sequence[str], seen: Mapping[str, WalkEntry | None] = MappingProxyType({})
) -> list[str]:
    """Remove files and empty folders of the workspace (relative to its root), then the folders that this empties.

    Returns the files that are no longer as they were `seen`, and were kept.
    """
    folders: set[str] = set()
    with WorkspaceWriter(project.repository.root) as writer:
        for path in files:
            absolute = project.repository.absolute(path)
            if os.path.isdir(absolute) and not os.path.islink(absolute):
                folders.add(path)
            else:
                writer.remove(path, before=state_before(seen[path]) if path in seen else None)
                folders.add(path.rpartition("/")[0])
        for folder in sorted(folders, reverse=True):
            writer.remove_empty_folders(folder)
    return writer.kept
