"""Which pointers the workspace was last brought to, and which ones Git's staging area has now.

Owns the file `<git-dir>/dvx/followed`: the output of `git ls-files -s -- '*.dvx'` when the workspace was last
brought to the pointers, byte for byte, so that a hook can compare the two in shell. Lines of pointers that were
not in the work tree then (a sparse checkout leaves them out) are left out; a line `moved` at the end says that the
workspace was changed since, by `dvx add` for one, or that a pointer of the work tree is not staged. Must not change
data.
"""

import os
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final, NamedTuple

from dvx.core.errors import GitError, LocalDiskError, PathRefused
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.disk.small_files import read_small_file
from dvx.repo.extents import Extents
from dvx.repo.git import Git
from dvx.repo.pointer_paths import POINTER_SUFFIX, is_pointer_path
from dvx.repo.repository import Repository
from dvx.repo.stat_cache import StatCache

_ID_LINE: Final = re.compile(rb'^id = "blake3:([0-9a-f]{64})"\r?$', re.MULTILINE)
_MOVED: Final = b"moved\n"
_CONFLICT_START: Final = b"<<<<<<<"
_SHA1_DIGITS: Final = 40
# Far more than a pointer may have: what is longer is not one.
_MAX_READ_BYTES: Final = 64 * 1024
# The lines of some millions of pointers.
_MAX_RECORD_BYTES: Final = 1 << 30


class StagedEntry(NamedTuple):
    """One pointer in the staging area. `is_merged` is false while a conflict leaves it in several versions."""

    mode: str
    object_id: str
    is_merged: bool
    line: bytes


def followed_path(repository: Repository) -> str:
    """Return the place of the record."""
    return os.path.join(repository.git_dir, "dvx", "followed")


def list_staged_pointers(git: Git) -> bytes:
    """Return what `git ls-files -s -- '*.dvx'` prints at the top of the work tree."""
    return git.run(["ls-files", "-s", "--", "*" + POINTER_SUFFIX])


def parse_listing(listing: bytes) -> dict[str, StagedEntry]:
    """Return the pointers of a listing by path. Damaged lines are passed over, as if they were absent."""
    found: dict[str, StagedEntry] = {}
    for line in listing.split(b"\n"):
        about, tab, name = line.partition(b"\t")
        fields = about.split(b" ")
        path = _unquoted(name)
        if not tab or len(fields) != 3 or not is_pointer_path(path):
            continue
        mode, object_id, stage = (field.decode("ascii", "replace") for field in fields)
        found[path] = StagedEntry(mode, object_id, stage == "0", line)
    return found


def is_staged(repository: Repository, pointer_path: str, entry: StagedEntry) -> bool:
    """Tell whether a pointer of the work tree is the staged one, without asking Git. True where it cannot be read.

    After `git stash pop` it is not. Line ends do not count: Git may have changed them.
    """
    from hashlib import sha1, sha256  # 1 ms that a hook with nothing to do goes without

    read = _pointer_bytes(repository, pointer_path)
    if read is None:
        return True
    data = read.replace(b"\r\n", b"\n")
    # The id of a file in Git: the hash of this header and its bytes.
    content = b"blob %d\0" % len(data) + data
    is_sha1 = len(entry.object_id) == _SHA1_DIGITS
    found = sha1(content, usedforsecurity=False) if is_sha1 else sha256(content)
    return found.hexdigest() == entry.object_id


def read_followed(repository: Repository) -> bytes | None:
    """Return the record, or None where there is none (or it cannot be read, which is the same)."""
    try:
        return read_small_file(followed_path(repository), limit_bytes=_MAX_RECORD_BYTES)
    except (LocalDiskError, PathRefused):
        return None


