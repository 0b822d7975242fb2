"""The pointer versions that a push brings to another repository.

Owns the walk over the commits being pushed and what counts as introduced by them. Reads Git objects only; must not
know whether the data is anywhere.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from dvx.core.errors import FormatError, GitError, PathRefused, UnsupportedVersion, UsageError
from dvx.core.ids import short_git_id
from dvx.core.paths import check_stored_path
from dvx.formats.pointer import MAX_POINTER_BYTES, parse_pointer
from dvx.repo.git import Git
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, is_pointer_path

# A remote is named in `--remotes=NAME`, where these signs would make a pattern of it.
_GLOB_SIGNS: Final = frozenset("*?[\\")


class RefUpdate(NamedTuple):
    """One line that Git gives to a pre-push hook. An id of zeros stands for "nothing": a deletion, or a new ref."""

    local_ref: str
    local_id: str
    remote_ref: str
    remote_id: str


class Introduced(NamedTuple):
    """A pointer version and the first commit seen that has it."""

    commit: str
    tracked: TrackedPointer


def parse_updates(lines: Iterable[str]) -> list[RefUpdate]:
    """Read what Git writes to the standard input of pre-push. Raises UsageError for anything else."""
    updates = []
    for line in lines:
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 4:
            raise UsageError(
                f"{line.strip()[:80]!r} is not a line that Git gives to a pre-push hook",
                hints=["to push data: `dvx push`"],
            )
        updates.append(RefUpdate(*fields))
    return updates


def introduced_pointers(git: Git, updates: Sequence[RefUpdate], *, remote_name: str) -> list[Introduced]:
    """Return every pointer version that the commits being pushed bring in, each root at each path once, newest first.

    Left out are commits that the updated refs, or the remote-tracking branches of `remote_name`, have already. A
    merge introduces what none of its parents has. In a shallow clone a boundary commit introduces all it has.
    Bytes that are no pointer are passed over; raises UnsupportedVersion for a pointer of a newer dvx, and GitError.
    """
    return _introduced_by(git, _new_commits(git, updates, remote_name))


def outgoing_pointers(git: Git) -> list[Introduced]:
    """Return every pointer version that commits of HEAD bring in which no remote-tracking branch has, as the above.

    Before the first commit there are none.
    """
    try:
        commits = git.run(["rev-list", "HEAD", "--not", "--remotes", "--"])
    except GitError:
        return []
    return _introduced_by(git, commits)


def _introduced_by(git: Git, commits: bytes) -> list[Introduced]:
    """The versions that these commits, one a line, bring in."""
    if not commits:
        return []
    answer = git.run(
        ["diff-tree", "--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev",
         "--", "*" + POINTER_SUFFIX],
        input=commits,
    )  # fmt: skip
    unique: dict[tuple[str, str], str] = {}
    for commit, path, object_id in _changes(answer):
        if is_pointer_path(path):
            unique.setdefault((path, object_id), commit)
    return list(_parsed(git, unique))


def _new_commits(git: Git, updates: Sequence[RefUpdate], remote_name: str) -> bytes:
    wanted = list(dict.fromkeys(each.local_id for each in updates if not _is_zero(each.local_id)))
    if not wanted:
        return b""
    known = [each.remote_id for each in updates if not _is_zero(each.remote_id)]
    known += _tracking_ids(git, remote_name)
    request = "".join([*(f"{name}\n" for name in wanted), *(f"^{name}\n" for name in dict.fromkeys(known))])
    # Ids that only the other side has (a forced push) are ignored; tags are followed, trees and blobs passed over.
    return git.run(["rev-list", "--ignore-missing", "--stdin"], input=request.encode("ascii", "replace"))


def _tracking_ids(git: Git, remote_name: str) -> list[str]:
    if not remote_name or not _GLOB_SIGNS.isdisjoint(remote_name) or "://" in remote_name:
        return []
    answer = git.run(["for-each-ref", "--format=%(objectname)", f"refs/remotes/{remote_name}/"])
    return answer.decode("ascii").split()


def _is_zero(object_id: str) -> bool:
    return not object_id.strip("0")


def _changes(answer: bytes) -> Iterator[tuple[str, str, str]]:
    """Read `diff-tree --stdin -c --raw -z`: (commit, path, new id) of every regular file that is new or changed.

    A merge has one `:` for each parent, then the modes and ids of all parents, then its own.
    """
    commit = ""
    tokens = iter(answer.split(b"\0"))
    for token in tokens:
        if not token.startswith(b":"):
            commit = token.decode("ascii").strip() or commit
            continue
        parents = len(token) - len(token.lstrip(b":"))
        fields = token.lstrip(b":").decode("ascii").split(" ")
        path = os.fsdecode(next(tokens))
        if fields[parents].startswith("100"):
            yield commit, path, fields[2 * parents + 1]


def _parsed(git: Git, versions: dict[tuple[str, str], str]) -> Iterator[Introduced]:
    ids = list(dict.fromkeys(object_id for _, object_id in versions))
    contents = dict(_read_small(git, ids))
    seen: set[tuple[str, bytes]] = set()
    for (path, object_id), commit in versions.items():
        data = contents.get(object_id)
        if data is None:
            continue
        try:
            check_stored_path(path)
            pointer = parse_pointer(data, name=f"{short_git_id(commit)}:{path}")
        except UnsupportedVersion:
            raise
        except (FormatError, PathRefused):
            continue  # conflict markers, or somebody's own file that is called x.dvx: it names no data
        data_path = path.removesuffix(POINTER_SUFFIX)
        if (data_path, pointer.id) not in seen:
            seen.add((data_path, pointer.id))
            yield Introduced(commit, TrackedPointer(data_path, path, pointer))


def _read_small(git: Git, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    sizes = object_sizes(git, ids)
    small = [name for name in ids if sizes[name] <= MAX_POINTER_BYTES]
    yield from zip(small, git.read_objects(small), strict=True)


def object_sizes(git: Git, ids: Sequence[str]) -> dict[str, int]:
    """Return the size of each object in bytes. Raises GitError for one that is not there."""
    if not ids:
        return {}
    request = "".join(f"{name}\n" for name in ids).encode("ascii")
    sizes: dict[str, int] = {}
    answer = git.run(["cat-file", "--batch-check=%(objectsize)"], input=request)
    for name, line in zip(ids, answer.splitlines(), strict=True):
        if not line.isdigit():
            raise GitError(f"Git has no object {short_git_id(name)}", hints=["look for damage: `git fsck`"])
        sizes[name] = int(line)
    return sizes
