"""Commits and the pointers that each changed, as `git log --raw` names them.

Owns the values and the reading of that answer. Must not run Git, nor read what a pointer says.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dvx.repo.pointer_paths import POINTER_SUFFIX, is_pointer_path

_TAG: Final = "tag: refs/tags/"
_HEADS: Final = "refs/heads/"
_HEAD_OF: Final = "HEAD -> "
_REGULAR: Final = "100"
# Commit, parents, author, time, references, subject.
_FIELDS: Final = 6


class ChangeKind(StrEnum):
    """What a commit did to a pointer."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class PointerChange:
    """One pointer that a commit changed; `path` is its data path.

    `old_object` and `new_object` are the Git objects that hold its versions, None where there was or is none. For a
    merge the old one is that of its first parent.
    """

    path: str
    kind: ChangeKind
    old_object: str | None
    new_object: str | None


@dataclass(frozen=True, slots=True)
class HistoryCommit:
    """A commit that changed pointers.

    `time_s` is when its author made it, in seconds since 1970 in UTC; `subject` is the first paragraph of the message
    in one line. `branches` are local ones with their tip here. `is_boundary` is set where a shallow clone ends: what
    came before is not known.
    """

    id: str
    parents: tuple[str, ...]
    author: str
    time_s: int
    subject: str
    tags: tuple[str, ...]
    branches: tuple[str, ...]
    is_boundary: bool
    changes: tuple[PointerChange, ...]


def parse_log(answer: bytes, *, boundary: frozenset[str]) -> tuple[list[HistoryCommit], int]:
    """Read `commit ID`, parents, author, time, references and subject of each commit, then its raw changes.

    All parts end in NUL. Returns the commits that changed pointers, in the order of `answer`, and the number of all.
    """
    found: list[HistoryCommit] = []
    seen = 0
    tokens = iter(answer.split(b"\0"))
    fields: list[str] = []
    changes: list[PointerChange] = []
    paths = _DataPaths()
    for token in tokens:
        if token.startswith(b"commit "):
            found += _commit(fields, changes, boundary)
            fields = [_text(token)[7:], *(_text(next(tokens)) for _ in range(_FIELDS - 1))]
            changes = []
            seen += 1
        elif token.startswith((b":", b"\n:")):
            path = paths[next(tokens)]
            change = _change(token, path) if path is not None else None
            if change is not None:
                changes.append(change)
    found += _commit(fields, changes, boundary)
    return found, seen


def parse_graph(answer: bytes, *, boundary: frozenset[str]) -> list[tuple[str, HistoryCommit | None]]:
    """Read lines of `git log --graph`: the drawing, and the fields of a commit where the line has one.

    The commits come without their changes.
    """
    found: list[tuple[str, HistoryCommit | None]] = []
    for line in answer.split(b"\n"):
        drawing, _, rest = line.partition(b"commit ")
        fields = [_text(part) for part in rest.split(b"\0")]
        if len(fields) == _FIELDS:
            found.append((_text(drawing), _built(fields, (), boundary)))
        elif line:
            found.append((_text(line), None))
    return found


def _commit(
    fields: list[str], changes: list[PointerChange], boundary: frozenset[str]
) -> Iterator[HistoryCommit]:
    if changes:
        yield _built(fields, changes, boundary)


def _built(
    fields: Sequence[str], changes: Sequence[PointerChange], boundary: frozenset[str]
) -> HistoryCommit:
    name, parents, author, time_s, references, subject = fields
    names = references.split(", ")
    branches = (each.removeprefix(_HEAD_OF) for each in names)
    return HistoryCommit(
        id=name,
        parents=tuple(parents.split()),
        author=author,
        time_s=int(time_s or 0),
        subject=subject,
        tags=tuple(sorted(each[len(_TAG) :] for each in names if each.startswith(_TAG))),
        branches=tuple(sorted(each[len(_HEADS) :] for each in branches if each.startswith(_HEADS))),
        is_boundary=name in boundary,
        changes=tuple(changes),
    )


def _change(about: bytes, path: str) -> PointerChange | None:
    """Read one change: a `:` for each parent, the modes of parents and commit, their ids, and the letters.

    None where only the mode changed, or a link that is none any more.
    """
    fields = about.decode("ascii").split(" ")
    parents = fields[0].count(":")
    fields[0] = fields[0].lstrip("\n:")
    ends = zip(fields[: parents + 1], fields[parents + 1 : 2 * parents + 2], strict=True)
    versions = [each if mode.startswith(_REGULAR) else None for mode, each in ends]
    old, new = versions[0], versions.pop()
    if new in versions:
        return None
    kind = ChangeKind.MODIFIED
    if new is None:
        kind = ChangeKind.REMOVED
    elif not any(versions):
        kind = ChangeKind.ADDED
    return PointerChange(path, kind, old, new)


class _DataPaths(dict[bytes, str | None]):
    """Data paths by what Git calls the file, None for what is no pointer; a history has few of them, many times."""

    def __missing__(self, name: bytes) -> str | None:
        path = os.fsdecode(name)
        self[name] = found = path.removesuffix(POINTER_SUFFIX) if is_pointer_path(path) else None
        return found


def _text(token: bytes) -> str:
    return token.decode("utf-8", "replace")
