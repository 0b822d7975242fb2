"""The pointers and small files of one version of the repository: a commit, the staging area, or the work tree.

Owns how each of the three is read, behind one interface. Reads only what is asked for, checks nothing out, and must not
know what the files mean.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dvx.core.errors import LocalDiskError
from dvx.core.ids import short_git_id
from dvx.formats.pointer import MAX_POINTER_BYTES
from dvx.repo.committed_files import read_committed_file
from dvx.repo.git import Git
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, find_pointers, is_pointer_path, parse_tracked
from dvx.repo.pointers import read_pointer as read_pointer_file
from dvx.repo.repository import Repository
from dvx.repo.staged import StagedFile, staged_files
from dvx.repo.value_flat import MAX_FILE_BYTES


class Snapshot(Protocol):
    """One version of the repository. `commit` is its full id, "" for what is not committed yet."""

    @property
    def commit(self) -> str:
        """The id of the commit."""

    @property
    def shown(self) -> str:
        """What messages call it: `at 1a2b3c4d5e`, `in the work tree`."""

    def pointers(self, is_wanted: Callable[[str], bool]) -> list[TrackedPointer]:
        """The pointers of the wanted data paths, by path. Raises FormatError for one that cannot be read."""

    def files(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of those of the files that are there."""


@dataclass(frozen=True, slots=True)
class CommitSnapshot:
    """A commit. `prepare` is told of all objects before they are read, where they have to be fetched first."""

    git: Git
    commit: str
    prepare: Callable[[Sequence[str]], None] | None = None

    @property
    def shown(self) -> str:
        """`at` and a short id."""
        return f"at {short_git_id(self.commit)}"

    def pointers(self, is_wanted: Callable[[str], bool]) -> list[TrackedPointer]:
        """As Snapshot.pointers."""
        found = [
            item
            for item in self.git.ls_tree(self.commit, suffix=POINTER_SUFFIX)
            if _is_meant(item[0], is_wanted)
        ]
        contents = self._read([each for _, each in found], limit_bytes=MAX_POINTER_BYTES)
        return [
            parse_tracked(path, data, name=f"{short_git_id(self.commit)}:{path}")
            for (path, _), data in zip(found, contents, strict=True)
        ]

    def files(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """As Snapshot.files."""
        if not paths:
            return {}
        found: dict[str, str] = {}
        for line in self.git.run(["ls-tree", "-z", "--full-tree", self.commit, "--", *paths]).split(b"\0"):
            about, tab, path = line.partition(b"\t")
            if tab and about.startswith(b"100"):
                found[os.fsdecode(path)] = about.split(b" ")[2].decode("ascii")
        return dict(zip(found, self._read([*found.values()], limit_bytes=MAX_FILE_BYTES), strict=True))

    def _read(self, ids: Sequence[str], *, limit_bytes: int) -> list[bytes]:
        if self.prepare is not None and ids:
            self.prepare(ids)
        return self.git.read_objects(ids, limit_bytes=limit_bytes)


@dataclass(frozen=True, slots=True)
class StagedSnapshot:
    """The staging area: what the next commit will have."""

    git: Git
    commit: str = ""
    shown: str = "in the staging area"

    def pointers(self, is_wanted: Callable[[str], bool]) -> list[TrackedPointer]:
        """As Snapshot.pointers."""
        found = [
            file
            for file in staged_files(self.git, ["*" + POINTER_SUFFIX])
            if file.mode.startswith("100") and _is_meant(file.path, is_wanted)
        ]
        contents = self._read(found, limit_bytes=MAX_POINTER_BYTES)
        return [
            parse_tracked(file.path, data, name=file.path) for file, data in zip(found, contents, strict=True)
        ]

    def files(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """As Snapshot.files."""
        wanted = set(paths)
        found = staged_files(self.git, paths, literal=True) if paths else []
        found = [file for file in found if file.mode.startswith("100") and file.path in wanted]
        contents = self._read(found, limit_bytes=MAX_FILE_BYTES)
        return {file.path: data for file, data in zip(found, contents, strict=True)}

    def _read(self, files: Sequence[StagedFile], *, limit_bytes: int) -> list[bytes]:
        return self.git.read_objects([file.object_id for file in files], limit_bytes=limit_bytes)


@dataclass(frozen=True, slots=True)
class WorkTreeSnapshot:
    """The work tree as it is, staged or not. Symbolic links are not followed."""

    repository: Repository
    commit: str = ""
    shown: str = "in the work tree"

    def pointers(self, is_wanted: Callable[[str], bool]) -> list[TrackedPointer]:
        """As Snapshot.pointers."""
        found = (path for path in find_pointers(self.repository) if _is_meant(path, is_wanted))
        return [read_pointer_file(self.repository, path) for path in found]

    def files(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """As Snapshot.files."""
        found = ((path, self._read(path)) for path in paths)
        return {path: data for path, data in found if data is not None}

    def _read(self, path: str) -> bytes | None:
        place = self.repository.absolute(path)
        if os.path.realpath(place) != place:
            return None  # a link may lead anywhere on this machine
        data = read_committed_file(self.repository, path, limit_bytes=MAX_FILE_BYTES)
        if data is None:
            return None
        if len(data) > MAX_FILE_BYTES:
            raise LocalDiskError(f"`{path}` has more than {MAX_FILE_BYTES} bytes")
        return data


def _is_meant(path: str, is_wanted: Callable[[str], bool]) -> bool:
    return is_pointer_path(path) and is_wanted(path.removesuffix(POINTER_SUFFIX))
