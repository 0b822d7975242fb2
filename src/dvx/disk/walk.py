"""Listing a directory tree in the order of a manifest, once and fast.

Owns the order (bytes of the UTF-8 path), what kinds of entries exist and which names are refused. Must not
read file contents, and never follows a symbolic link below the root.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Literal, NamedTuple

from dvx.core.errors import ChangedWhileReading, DvxError, LocalDiskError, PathRefused, name_some
from dvx.core.paths import are_ordinary_names, check_stored_path
from dvx.core.shell_words import quote
from dvx.disk.atomic import TEMPORARY_PREFIX, disk_errors, local_disk_error, printable

EntryKind = Literal["file", "executable", "symlink", "directory"]
Ignore = Callable[[str, bool], bool]
# The columns of a WalkEntry as a plain tuple, which costs half as much.
WalkRow = tuple[str, EntryKind, int, int, int, int]
_Take = Callable[[Sequence[str]], list[WalkRow]]

# What is looked at ahead of being asked for. A folder with more is not kept open while it is walked.
_BLOCK_ENTRIES: Final = 2048
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


class _Asked(NamedTuple):
    """What a walk was asked for; see walk_blocks."""

    root: str
    ignore: Ignore | None
    leftovers: list[str] | None
    refused: dict[str, DvxError] | None
    shown: str

    def refuse(self, path: str, error: DvxError) -> None:
        """Note an entry that cannot be part of the tree, or raise the error where nobody takes notes."""
        if self.refused is None:
            raise error
        self.refused[self.shown + path] = error


class _Listing:
    """The rest of one directory: `keys` in order from `position` on.

    A subdirectory is there twice: as `name`, where it is listed and reported if it is empty, and as `name/`,
    where its entries belong (`a.b` sorts between `a` and `a/`).
    """

    __slots__ = ("folder_keys", "keys", "opened", "position", "prefix", "take")

    def __init__(self, prefix: str, names: Sequence[str], folders: set[str], take: _Take) -> None:
        self.prefix = prefix
        self.folder_keys = folders | {name + "/" for name in folders}
        self.keys = sorted([*names, *(name + "/" for name in folders)])
        self.position = 0
        self.take = take
        self.opened: dict[str, _Listing] = {}

    def next_rows(self) -> list[WalkRow]:
        """Pass over the entries before the next subdirectory, at most a block of them, and look at them."""
        keys, start = self.keys, self.position
        end = min(start + _BLOCK_ENTRIES, len(keys))
        if self.folder_keys:
            end = next((number for number in range(start, end) if keys[number] in self.folder_keys), end)
        self.position = end
        return self.take(keys[start:end])


def walk_tree(
    root: str,
    *,
    ignore: Ignore | None = None,
    leftovers: list[str] | None = None,
    refused: dict[str, DvxError] | None = None,
    shown: str = "",
) -> Iterator[WalkEntry]:
    """Yield what walk_blocks finds, one by one."""
    new, entry = tuple.__new__, WalkEntry  # half the time of WalkEntry(...)
    for block in walk_blocks(root, ignore=ignore, leftovers=leftovers, refused=refused, shown=shown):
        for row in block:
            yield new(entry, row)


def walk_blocks(
    root: str,
    *,
    ignore: Ignore | None = None,
    leftovers: list[str] | None = None,
    refused: dict[str, DvxError] | None = None,
    shown: str = "",
) -> Iterator[list[WalkRow]]:
    """Yield every file, symlink and empty directory below `root`, ordered by the bytes of the UTF-8 path.

    They come in blocks of neighbours in one directory, none of them empty, looked at when the block is asked
    for or a little before. `ignore(relative_path, is_dir)` leaves an entry (and everything below it) out; a
    directory in which all is ignored counts as empty, unless `ignore.applies_to_empty(path)` says that it was
    looked into only for what may be in it. `.git` and leftover temporary files of dvx are always
    left out; their relative paths are appended to `leftovers`. A symlink to a directory is a
    symlink. Files that vanish while the tree is listed are passed over; a folder that does so is refused, and if it
    is the root, or another folder takes its place, ChangedWhileReading is raised in the end.

    Raises PathRefused for names that are not UTF-8 (kind `non-utf8-name`), unsafe names, sockets, pipes and
    devices (kind `special-file`), and LocalDiskError naming a directory that cannot be listed. If `refused` is
    given, these are noted there by path instead and left out, except a root that cannot be listed. `shown` goes
    before the paths in messages and in `refused`.
    """
    asked = _Asked(root, ignore, leftovers, refused, shown)
    identity = _identity(root)
    stack = [_list_folder(asked, "")]
    while stack:
        listing = stack[-1]
        rows = listing.next_rows()
        if rows:
            yield rows
        if listing.position == len(listing.keys):
            stack.pop()
            continue
        key = listing.keys[listing.position]
        if key not in listing.folder_keys:
            continue
        listing.position += 1
        if key.endswith("/"):
            below = listing.opened.pop(key, None)
            if below is not None:
                stack.append(below)
            continue
        below = _list_subfolder(asked, listing.prefix + key)
        if below is not None and below.keys:
            listing.opened[key + "/"] = below
        elif below is None or _is_left_out(ignore, listing.prefix + key):
            continue
        elif rows := listing.take([key]):
            yield rows
    if _identity(root) != identity:
        raise went_away(shown.rstrip("/") or root)


def _list_subfolder(asked: _Asked, path: str) -> _Listing | None:
    """List a directory found on the way; None when it is refused, as one that has gone away since."""
    try:
        return _list_folder(asked, path + "/")
    except LocalDiskError as error:
        is_gone = isinstance(error.__cause__, FileNotFoundError)
        asked.refuse(path, went_away(asked.shown + path) if is_gone else error)
        return None


def _list_folder(asked: _Asked, prefix: str) -> _Listing:
    folder = os.path.join(asked.root, prefix[:-1]) if prefix else asked.root
    with disk_errors(folder, "list"), _opened(folder) as place, os.scandir(place) as found:
        entries = {entry.name: entry for entry in found}
        names = _kept_names(asked, entries, folder=folder, prefix=prefix)
        names.sort()
        take: _Take = partial(_look_at_all, asked, prefix)
        if len(names) > _BLOCK_ENTRIES:
            folders = {name for name in names if _is_folder(entries[name])}
        else:
            # While the folder is open the system need not resolve its path for each file: 1 of 4 microseconds.
            rows = _look_at_all(asked, prefix, names, entries)
            folders = {row[0][len(prefix) :] for row in rows if row[1] == "directory"}
            take = partial(_taken, prefix, {row[0]: row for row in rows}) if folders else lambda _: rows
    return _Listing(prefix, names, folders, take)


@contextmanager
def _opened(folder: str) -> Iterator[int | str]:
    """The folder as os.scandir takes it: open where the system can list open folders, else its name."""
    if os.scandir not in os.supports_fd:
        yield folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kept_names(
    asked: _Asked, entries: Mapping[str, os.DirEntry[str]], *, folder: str, prefix: str
) -> list[str]:
    """The names in a folder that are part of the tree. Raises PathRefused for those that nobody may store."""
    names = list(entries)
    ignore = asked.ignore
    # Rules that can say that a whole folder has nothing to ignore spare a question for each entry.
    applies_in = getattr(ignore, "applies_in", None)
    if applies_in is not None and not applies_in(prefix):
        ignore = None
    if are_ordinary_names(prefix, names):
        return (
            names
            if ignore is None
            else [name for name in names if not ignore(prefix + name, _is_folder(entries[name]))]
        )
    kept: list[str] = []
    not_utf8: list[str] = []
    for name in names:
        path = prefix + name
        if name == ".git":
            if asked.leftovers is not None:
                asked.leftovers.append(path)
            continue
        if name.startswith(TEMPORARY_PREFIX):
            if asked.leftovers is not None:
                asked.leftovers.append(path)
            continue
        if ignore is not None and ignore(path, _is_folder(entries[name])):
            continue
        if not name.isascii() and not _is_utf8(name):
            not_utf8.append(path)
            continue
        try:
            check_stored_path(path)
        except PathRefused as error:
            asked.refuse(path, _inside(error, asked.shown))
            continue
        kept.append(name)
    if asked.refused is None and not_utf8:
        raise _not_utf8(folder, not_utf8, asked.shown)
    for path in not_utf8:
        asked.refuse(path, _not_utf8(folder, [path], asked.shown))
    return kept


def _is_left_out(ignore: Ignore | None, folder: str) -> bool:
    """Whether a folder that turned out to be empty is left out, for rules that know of things below it."""
    applies_to_empty = getattr(ignore, "applies_to_empty", None)
    return applies_to_empty is not None and applies_to_empty(folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _taken(prefix: str, rows: dict[str, WalkRow], names: Sequence[str]) -> list[WalkRow]:
    return [rows[prefix + name] for name in names if prefix + name in rows]


def _look_at_all(
    asked: _Asked, prefix: str, names: Sequence[str], entries: dict[str, os.DirEntry[str]] | None = None
) -> list[WalkRow]:
    """Read the one stat of each entry, through the open folder's `entries` if given; what vanished is left out."""
    rows: list[WalkRow] = []
    folder = os.path.join(asked.root, prefix)
    for name in names:
        try:
            if entries is None:
                found = os.lstat(os.path.join(folder, name))
            else:
                found = entries[name].stat(follow_symlinks=False)
        except FileNotFoundError:
            if entries is None and (os.path.lexists(os.path.join(folder, name)) or not os.path.isdir(folder)):
                raise went_away(
                    asked.shown + prefix[:-1]
                ) from None  # it was the folder that moved, not the file
            continue
        except OSError as error:
            refusal = local_disk_error(error, os.path.join(folder, name), "look at")
            refusal.__cause__ = error
            asked.refuse(prefix + name, refusal)
            continue
        mode, size = found.st_mode, found.st_size
        kind: EntryKind
        if mode & 0o170000 == stat.S_IFREG:
            kind = "executable" if mode & _EXECUTABLE_BIT else "file"
        elif stat.S_ISLNK(mode):
            kind = "symlink"
        elif stat.S_ISDIR(mode):
            kind, size = "directory", 0
        else:
            asked.refuse(prefix + name, special_file(asked.shown + prefix + name, mode))
            continue
        rows.append((prefix + name, kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino))
    return rows


