"""Earlier versions of large files, as they lie in the workspace, for checkouts to copy unchanged parts from.

Owns the search for the record of what is in the workspace. Must not promise anything: a version that is not
found, or not as it was when it was hashed, is left out.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from dvx.core.errors import DvxError
from dvx.disk.reading import FileStat, Source, open_source, read_stat
from dvx.formats.manifest_reader import find_entries
from dvx.formats.placement import Run
from dvx.ops.parts import last_root
from dvx.ops.project import Project
from dvx.ops.trees import Tree
from dvx.store.files_to_write import FileToWrite
from dvx.store.old_file import OLD_FILE_FROM_BYTES, OldFile, runs_of_file


@contextmanager
def open_old_files(
    project: Project, tree: Tree, files: Iterable[FileToWrite]
) -> Iterator[dict[str, OldFile]]:
    """Open the unmodified earlier versions of large files, by path, for the length of the context."""
    found: dict[str, OldFile] = {}
    with ExitStack() as stack:
        for file in files if hasattr(os, "pread") else ():
            if file.size >= OLD_FILE_FROM_BYTES and (old := _open_old_file(project, tree, file)) is not None:
                stack.callback(old.close)
                found[file.path] = old
        yield found


def _open_old_file(project: Project, tree: Tree, file: FileToWrite) -> OldFile | None:
    row = project.stat_cache.lookup(file.path)
    if row is None or row.size < OLD_FILE_FROM_BYTES:
        return None
    source = Source(os.path.join(project.repository.root, file.path), file.path, row.size)
    try:
        runs = _find_runs(project, tree, file.path, row.id)
        if not runs:
            return None
        descriptor = open_source(source)
    except DvxError:
        return None
    try:
        if read_stat(descriptor, source) == FileStat(row.size, row.mtime_ns, row.ctime_ns, row.inode):
            return OldFile(descriptor, runs, project.local.pack_index)
    except DvxError:
        pass
    os.close(descriptor)
    return None


def _find_runs(project: Project, tree: Tree, path: str, content_id: bytes) -> list[Run]:
    """Runs of the local store that spell the content `content_id`, which the file at `path` had."""
    root, start, size = content_id, 0, -1
    if path != tree.path:
        known_root = last_root(project, tree.path)
        if known_root is None:
            return []
        root = known_root
        with project.local_pages() as pages:
            inside = path[len(tree.path) + 1 :]
            for offset, entry in find_entries(root, pages.for_root(root), inside):
                if entry.id == content_id:
                    start, size = offset, entry.size
        if size < 0:
            return []
    for placement in project.local.placements([root], jobs=project.jobs).get(root, []):
        length = placement.size if size < 0 else size
        return runs_of_file(placement.runs, project.local.pack_index, start, length)
    return []
