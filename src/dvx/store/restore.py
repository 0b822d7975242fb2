"""Writing files of a root into the workspace, straight from any store.

Owns the pipeline: windows are read, decoded, checked and written by workers; files larger than a window are
written piecewise into a temporary file and checked as a whole before they get their name. Nothing appears under
a final name unless its content id was right. Must not decide what may be overwritten.
"""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dvx.chunking.parts import Buffer
from dvx.core.errors import DvxError, FormatError, PathRefused
from dvx.core.ids import EMPTY_ID, Hasher, hash_bytes
from dvx.core.memory import keep_freed_memory
from dvx.core.progress import Reporter
from dvx.core.shell_words import quote
from dvx.disk.atomic import disk_errors, write_all
from dvx.disk.reading import FileStat
from dvx.disk.safe_writes import NewFile, Temporary, WorkspaceWriter
from dvx.formats.placement import Run
from dvx.store.damage import DamagedPack, damaged_pack
from dvx.store.files_to_write import FileToWrite
from dvx.store.old_file import OldFile
from dvx.store.read_plan import Part, Wanted, Window, plan_windows, read_window
from dvx.store.runs import FAR_WINDOW_BYTES, MAX_FAR_WINDOWS, MAX_WINDOWS, WINDOW_BYTES
from dvx.store.store import Store