def _is_utf8(name: str) -> bool:
    """Tell whether a name from the disk was UTF-8; Python keeps other bytes as lone surrogates."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _inside(error: PathRefused, shown: str) -> PathRefused:
    """Say in which tracked directory an unsafe name is."""
    if shown:
        error.what = f"in `{shown.rstrip('/')}`, {error.what}"
    return error


def _not_utf8(folder: str, paths: Sequence[str], shown: str) -> PathRefused:
    names = name_some(sorted(printable(shown + path) for path in paths))
    count = f"{len(paths)} names in `{printable(folder)}` are" if len(paths) > 1 else "a name is"
    return PathRefused(
        f"{count} not valid UTF-8: {names}",
        affected="manifests hold UTF-8 names only; nothing was stored",
        hints=[
            f"rename: `convmv -f latin1 -t utf8 -r --notest {quote(printable(folder))}` (from Latin-1)",
            "or leave them out with a line in `.dvxignore`",
        ],
        kind="non-utf8-name",
    )


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def went_away(path: str) -> ChangedWhileReading:
    """The error for a folder that was moved, removed or replaced while it was looked at: it may look empty."""
    return ChangedWhileReading(
        f"`{path}` was moved, removed or replaced while it was read",
        affected="nothing was written",
        hints=["run the command again when nothing moves it any more"],
    )


def special_file(path: str, mode: int) -> PathRefused:
    """The error for what is neither a file, nor a link, nor a directory."""
    what = next((words for test, words in _SPECIAL_KINDS if test(mode)), "neither a file nor a directory")
    return PathRefused(
        f"`{path}` is {what}; dvx stores files, symbolic links and directories",
        hints=["remove it, or leave it out with a line in `.dvxignore`"],
        kind="special-file",
    )