def write_followed(repository: Repository, listing: bytes) -> None:
    """Write the record. Where that is refused, the next hook looks again, which costs time only."""
    path = followed_path(repository)
    with suppress(LocalDiskError):
        with disk_errors(path, "write"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        write_atomic(path, listing, durable=False)


def mark_moved(repository: Repository) -> None:
    """Note that the workspace is no longer what the record says, so that a return to these pointers is not missed."""
    with suppress(OSError), open(followed_path(repository), "r+b") as file:
        if not file.read().endswith(_MOVED):
            file.write(_MOVED)


def unfollow(repository: Repository, pointer_paths: Collection[str]) -> None:
    """Take pointers out of the record: `dvx rm` and `dvx mv` moved their data away.

    When Git brings back the same pointer, its data is wanted again, and no row says what was there.
    """
    recorded = read_followed(repository)
    if recorded is None:
        return
    kept = (line for line in recorded.splitlines(keepends=True) if _path_of(line) not in pointer_paths)
    write_followed(repository, b"".join(kept))
    mark_moved(repository)


def follow_moved(repository: Repository, git: Git, pointer_path: str) -> None:
    """Put a pointer into the record as it is staged: `dvx mv` gave it to data that Git knew under another path.

    When Git takes it away again (`git reset --hard`), its data goes as well: the old path brings it back.
    """
    recorded = read_followed(repository)
    if recorded is None:
        return
    staged = git.run(["--literal-pathspecs", "ls-files", "-s", "--", pointer_path])
    write_followed(repository, recorded.removesuffix(_MOVED) + staged)
    mark_moved(repository)


def was_committed(git: Git, pointer_path: str) -> bool:
    """Whether any commit that a reference or reflog reaches has the path: stashes and dropped commits count."""
    log = ["--literal-pathspecs", "log", "--all", "--reflog", "-1", "--format=%H", "--", pointer_path]
    try:
        return bool(git.run(log).strip())
    except GitError:
        return False  # no commit yet


def _pointer_bytes(repository: Repository, pointer_path: str) -> bytes | None:
    """The start of a pointer of the work tree; None where there is no such file, or nothing that can be read as one."""
    try:
        return read_small_file(repository.absolute(pointer_path), limit_bytes=_MAX_READ_BYTES)
    except (LocalDiskError, PathRefused):
        return None


def _path_of(line: bytes) -> str:
    return _unquoted(line.rstrip(b"\n").partition(b"\t")[2])


def quick_root(repository: Repository, pointer_path: str) -> bytes | None:
    """Return the root that a pointer of the work tree names, in 20 microseconds; None where it takes a closer look."""
    data = _pointer_bytes(repository, pointer_path)
    return None if data is None else quick_id(data)


def quick_id(data: bytes) -> bytes | None:
    """Return the id in the bytes of a pointer without reading them as TOML; None unless there is exactly one."""
    ids = _ID_LINE.findall(data)
    if len(ids) != 1 or _CONFLICT_START in data:
        return None
    return bytes.fromhex(ids[0].decode("ascii"))


def is_followed(repository: Repository, git: Git) -> bool:
    """Tell, without reading data, whether the workspace was brought to exactly the pointers that are there now.

    A repository that never tracked anything is recorded as such, so that its hooks can stop in shell.
    """
    listing = list_staged_pointers(git)
    recorded = read_followed(repository)
    if recorded is None and not listing and not os.path.exists(repository.stat_path):
        write_followed(repository, listing)
        return True
    if listing != recorded:
        return False
    if not listing:
        return True
    with StatCache.open(repository.stat_path) as cache:
        roots = cache.roots()
    parts = Extents.of(repository).items()
    roots.update((path, extent.root) for path, extent in parts if not extent.is_whole and extent.root)
    for path in parse_listing(listing):
        root = roots.get(path.removesuffix(POINTER_SUFFIX))
        if root is not None and quick_root(repository, path) != root:
            return False
    return True


def _unquoted(name: bytes) -> str:
    """Undo the quotes that Git puts around names with unusual bytes: those of C, with octal escapes."""
    if name.startswith(b'"') and name.endswith(b'"') and len(name) > 1:
        name = name[1:-1].decode("unicode_escape").encode("latin-1")
    return os.fsdecode(name)