@dataclass(slots=True)
class _Large:
    """A file that spans windows."""

    file: FileToWrite
    descriptor: int
    temporary: Temporary
    hasher: Hasher = field(default_factory=Hasher)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write at a place in the temporary file, from any thread."""
        if hasattr(os, "pwrite"):
            while data:
                count = os.pwrite(self.descriptor, data, offset)
                offset, data = offset + count, data[count:]
            return
        with self.lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            write_all(self.descriptor, data)


# What became of a part: a piece of a large file, the status of a whole one, or None where something was kept.
_Written = list[Buffer] | FileStat | None


class _Task(NamedTuple):
    window: Window
    larges: dict[int, _Large]
    future: "Future[list[_Written]]"


_WINDOWS_PER_JOB: Final = 2


class Restorer:
    """Restores files of one root. Use from one thread, as a context manager."""

    def __init__(
        self,
        store: Store,
        runs: Sequence[Run],
        writer: WorkspaceWriter,
        *,
        root: str,
        inside: str,
        jobs: int,
        reporter: Reporter,
        old_files: Mapping[str, OldFile] | None = None,
    ) -> None:
        """`store` holds the packs of `runs`; files appear below `root`, the root of `writer`.

        `inside` is the tracked folder, which no symlink may lead out of; empty for a single file. `old_files` are
        earlier versions of files by path: what they share with the new ones is copied from there. Leaves malloc
        keeping freed memory.
        """
        keep_freed_memory()
        self._store = store
        self._runs = runs
        self._inside = inside
        self._writer = writer
        self._root = root
        self._reporter = reporter
        self._pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="dvx-restore")
        self._limit = min(_WINDOWS_PER_JOB * jobs, MAX_WINDOWS if store.backend.is_local else MAX_FAR_WINDOWS)
        self._tasks: deque[_Task] = deque()
        self._large: _Large | None = None
        self._old_files = dict(old_files or {})
        self._again: list[FileToWrite] = []
        self._is_second = False
        self._open_larges: dict[str, _Large] = {}

    def __enter__(self) -> "Restorer":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for large in self._open_larges.values():
            os.close(large.descriptor)
            self._writer.discard(large.temporary)
        self._open_larges = {}

    def restore(self, files: Iterable[FileToWrite]) -> Iterator[tuple[FileToWrite, FileStat]]:
        """Write all files, given in stream order, and yield each with its stat once it has its final name.

        Not those whose place something else took meanwhile: see WorkspaceWriter.kept.
        """
        yield from self._restore(files)
        if self._again:
            # Somebody wrote to the old versions, or bytes of a remote are wrong: read all from packs, and verify it.
            files, self._again, self._old_files, self._is_second = self._again, [], {}, True
            yield from self._restore(files)

    def _restore(self, files: Iterable[FileToWrite]) -> Iterator[tuple[FileToWrite, FileStat]]:
        # Windows end where folders do, so that workers seldom share one; not where each window is a request.
        at_folders = self._store.backend.is_local
        wanted = (
            Wanted(file, file.start, file.size, file.path.rpartition("/")[0] if at_folders else "")
            for file in files
        )
        window_bytes = WINDOW_BYTES if at_folders else FAR_WINDOW_BYTES
        for window in plan_windows(self._runs, self._store.pack_index, wanted, window_bytes=window_bytes):
            larges = self._prepare_larges(window)
            self._tasks.append(_Task(window, larges, self._pool.submit(self._work, window, larges)))
            while len(self._tasks) >= self._limit:
                yield from self._complete_oldest()
        while self._tasks:
            yield from self._complete_oldest()

    def _prepare_larges(self, window: Window) -> dict[int, _Large]:
        larges: dict[int, _Large] = {}
        for number, part in enumerate(window.parts):
            if part.is_whole:
                continue
            file = _file_of(part)
            if part.offset == 0:
                self._large = _Large(file, *self._writer.create_temporary(file.path))
                self._open_larges[file.path] = self._large
            assert self._large is not None
            larges[number] = self._large
        return larges

    def _work(self, window: Window, larges: dict[int, _Large]) -> list[_Written]:
        results: dict[int, _Written] = {}
        folders: dict[str, list[tuple[int, NewFile]]] = {}
        found = read_window(self._store, window, self._find_old, is_verified=self._is_verified(window))
        for number, (part, chunks) in enumerate(zip(window.parts, found, strict=True)):
            large = larges.get(number)
            if large is not None:
                self._write_part(large, part, chunks)
                results[number] = chunks
                continue
            file, data = _file_of(part), self._whole_content(part, chunks)
            if file.kind == "symlink":
                is_made = self._make_symlink(file, _link_target(file, bytes(data)))
                results[number] = stat_written(self._root, file) if is_made else None
                continue
            folder, _, name = file.path.rpartition("/")
            folders.setdefault(folder, []).append(
                (number, NewFile(name, data, file.kind == "executable", file.before))
            )
        for folder, files in folders.items():
            stats = self._writer.write_files(folder, [file for _, file in files])
            results.update((number, stat) for (number, _), stat in zip(files, stats, strict=True))
        return [results[number] for number in range(len(window.parts))]

    def _is_verified(self, window: Window) -> bool:
        """Whether chunks are compared with their ids as they are read.

        For the local store the ids of whole files are enough; for a remote those of large files, until one is wrong.
        """
        if self._store.keeps_what_is_read:
            return True
        return self._store.is_remote and (self._is_second or any(part.is_whole for part in window.parts))

    def _find_old(self, part: Part) -> OldFile | None:
        return None if part.is_whole else self._old_files.get(_file_of(part).path)

    def _whole_content(self, part: Part, chunks: list[Buffer]) -> Buffer:
        """The checked content of a file that is one part."""
        file = _file_of(part)
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._store.is_remote and len(part.chunks) == 1 and part.chunks[0][1].id == file.id:
            return data  # a remote's chunks are checked as they are read, and this one is the file
        if (hash_bytes(data) if data else EMPTY_ID) != file.id:
            raise self._wrong_content(file, part, chunks)
        return data

    def _make_symlink(self, file: FileToWrite, target: str) -> bool:
        try:
            return self._writer.make_symlink(file.path, target, inside=self._inside, before=file.before)
        except PathRefused as error:
            if error.kind != "unsafe-symlink":
                raise
            # dvx refuses such links when they are added, so this one was made by something else.
            raise FormatError(
                f"the data is not what dvx writes: {error.what}",
                affected=f"`{file.path}` was not written",
                hints=[
                    f"get the rest by name, or see who wrote its pointer: `git log -- {quote(self._inside + '.dvx')}`"
                ],
                kind=error.kind,
            ) from error

    def _write_part(self, large: _Large, part: Part, chunks: list[Buffer]) -> None:
        with disk_errors(large.file.path, "write"):
            # One call for all pieces of a window (pwritev) took three times the system time of a switch on ext4.
            offset = part.offset
            for chunk in chunks:
                large.write_at(offset, chunk)
                offset += len(chunk)

    def _complete_oldest(self) -> Iterator[tuple[FileToWrite, FileStat]]:
        task = self._tasks.popleft()
        results = task.future.result()
        whole = [
            _file_of(p).size
            for p, r in zip(task.window.parts, results, strict=True)
            if not isinstance(r, list)
        ]
        self._reporter.advance(size_bytes=sum(whole), files=len(whole))
        for number, (part, result) in enumerate(zip(task.window.parts, results, strict=True)):
            file = _file_of(part)
            if isinstance(result, list):
                large = task.larges[number]
                for chunk in result:
                    large.hasher.update(chunk)
                if part.is_last and self._is_worth_another_look(large):
                    self._discard_large(large)
                    self._again.append(file)
                    self._reporter.advance(size_bytes=part.plain_bytes - file.size)
                    continue
                if part.is_last:
                    self._reporter.advance(size_bytes=part.plain_bytes, files=1)
                    stat = self._commit_large(large)
                    if stat is not None:
                        yield file, stat
                    continue
                self._reporter.advance(size_bytes=part.plain_bytes)
            elif result is not None:
                yield file, result

    def _is_worth_another_look(self, large: _Large) -> bool:
        """Whether a large file has wrong content that did not come from verified chunks alone."""
        is_verified = self._store.keeps_what_is_read or self._is_second or not self._store.is_remote
        if is_verified and large.file.path not in self._old_files:
            return False
        return large.hasher.digest() != large.file.id

    def _discard_large(self, large: _Large) -> None:
        del self._open_larges[large.file.path]
        os.close(large.descriptor)
        self._writer.discard(large.temporary)

    def _commit_large(self, large: _Large) -> FileStat | None:
        file = large.file
        if large.hasher.digest() != file.id:
            raise self._find_damage(file)
        with disk_errors(file.path, "write"):
            os.close(large.descriptor)
        del self._open_larges[file.path]
        try:
            is_placed = self._writer.commit(
                large.temporary, file.path, executable=file.kind == "executable", before=file.before
            )
        except BaseException:
            self._writer.discard(large.temporary)
            raise
        return stat_written(self._root, file) if is_placed else None

    def _find_damage(self, file: FileToWrite) -> DvxError:
        """Read a large file once more to learn which pack is to blame; its chunks are not kept.

        Not from a remote: by now all of its chunks were compared with their ids, so none is.
        """
        wanted = [Wanted(file, file.start, file.size)] if not self._store.is_remote else []
        for window in plan_windows(self._runs, self._store.pack_index, wanted):
            for part, chunks in zip(
                window.parts, read_window(self._store, window, is_verified=False), strict=True
            ):
                error = self._wrong_content(file, part, chunks)
                if error.pack:
                    return error
        return self._wrong_content(file, Part(file, 0, is_last=True), [])

    def _wrong_content(self, file: FileToWrite, part: Part, chunks: list[Buffer]) -> DamagedPack:
        for (pack, entry), chunk in zip(part.chunks, chunks, strict=True):
            if hash_bytes(chunk) != entry.id:
                return damaged_pack(self._store, pack)
        return DamagedPack(
            f"the content of `{file.path}` in `{self._store.location}` does not match its id",
            affected=f"`{file.path}` was not written; what was in the workspace is unchanged",
            hints=["push the data again from a clone that has it: `dvx push`"],
        )


def _file_of(part: Part) -> FileToWrite:
    file = part.token
    assert isinstance(file, FileToWrite)
    return file


def stat_written(root: str, file: FileToWrite) -> FileStat:
    """The stat of a file that was just given its name."""
    with disk_errors(file.path, "read"):
        found = os.lstat(os.path.join(root, file.path))
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _link_target(file: FileToWrite, data: bytes) -> str:
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise PathRefused(
            f"the target of the symlink `{file.path}` is not UTF-8",
            affected="the symlink was not made",
            hints=["replace it in a clone where it exists, then `dvx add` and `dvx push`"],
        ) from error
