"""A backend in a folder: a local disk, a mounted share, the local store.

Owns the mapping of keys to paths (`<root>/<key>`) and the translation of OSError. Must not follow a key out
of its root.
"""

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dvx.backends.backend import (
    MAX_KEY_CHARACTERS,
    TEMPORARY_PREFIX,
    ObjectStat,
    already_exists,
    check_key,
    check_prefix,
    check_range,
    is_key,
    not_found,
    short_read,
    too_large,
    wrong_size,
)
from dvx.backends.open_files import OpenFile, OpenFiles, open_regular, read_at
from dvx.core.errors import LocalDiskError
from dvx.core.progress import ByteListener, counting
from dvx.disk.atomic import disk_errors, printable

if TYPE_CHECKING:
    from dvx.backends.folder_writes import FolderWriter

# 1 MiB: the calls cost nothing beside the copying, and the buffer stays in the cache of the core.
_COPY_BYTES: Final = 1024 * 1024


class FolderBackend:
    """A Backend whose objects are files below `root`.

    The folder is made by the first write, with those above it only if it `makes_parents`; before that it is as good
    as empty. Files appear under their key
    only when they are complete and, with `durable`, on disk. Unfinished files are in `<root>/tmp`, where
    those older than two days (by the clock of the file system) are removed before the first write.

    Descriptors of files that were read stay open, so an object that another process replaced may be read
    with its old content; keys are written once, so this does not happen to packs, pages and records.
    """

    def __init__(self, root: str, *, durable: bool = True, makes_parents: bool = True) -> None:
        self.location = root
        self.is_local = True
        self._root = os.path.abspath(root)
        self._durable, self._makes_parents = durable, makes_parents
        self._lock = threading.Lock()
        self._made_writer: FolderWriter | None = None
        self._files = OpenFiles()

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data`; see Backend.put."""
        final = self._path(key)
        with self._writing(key):
            self._writer.write(final, data, if_absent=if_absent)
        self._files.forget(final)

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Store a file, moved when `consume` and on the same file system; see Backend.put_file."""
        final = self._path(key)
        with self._writing(key), counting(on_bytes, size=os.path.getsize(path) if on_bytes else 0) as passed:
            if consume:
                self._writer.move(final, path)
            else:
                self._writer.copy(final, path, on_bytes=passed.add)
        self._files.forget(final)

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Return the whole object; see Backend.get."""
        path = self._path(key)
        with self._reading(key, path):
            file = open_regular(path)
            try:
                if file.size > max_bytes:
                    raise too_large(key, size=file.size, max_bytes=max_bytes)
                return read_at(file, offset=0, length=file.size)
            finally:
                os.close(file.fd)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly the range; see Backend.get_range."""
        check_range(key, offset=offset, length=length)
        path = self._path(key)
        with self._reading(key, path), self._files.use(path) as file:
            return _read_exactly(key, file, offset=offset, length=length)

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size; see Backend.get_tail."""
        check_range(key, offset=0, length=length)
        path = self._path(key)
        with self._reading(key, path), self._files.use(path) as file:
            wanted = min(length, file.size)
            return _read_exactly(key, file, offset=file.size - wanted, length=wanted), file.size

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Copy the object to `path`; see Backend.download."""
        source = self._path(key)
        with self._reading(key, source):
            found = os.stat(source).st_size
            if found != size:
                raise wrong_size(key, size=found, expected=size)
        from dvx.disk.links import copy_file  # 0.7 ms, only for a copy of a whole pack

        with counting(on_bytes, size=size) as passed:
            copied = copy_file(source, path, on_bytes=passed.add)
            if copied != size:
                os.unlink(path)
                raise wrong_size(key, size=copied, expected=size)

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Copy a range to its place in a file; see Backend.download_range."""
        with (
            counting(on_bytes, size=length) as passed,
            disk_errors(path, "write"),
            open(path, "r+b") as file,
        ):
            file.seek(offset)
            for start in range(offset, offset + length, _COPY_BYTES):
                file.write(self.get_range(key, start, min(_COPY_BYTES, offset + length - start)))
                passed.reach(min(start + _COPY_BYTES - offset, length))

    def local_path(self, key: str) -> str | None:
        """Return the path of the object's file; see Backend.local_path."""
        return self._path(key)

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None; see Backend.stat."""
        path = self._path(key)
        try:
            with disk_errors(path, "read"), _absence_passes():
                status = os.stat(path)
        except _AbsentError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return ObjectStat(key, status.st_size, status.st_mtime)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """Yield objects by key; see Backend.list. Foreign files, whose names are no keys, are passed over."""
        check_prefix(prefix)
        folder_key = prefix[: prefix.rfind("/") + 1]
        return self._walk(folder_key, prefix=prefix, start_after=start_after)

    def delete(self, key: str) -> None:
        """Remove the object if there is one; its folder stays. See Backend.delete."""
        path = self._path(key)
        with disk_errors(path, "remove"), suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
        self._files.forget(path)

    def close(self) -> None:
        """Close the files that were kept open for reading."""
        self._files.close()

    @property
    def _writer(self) -> "FolderWriter":
        from dvx.backends.folder_writes import FolderWriter  # 1.7 ms that what only reads does without

        with self._lock:
            if self._made_writer is None:
                self._made_writer = FolderWriter(
                    self._root, durable=self._durable, makes_parents=self._makes_parents
                )
            return self._made_writer

    def _path(self, key: str) -> str:
        check_key(key)
        return os.path.join(self._root, *key.split("/"))

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        from dvx.backends.folder_writes import NoParentError  # see _writer

        try:
            with disk_errors(self._root, "write to"):
                try:
                    yield
                except FileExistsError as error:
                    raise already_exists(key, self.location) from error
                except NoParentError as error:
                    raise _no_parent(self._root) from error
        except LocalDiskError as error:
            error.affected = f"the object `{key}` does not count as stored in {self.location}"
            raise

    @contextmanager
    def _reading(self, key: str, path: str) -> Iterator[None]:
        try:
            with disk_errors(path, "read"), _absence_passes():
                yield
        except _AbsentError as error:
            raise not_found(key, self.location) from error

    def _walk(self, folder_key: str, *, prefix: str, start_after: str) -> Iterator[ObjectStat]:
        for name, entry in self._entries(folder_key):
            key = folder_key + name
            if name.endswith("/"):
                inside = key.startswith(prefix) or prefix.startswith(key)
                # Every key below starts with `key`, so all of them come before a later start.
                passed = key < start_after and not start_after.startswith(key)
                if inside and not passed and len(key) < MAX_KEY_CHARACTERS:
                    yield from self._walk(key, prefix=prefix, start_after=start_after)
            elif key.startswith(prefix) and key > start_after and is_key(key):
                found = _stat_entry(key, entry)
                if found is not None:
                    yield found

    def _entries(self, folder_key: str) -> Sequence[tuple[str, os.DirEntry[str]]]:
        """Return the names in a folder, sub folders with a `/`, in the order of the keys below them."""
        path = os.path.join(self._root, *folder_key.split("/"))
        found = []
        absent = suppress(FileNotFoundError, NotADirectoryError)
        with disk_errors(path, "read"), absent, os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir():
                    found.append((entry.name + "/", entry))
                elif entry.is_file():
                    found.append((entry.name, entry))
        if not folder_key:
            found = [item for item in found if item[0] != TEMPORARY_PREFIX]
        return sorted(found, key=lambda item: item[0])


def _no_parent(root: str) -> LocalDiskError:
    """The error for a folder that is not made, because it most likely is on a share that is not mounted."""
    from dvx.core.shell_words import quote_all  # only a refusal suggests a command

    parent = os.path.dirname(root)
    return LocalDiskError(
        f"`{printable(root)}` cannot be made: there is no folder `{printable(parent)}`",
        hints=[
            "if it is on a share or another disk, mount that, then run the command again",
            f"else make it: `mkdir -p {quote_all([printable(parent)])}`",
            "or correct the address: `dvx remote list` shows it",
        ],
        kind="no-parent-folder",
    )


class _AbsentError(Exception):
    """A name that is not there, on its way out past the translation of other disk errors."""


@contextmanager
def _absence_passes() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _AbsentError from error


def _stat_entry(key: str, entry: os.DirEntry[str]) -> ObjectStat | None:
    with disk_errors(entry.path, "read"), suppress(FileNotFoundError):
        status = entry.stat()
        return ObjectStat(key, status.st_size, status.st_mtime)
    return None


def _read_exactly(key: str, file: OpenFile, *, offset: int, length: int) -> bytes:
    # Checked before reading: `length` may come from a damaged index and would be allocated.
    if offset + length > file.size:
        raise short_read(key, offset=offset, length=length, size=file.size)
    data = read_at(file, offset=offset, length=length)
    if len(data) != length:
        raise short_read(key, offset=offset, length=length, size=offset + len(data))
    return data
