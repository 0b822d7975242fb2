"""Writing into the workspace by paths that came from outside.

Owns files, symlinks and folders below one root: every file appears complete under its name or not at all,
and nothing is reached through a symbolic link. Must not decide what may be overwritten, and does not fsync:
a workspace file is never the only holder of its bytes.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Final, NamedTuple, Self

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.core.paths import check_stored_path
from dvx.disk.atomic import TEMPORARY_PREFIX, disk_errors, write_all
from dvx.disk.folders import HAS_DESCRIPTORS, Folder, FolderCache, open_real_folder
from dvx.disk.reading import FileStat
from dvx.disk.renames import ABSENT, CarefulRenames
from dvx.disk.symlinks import check_symlink_target

_NEW_FILE: Final = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)
# A folder in the making has a name of this form and holds files only.
_STAGED_FOLDER: Final = re.compile(re.escape(TEMPORARY_PREFIX) + "[0-9a-f]{16}-[0-9]+")
# Making and renaming a folder costs as much as three renames of files.
_MIN_STAGED_FILES: Final = 4
_IN_THE_WAY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Temporary:
    """A file that is not in place yet: its folder relative to the root, and its name there."""

    folder: str
    name: str


class NewFile(NamedTuple):
    """A file to write: its name in the folder, its whole content, whether it is executable, and what may have the
    name now (see CarefulRenames)."""

    name: str
    data: bytes | memoryview
    executable: bool
    before: FileStat | None = None


class WorkspaceWriter:
    """Writes below `root`. Thread safe. A context manager; `close` frees the open folders.

    Paths are relative to the root, with `/`, and must pass check_stored_path; folders above a path are made
    as needed. Methods raise PathRefused for unsafe paths and symlinked parents and LocalDiskError for what
    the disk refuses. What is not as it was `before` is kept: its path goes to `kept`, and nothing is written there.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders = FolderCache(root)
        self._renames = CarefulRenames()
        self.kept: list[str] = []
        # A random part for each writer and a counter for each file: 0.5 microseconds less than os.urandom.
        self._stem = TEMPORARY_PREFIX + os.urandom(8).hex()
        self._numbers = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the open folders. The writer stays usable."""
        self._folders.forget()

    def make_folders(self, rel_dir: str) -> None:
        """Make a folder and those above it; one that is there already is fine."""
        if not rel_dir:
            return
        check_stored_path(rel_dir)
        with disk_errors(self._shown(rel_dir), "create"):
            self._folder(rel_dir)

    def create_temporary(self, rel_path: str) -> tuple[int, Temporary]:
        """Open a new temporary file in the folder of `rel_path`, for reading and writing.

        The caller closes the descriptor, then calls `commit` or `discard`.
        """
        check_stored_path(rel_path)
        temporary = Temporary(rel_path.rpartition("/")[0], self._temporary_name())
        with disk_errors(self._shown(rel_path), "write"):
            folder = self._folder(temporary.folder)
            # 0o777 less the umask: commit takes the executable bits away, and so needs not know the umask.
            return _open_new(folder, temporary.name, 0o777), temporary

    def commit(
        self, temporary: Temporary, rel_path: str, *, executable: bool, before: FileStat | None = None
    ) -> bool:
        """Give a closed temporary file its name, over a file or symlink that has it and is as it was `before`.

        The mode becomes 0o666 or 0o777 less the umask; nothing of the replaced file is kept. A failure leaves
        both as they were; so does False, which says that something else is there now.
        """
        check_stored_path(rel_path)
        with disk_errors(self._shown(rel_path), "write"):
            source = self._folder(temporary.folder)
            if not executable:
                name = source.prefix + temporary.name
                mode = os.stat(name, dir_fd=source.descriptor, follow_symlinks=False).st_mode
                _change_mode(source, temporary.name, mode & 0o666)
            parent, _, final = rel_path.rpartition("/")
            target = self._folder(parent)
            is_placed = self._renames.place(source, temporary.name, target, final, before=before)
        if not is_placed:
            self.kept.append(rel_path)
            self.discard(temporary)
        return is_placed

    def discard(self, temporary: Temporary) -> None:
        """Remove a temporary file; fine when it is gone."""
        with disk_errors(self._shown(temporary.folder), "clean up"), suppress(FileNotFoundError):
            folder = self._folders.get(temporary.folder, create=False)
            _unlink(folder, temporary.name)

    def write_files(self, rel_dir: str, files: Sequence[NewFile]) -> list[FileStat | None]:
        """Write some files of one folder and return their status, in order; None for what was kept.

        A folder that is not there yet appears with all of them at once: made under a temporary name, it needs
        no temporary name for each file. In a folder that is there, each file is written under a temporary name
        and renamed, as create_temporary and commit would do it. A failure leaves of a new folder nothing, and of
        the files of an old one some.
        """
        for file in files:
            check_stored_path(f"{rel_dir}/{file.name}" if rel_dir else file.name)
        if len(files) >= _MIN_STAGED_FILES and self._is_missing(rel_dir):
            return self._write_folder(rel_dir, files)
        stats: list[FileStat | None] = []
        for file in files:
            with disk_errors(self._shown(f"{rel_dir}/{file.name}" if rel_dir else file.name), "write"):
                stats.append(self._write_one(rel_dir, file))
        return stats

    def _write_one(self, parent: str, file: NewFile) -> FileStat | None:
        name = self._temporary_name()
        mode = 0o777 if file.executable else 0o666
        try:
            folder = self._folders.get(parent, create=True)
            descriptor = _open_new(folder, name, mode)
        except FileNotFoundError:
            folder = self._folder_again(parent)
            descriptor = _open_new(folder, name, mode)
        with _removed_on_failure(folder, name):
            try:
                write_all(descriptor, file.data)
            finally:
                os.close(descriptor)
            if not self._renames.place(folder, name, folder, file.name, before=file.before):
                self.kept.append(f"{parent}/{file.name}" if parent else file.name)
                _unlink(folder, name)
                return None
        return _status(folder, file.name)

    def _is_missing(self, rel_dir: str) -> bool:
        """Whether a folder can be made under another name first; never where paths are not held open."""
        if not HAS_DESCRIPTORS or not rel_dir:
            return False
        try:
            with disk_errors(self._shown(rel_dir), "write"):
                folder = self._folders.get(rel_dir, create=False)
        except LocalDiskError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return True
            raise
        return folder.descriptor is None

    def _write_folder(self, rel_dir: str, files: Sequence[NewFile]) -> list[FileStat | None]:
        parent, _, final = rel_dir.rpartition("/")
        name = self._temporary_name()
        with disk_errors(self._shown(rel_dir), "write"):
            above = self._folder(parent)
            os.mkdir(above.prefix + name, dir_fd=above.descriptor)
            try:
                staged = open_real_folder(above, name)
                stats: list[FileStat | None] = [_write_new(staged, file) for file in files]
                try:
                    _rename(above, name, above, final)
                except OSError as error:
                    if error.errno not in _IN_THE_WAY:
                        raise
                    # Somebody made the folder meanwhile: the files move into it one by one.
                    stats = self._move_files(staged, rel_dir, files)
                    os.rmdir(above.prefix + name, dir_fd=above.descriptor)
            except BaseException:
                with suppress(OSError):
                    _remove_flat_folder(above, name)
                raise
        return stats

    def _move_files(self, staged: Folder, rel_dir: str, files: Sequence[NewFile]) -> list[FileStat | None]:
        folder = self._folder_again(rel_dir)
        stats: list[FileStat | None] = []
        for file in files:
            # The folder was not there when the files were planned: whatever is in it is somebody's.
            before = None if file.before is None else ABSENT
            if self._renames.place(staged, file.name, folder, file.name, before=before):
                stats.append(_status(folder, file.name))
            else:
                _unlink(staged, file.name)
                self.kept.append(f"{rel_dir}/{file.name}")
                stats.append(None)
        return stats

    def make_symlink(
        self, rel_path: str, target: str, *, inside: str = "", before: FileStat | None = None
    ) -> bool:
        """Make `rel_path` a symlink to `target`, over a file or symlink that has the name and is as `before`.

        `inside` is the tracked folder, relative to the root, which the target must not leave (see
        check_symlink_target). False means that something else has the name. Raises PathRefused.
        """
        check_stored_path(rel_path)
        if inside and not rel_path.startswith(inside + "/"):
            raise ValueError(f"{rel_path!r} is not inside {inside!r}")
        check_symlink_target(rel_path[len(inside) + 1 :] if inside else rel_path, target)
        parent, _, final = rel_path.rpartition("/")
        name = self._temporary_name()
        with disk_errors(self._shown(rel_path), "link"):
            folder = self._folder(parent)
            with _removed_on_failure(folder, name):
                os.symlink(target, folder.prefix + name, dir_fd=folder.descriptor)
                if self._renames.place(folder, name, folder, final, before=before):
                    return True
                _unlink(folder, name)
        self.kept.append(rel_path)
        return False

    def remove(self, rel_path: str, *, before: FileStat | None = None) -> bool:
        """Remove a file or symlink that is as it was `before`; False when there is none, or it is kept.

        A directory raises LocalDiskError.
        """
        check_stored_path(rel_path)
        parent, _, final = rel_path.rpartition("/")
        with disk_errors(self._shown(rel_path), "remove"):
            try:
                folder = self._folders.get(parent, create=False)
                if self._renames.take_away(folder, final, self._temporary_name(), before=before):
                    return True
            except FileNotFoundError:
                return False
        self.kept.append(rel_path)
        return False

    def remove_leftover(self, rel_path: str) -> bool:
        """Remove what an interrupted writer left: a temporary file, or a folder in the making with its files.

        False when there is nothing. A folder of another form, or with a folder inside, raises LocalDiskError.
        """
        check_stored_path(rel_path)
        parent, _, name = rel_path.rpartition("/")
        with disk_errors(self._shown(rel_path), "remove"):
            try:
                above = self._folders.get(parent, create=False)
                found = os.stat(above.prefix + name, dir_fd=above.descriptor, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode) and _STAGED_FOLDER.fullmatch(name):
                    _remove_flat_folder(above, name)
                else:
                    _unlink(above, name)
            except FileNotFoundError:
                return False
        return True

    def remove_empty_folders(self, rel_dir: str) -> None:
        """Remove `rel_dir` and then each folder above it that is empty; never the root."""
        if rel_dir:
            check_stored_path(rel_dir)
        while rel_dir:
            parent, _, name = rel_dir.rpartition("/")
            if not self._remove_if_empty(parent, name):
                return
            rel_dir = parent

    def _remove_if_empty(self, parent: str, name: str) -> bool:
        """Remove a folder; False when it is in use or not a folder; True also when it was not there."""
        self._folders.forget()
        try:
            folder = self._folders.get(parent, create=False)
            os.rmdir(folder.prefix + name, dir_fd=folder.descriptor)
        except FileNotFoundError:
            return True
        except (OSError, LocalDiskError, PathRefused):
            return False  # not empty, not a folder, behind a link, a mount point: all mean that it stays
        return True

    def _folder(self, relative: str) -> Folder:
        """Return a folder that is really there: an open one may have been removed by somebody else."""
        folder = self._folders.get(relative, create=True)
        if folder.descriptor is not None and os.fstat(folder.descriptor).st_nlink == 0:
            return self._folder_again(relative)
        return folder

    def _folder_again(self, relative: str) -> Folder:
        self._folders.forget()
        return self._folders.get(relative, create=True)

    def _temporary_name(self) -> str:
        return f"{self._stem}-{next(self._numbers)}"

    def _shown(self, relative: str) -> str:
        return f"{self._root}/{relative}"


@contextmanager
def _removed_on_failure(folder: Folder, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _unlink(folder, name)
        raise


def _write_new(folder: Folder, file: NewFile) -> FileStat:
    """Write a file under its own name into a folder that nobody else knows; the status is that of its last write."""
    descriptor = _open_new(folder, file.name, 0o777 if file.executable else 0o666)
    try:
        write_all(descriptor, file.data)
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _remove_flat_folder(above: Folder, name: str) -> None:
    """Remove a folder and the files in it; raises OSError where there is a folder inside."""
    folder = open_real_folder(above, name)
    for inner in os.listdir(folder.prefix if folder.descriptor is None else folder.descriptor):
        _unlink(folder, inner)
    os.rmdir(above.prefix + name, dir_fd=above.descriptor)


def _status(folder: Folder, name: str) -> FileStat:
    found = os.stat(folder.prefix + name, dir_fd=folder.descriptor, follow_symlinks=False)
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _open_new(folder: Folder, name: str, mode: int) -> int:
    return os.open(folder.prefix + name, _NEW_FILE, mode, dir_fd=folder.descriptor)


def _rename(source: Folder, name: str, target: Folder, final: str) -> None:
    os.replace(
        source.prefix + name,
        target.prefix + final,
        src_dir_fd=source.descriptor,
        dst_dir_fd=target.descriptor,
    )


def _unlink(folder: Folder, name: str) -> None:
    os.unlink(folder.prefix + name, dir_fd=folder.descriptor)


def _change_mode(folder: Folder, name: str, mode: int) -> None:
    if HAS_DESCRIPTORS:
        os.chmod(folder.prefix + name, mode, dir_fd=folder.descriptor)
