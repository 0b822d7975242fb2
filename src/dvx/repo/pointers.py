"""The pointers of a repository: finding, reading and writing them, now and in history.

Owns the tie between a pointer's place and its data: the data path is the pointer path without `.dvx`. Must
not know where the data is stored.
"""

import os
import stat
from dataclasses import dataclass, field

from dvx.core.errors import DvxError, FormatError, NotFound, PathRefused, UnsupportedVersion
from dvx.core.ids import short_git_id
from dvx.core.paths import check_stored_path
from dvx.core.shell_words import quote
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, format_pointer, parse_pointer
from dvx.repo.committed_files import writable_place
from dvx.repo.pointer_paths import POINTER_SUFFIX as POINTER_SUFFIX
from dvx.repo.pointer_paths import is_pointer_path as is_pointer_path
from dvx.repo.pointer_paths import pointer_path_of as pointer_path_of
from dvx.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class TrackedPointer:
    """A pointer and its place; `path` is the path of the data. Both are relative to the root, with `/`."""

    path: str
    pointer_path: str
    pointer: Pointer


@dataclass(slots=True)
class FoundPointers:
    """Pointers, by path; `broken` are those that cannot be read, by pointer path, with the reason."""

    readable: list[TrackedPointer] = field(default_factory=list)
    broken: dict[str, DvxError] = field(default_factory=dict)


def find_pointers(repo: Repository) -> list[str]:
    """Return the paths of the pointers in the work tree, sorted: those Git tracks, and new ones it would."""
    found = repo.git().ls_files(["*" + POINTER_SUFFIX], others=True)
    return [path for path in found if is_pointer_path(path) and os.path.lexists(repo.absolute(path))]


def read_pointer(repo: Repository, pointer_path: str) -> TrackedPointer:
    """Read one pointer of the work tree.

    Raises NotFound when there is none, PathRefused for an unsafe path or a symbolic link, FormatError for
    bytes that are not a pointer, and LocalDiskError.
    """
    data = read_pointer_file(repo, pointer_path)
    if data is None:
        raise NotFound(
            f"there is no pointer `{pointer_path}`",
            hints=["list what is tracked: `dvx ls`", *_how_to_track(repo, pointer_path)],
            kind="no-pointer",
        )
    return _tracked(pointer_path, data, name=pointer_path)


def _how_to_track(repo: Repository, pointer_path: str) -> list[str]:
    path = _data_path(pointer_path)
    return [f"track data: `dvx add {quote(path)}`"] if os.path.lexists(repo.absolute(path)) else []


def write_pointer(repo: Repository, tracked: TrackedPointer) -> bool:
    """Write a pointer in its canonical form; False when the file already has these bytes.

    A file that differs only by CRLF line ends, as `core.autocrlf` makes them, counts as the same. Raises
    PathRefused, also for a file of that name that is no pointer, FormatError for a pointer that has no encoding,
    LocalDiskError; the file is then as it was.
    """
    check_stored_path(tracked.pointer_path)
    data = format_pointer(tracked.pointer)
    before = read_pointer_file(repo, tracked.pointer_path)
    from dvx.repo.pointer_places import check_pointer_place  # only writing looks

    check_pointer_place(repo, tracked.pointer_path)
    if before is not None and before.replace(b"\r\n", b"\n") == data:
        return False
    write_atomic(writable_place(repo, tracked.pointer_path), data)
    return True


def pointers_at(repo: Repository, rev: str) -> FoundPointers:
    """Read the pointers of a commit, by path, without touching the work tree. Errors name `rev:path`.

    Raises NotFound for an unknown revision, GitError.
    """
    from dvx.repo.small_objects import read_small_objects  # 1 ms, for commits only

    git = repo.git()
    commit = git.rev_parse(rev)
    files = [item for item in git.ls_tree(commit, suffix=POINTER_SUFFIX) if is_pointer_path(item[0])]
    contents = read_small_objects(git, [object_id for _, object_id in files], limit_bytes=MAX_POINTER_BYTES)
    found = FoundPointers()
    for (path, _), (_, data) in zip(files, contents, strict=True):
        name = f"{rev}:{path}"
        try:
            if data is None:
                raise _not_readable(name)
            found.readable.append(_tracked(path, data, name=name))
        except DvxError as error:
            found.broken[path] = error
    return found


def _not_readable(name: str) -> FormatError:
    return FormatError(
        f"`{name}` is longer than {MAX_POINTER_BYTES} bytes, which no pointer is, or Git lacks it"
    )


def all_ref_pointers(repo: Repository) -> list[tuple[str, TrackedPointer]]:
    """Return every root that any commit reachable from any reference or HEAD names, each once, newest first.

    Each comes with the id of the commit that brought it in. Committed bytes that are no pointer (conflict
    markers, a foreign file called `x.dvx`) name no root and are passed over; a pointer from a newer dvx
    raises UnsupportedVersion, because passing over its root could lose data. Raises GitError.
    """
    from dvx.repo.history import History  # 4 ms that the everyday commands do not need

    found: dict[bytes, tuple[str, TrackedPointer]] = {}
    with History(repo.root) as history:
        for version in history.file_versions("*" + POINTER_SUFFIX):
            if not is_pointer_path(version.path):
                continue
            data = history.read_object(version.object_id, limit_bytes=MAX_POINTER_BYTES)
            tracked = _tracked_or_none(
                version.path, data, name=f"{short_git_id(version.commit)}:{version.path}"
            )
            if tracked is not None:
                found.setdefault(tracked.pointer.id, (version.commit, tracked))
    return list(found.values())


def parse_tracked(pointer_path: str, data: bytes, *, name: str) -> TrackedPointer:
    """Read the bytes of a pointer; `name` is what messages call it. Raises PathRefused and FormatError."""
    return _tracked(pointer_path, data, name=name)


def _tracked_or_none(pointer_path: str, data: bytes | None, *, name: str) -> TrackedPointer | None:
    try:
        return None if data is None else _tracked(pointer_path, data, name=name)
    except UnsupportedVersion:
        raise
    except (FormatError, PathRefused):
        return None


def _tracked(pointer_path: str, data: bytes, *, name: str) -> TrackedPointer:
    path = _data_path(pointer_path)
    check_stored_path(path)
    return TrackedPointer(path=path, pointer_path=pointer_path, pointer=parse_pointer(data, name=name))


def _data_path(pointer_path: str) -> str:
    return pointer_path.removesuffix(POINTER_SUFFIX)


def read_pointer_file(repo: Repository, pointer_path: str) -> bytes | None:
    """Return the bytes of a pointer file, one more than the limit at most; None when there is no file.

    Raises PathRefused (kind `pointer-not-a-file`) for anything but a plain file, and LocalDiskError.
    """
    check_stored_path(pointer_path)
    place = repo.absolute(pointer_path)
    with disk_errors(place, "read"):
        try:
            mode = os.lstat(place).st_mode
            if not stat.S_ISREG(mode):
                raise _not_a_file(pointer_path, is_link=stat.S_ISLNK(mode))
            with open(place, "rb", buffering=0) as file:
                return file.read(MAX_POINTER_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _not_a_file(pointer_path: str, *, is_link: bool) -> PathRefused:
    what = "a symbolic link" if is_link else "not a file"
    old = quote(pointer_path + ".old")
    return PathRefused(
        f"the pointer `{pointer_path}` is {what}; pointers are plain files",
        hints=[f"move it away: `mv {quote(pointer_path)} {old}`", "list what is tracked: `dvx ls`"],
        kind="pointer-not-a-file",
    )
