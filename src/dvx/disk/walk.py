"""Listing a directory tree in the order of a manifest, once and fast.

Owns the order (bytes of the UTF-8 path), what kinds of entries exist and which names are refused. Must not
read file contents, and never follows a symbolic link below the root.
"""

import os
import stat
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from dvx.core.errors import LocalDiskError, PathRefused, name_some
from dvx.core.paths import check_stored_path
from dvx.disk.atomic import TEMPORARY_PREFIX, disk_errors, local_disk_error, printable

EntryKind = Literal["file", "executable", "symlink", "directory"]
Ignore = Callable[[str, bool], bool]

# On Windows the executable bit is made up from the file extension, so it says nothing.
_EXECUTABLE_BIT: Final = stat.S_IXUSR if os.name != "nt" else 0
_SPECIAL_KINDS: Final = (
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class WalkEntry(NamedTuple):
    """One entry below the walked root. `path` is relative to it, with `/`; sizes in bytes, times in ns.

    The times and the inode are those of the link itself for a symlink. Only empty directories are entries.
    """

    path: str
    kind: EntryKind
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class _Listing:
    """The rest of one directory: `keys` in reverse order, each with its entry.

    A subdirectory is there twice: as `name`, where it is listed and reported if it is empty, and as `name/`,
    where its entries belong (`a.b` sorts between `a` and `a/`).
    """

    __slots__ = ("entries", "keys", "opened", "prefix")

    def __init__(self, prefix: str, entries: dict[str, os.DirEntry[str]]) -> None:
        self.prefix = prefix
        self.entries = entries
        self.keys = sorted(entries, reverse=True)
        self.opened: dict[str, _Listing] = {}


def walk_tree(
    root: str, *, ignore: Ignore | None = None, leftovers: list[str] | None = None
) -> Iterator[WalkEntry]:
    """Yield every file, symlink and empty directory below `root`, ordered by the bytes of the UTF-8 path.

    `ignore(relative_path, is_dir)` leaves an entry (and everything below it) out; a directory in which all is
    ignored counts as empty. `.git` and leftover temporary files of dvx are always left out; the relative paths
    of the latter are appended to `leftovers`. A symlink to a directory is a symlink. Files that vanish while
    the tree is listed are passed over.

    Raises PathRefused for names that are not UTF-8 (kind `non-utf8-name`), unsafe names, sockets, pipes and
    devices (kind `special-file`), and LocalDiskError naming a directory that cannot be listed.
    """
    stack = [_list_folder(root, "", ignore, leftovers)]
    while stack:
        listing = stack[-1]
        if not listing.keys:
            stack.pop()
            continue
        key = listing.keys.pop()
        if key.endswith("/"):
            below = listing.opened.pop(key, None)
            if below is not None:
                stack.append(below)
            continue
        entry = listing.entries[key]
        path = listing.prefix + key
        if key + "/" in listing.entries:
            below = _list_subfolder(entry, path, ignore, leftovers)
            if below is None:
                continue
            if below.keys:
                listing.opened[key + "/"] = below
                continue
        reported = _look_at(entry, path)
        if reported is not None:
            yield reported


def _list_subfolder(
    entry: os.DirEntry[str], path: str, ignore: Ignore | None, leftovers: list[str] | None
) -> _Listing | None:
    """List a directory found on the way; None when it has vanished since."""
    try:
        return _list_folder(entry.path, path + "/", ignore, leftovers)
    except LocalDiskError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _list_folder(folder: str, prefix: str, ignore: Ignore | None, leftovers: list[str] | None) -> _Listing:
    entries: dict[str, os.DirEntry[str]] = {}
    refused: list[str] = []
    with disk_errors(folder, "list"), os.scandir(folder) as found:
        for entry in found:
            name = entry.name
            is_dir = entry.is_dir(follow_symlinks=False)
            path = prefix + name
            if name[0] == ".":
                if name == ".git":
                    continue
                if name.startswith(TEMPORARY_PREFIX):
                    if leftovers is not None:
                        leftovers.append(path)
                    continue
            if ignore is not None and ignore(path, is_dir):
                continue
            if not name.isascii() and not _is_utf8(name):
                refused.append(printable(path))
                continue
            check_stored_path(path)
            entries[name] = entry
            if is_dir:
                entries[name + "/"] = entry
    if refused:
        raise _not_utf8(folder, refused)
    return _Listing(prefix, entries)


def _look_at(entry: os.DirEntry[str], path: str) -> WalkEntry | None:
    """Read the one stat of an entry; None when it has vanished."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise local_disk_error(error, entry.path, "look at") from error
    mode = found.st_mode
    size = found.st_size
    kind: EntryKind
    if stat.S_ISREG(mode):
        kind = "executable" if mode & _EXECUTABLE_BIT else "file"
        # Straight to tuple.__new__, which takes half the time of WalkEntry(...).
        columns = (path, kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        return tuple.__new__(WalkEntry, columns)
    if stat.S_ISLNK(mode):
        kind = "symlink"
    elif stat.S_ISDIR(mode):
        kind = "directory"
        size = 0
    else:
        raise _special_file(path, mode)
    return WalkEntry(path, kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _is_utf8(name: str) -> bool:
    """Tell whether a name from the disk was UTF-8; Python keeps other bytes as lone surrogates."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _not_utf8(folder: str, refused: list[str]) -> PathRefused:
    count = f"{len(refused)} names in `{printable(folder)}` are" if len(refused) > 1 else "a name is"
    return PathRefused(
        f"{count} not valid UTF-8: {name_some(sorted(refused))}",
        affected="manifests hold UTF-8 names only; nothing was stored",
        hints=[
            f"rename: `convmv -f latin1 -t utf8 -r --notest {printable(folder)}` (from Latin-1)",
            "or leave them out with a line in `.dvxignore`",
        ],
        kind="non-utf8-name",
    )


def _special_file(path: str, mode: int) -> PathRefused:
    what = next((words for test, words in _SPECIAL_KINDS if test(mode)), "neither a file nor a directory")
    return PathRefused(
        f"`{path}` is {what}; dvx stores files, symbolic links and directories",
        hints=["remove it, or leave it out with a line in `.dvxignore`"],
        kind="special-file",
    )
