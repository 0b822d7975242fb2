"""Files with the same content in one checkout: written once from the store, then copied.

Owns the copies, which share their extents where the file system can, and the check that a copy is right.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dvx.core.ids import Hasher
from dvx.disk.atomic import disk_errors
from dvx.disk.links import copy_content
from dvx.disk.reading import FileStat
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.store.files_to_write import FileToWrite
from dvx.store.restore import stat_written

# Below this a copy costs as much as reading the chunks again.
MIN_COPY_BYTES: Final = 1024 * 1024
_BLOCK_BYTES: Final = 1024 * 1024


def find_duplicates(files: Iterable[FileToWrite]) -> list[tuple[FileToWrite, str]]:
    """The files to copy, each with the path to copy, which is the first file with that content.

    Smaller files than MIN_COPY_BYTES may be left out of `files`.
    """
    first: dict[bytes, str] = {}
    return [
        (file, first[file.id])
        for file in files
        if file.size >= MIN_COPY_BYTES and first.setdefault(file.id, file.path) != file.path
    ]


def write_copies(
    writer: WorkspaceWriter, root: str, copies: Sequence[tuple[FileToWrite, str]]
) -> Iterator[tuple[FileToWrite, FileStat | None]]:
    """Copy within the workspace below `root` and yield each file with its stat once it has its name.

    Where the original changed meanwhile the file is not written, and None takes the place of the stat. A file whose
    place something else took is not yielded: see WorkspaceWriter.kept.
    """
    for file, original in copies:
        before = len(writer.kept)
        is_right = _write_copy(writer, root, file, original)
        if len(writer.kept) == before:
            yield file, stat_written(root, file) if is_right else None


def _write_copy(writer: WorkspaceWriter, root: str, file: FileToWrite, original: str) -> bool:
    with disk_errors(original, "read"):
        source = os.open(os.path.join(root, original), os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        target, temporary = writer.create_temporary(file.path)
        try:
            try:
                with disk_errors(file.path, "write"):
                    copy_content(source, target)
                    is_right = _hash(target) == file.id
            finally:
                os.close(target)
            if is_right:
                is_executable = file.kind == "executable"
                writer.commit(temporary, file.path, executable=is_executable, before=file.before)
            else:
                writer.discard(temporary)
        except BaseException:
            writer.discard(temporary)
            raise
    finally:
        os.close(source)
    return is_right


def _hash(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    hasher = Hasher()
    while block := os.read(descriptor, _BLOCK_BYTES):
        hasher.update(block)
    return hasher.digest()
