"""All of a repository's history: its references, its commits, and every version that a file ever had.

Owns the only use of GitPython (70 ms to import, so the everyday commands use `git` in this layer). Everything
goes through Git commands, never through GitPython's own reading of objects, which knows SHA-1 only. Must not
know what a pointer says.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Final, Self, cast

from dvx.core.errors import GitError
from dvx.core.ids import short_git_id

_FIELDS: Final = ("objectname", "*objectname", "objecttype", "*objecttype", "refname")
_ABOUT: Final = ("subject", "*subject", "authorname", "*authorname", "authordate:unix", "*authordate:unix")


@dataclass(frozen=True, slots=True)
class Commit:
    """`summary` is the first line of the message; `author_time_s` counts seconds since 1970 in UTC."""

    id: str
    summary: str
    author: str
    author_time_s: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A branch, remote branch or tag: its full name, such as `refs/heads/main`, and the commit at its tip."""

    name: str
    commit: Commit


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A content that a path had: the commit that brought it in, and the Git object that holds it."""

    commit: str
    path: str
    object_id: str


class History:
    """Reads the history of one repository. A context manager; use it from one thread.

    Works in linked work trees and submodules, with a detached or unborn HEAD, and with SHA-256 objects.
    Methods raise GitError.
    """

    def __init__(self, root: str) -> None:
        try:
            import git  # 70 ms, and only this class needs it
        except ImportError as error:  # GitPython says so when it finds no `git`
            raise GitError(
                "the command `git` was not found",
                hints=["install Git 2.26 or newer (https://git-scm.com/downloads) and put it on PATH"],
                kind="git-missing",
            ) from error

        self._failures = (git.exc.GitError, OSError, ValueError)
        try:
            self._repository = git.Repo(root)
        except self._failures as error:
            raise GitError(f"cannot open the Git repository `{root}`: {_words(error)}") from error
        self._git = self._repository.git
        self._reader: git.Git.AutoInterrupt | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the Git process that reads objects."""
        self._stop_reader()
        self._repository.close()

    def references(self) -> list[Reference]:
        """Return every reference that leads to a commit, by name; annotated tags are followed."""
        form = "%00".join(f"%({field})" for field in _FIELDS + _ABOUT)
        found: list[Reference] = []
        for line in self._ask("for-each-ref", f"--format={form}").split(b"\n"):
            if line:
                found += _parse_reference(line.decode("utf-8", "replace").split("\0"))
        return found

    def commits(self, revs: Sequence[str] = ("--all",), *, paths: Sequence[str] = ()) -> list[Commit]:
        """Return the commits reachable from `revs`, newest first; with `paths` those that changed them."""
        answer = self._ask("rev-list", "--format=%H%x00%s%x00%an%x00%at%x00", *revs, "--", *paths)
        fields = answer.decode("utf-8", "replace").split("\0")[:-1]
        return [
            Commit(id=name.split()[-1], summary=summary, author=author, author_time_s=int(when))
            # Git puts a line `commit ID` of its own before each.
            for name, summary, author, when in zip(*[iter(fields)] * 4, strict=True)
        ]

    def file_versions(self, pattern: str) -> list[FileVersion]:
        """Return every regular file content that a path matching `pattern` has in any commit that a
        reference or HEAD reaches, newest first, each (path, content) once, with the oldest commit."""
        commits = self._ask("rev-list", "--all", "--full-history", "--topo-order", "--", pattern)
        answer = self._ask(
            "diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--", pattern,
            request=commits,
        )  # fmt: skip
        # Children come before parents, so the last one that is seen brought the content in.
        unique = {(version.path, version.object_id): version for version in _versions(answer)}
        return list(unique.values())

    def read_object(self, object_id: str, *, limit_bytes: int) -> bytes | None:
        """Return the content of an object through one Git process that stays open; None above the limit."""
        try:
            return self._read(object_id, limit_bytes)
        except self._failures as error:
            raise GitError(f"cannot read Git object {short_git_id(object_id)}: {_words(error)}") from error

    def _read(self, object_id: str, limit_bytes: int) -> bytes | None:
        process = self._start_reader()
        writing, reading = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        writing.write(f"{object_id}\n".encode("ascii"))
        writing.flush()
        header = reading.readline()
        size = header.rpartition(b" ")[2].strip()
        if not size.isdigit():
            raise ValueError(header.decode("utf-8", "replace").strip() or "no answer")
        if int(size) > limit_bytes:
            self._stop_reader()  # cheaper than reading past a long object
            return None
        data = reading.read(int(size) + 1)
        if len(data) != int(size) + 1:
            raise ValueError("the answer ended early")
        return data[:-1]

    def _start_reader(self) -> "subprocess.Popen[bytes]":
        if self._reader is None:
            # GitPython ends the process when this handle is dropped.
            self._reader = self._git.cat_file("--batch", istream=subprocess.PIPE, as_process=True)
        return cast("subprocess.Popen[bytes]", self._reader.proc)

    def _stop_reader(self) -> None:
        if self._reader is None:
            return
        process = cast("subprocess.Popen[bytes]", self._reader.proc)
        for pipe in (process.stdout, process.stdin, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()
        self._reader = None

    def _ask(self, *args: str, request: bytes | None = None) -> bytes:
        """Run a Git command through GitPython and return its exact stdout."""
        try:
            istream = None if request is None else subprocess.PIPE
            started = self._git.execute(["git", *args], istream=istream, as_process=True)
            process = cast("subprocess.Popen[bytes]", started.proc)
            answer, complaint = process.communicate(request)
        except self._failures as error:
            raise GitError(f"`git {args[0]}` failed: {_words(error)}") from error
        if process.returncode != 0:
            raise GitError(f"`git {args[0]}` failed: {complaint.decode('utf-8', 'replace').strip()[:400]}")
        return answer


def _parse_reference(fields: Sequence[str]) -> list[Reference]:
    """Read one line of for-each-ref: the starred fields are those of what an annotated tag names."""
    (plain, peeled), (kind, peeled_kind), name = fields[0:2], fields[2:4], fields[4]
    star = 1 if peeled else 0
    if (peeled_kind if star else kind) != "commit":
        return []
    commit = Commit(
        id=peeled if star else plain,
        summary=fields[5 + star],
        author=fields[7 + star],
        author_time_s=int(fields[9 + star] or 0),
    )
    return [Reference(name=name, commit=commit)]


def _versions(answer: bytes) -> Iterator[FileVersion]:
    """Read `diff-tree --stdin --raw -z`: a commit id, then `:modes ids status` and a path for each change."""
    commit = ""
    tokens = iter(answer.split(b"\0"))
    for token in tokens:
        if not token.startswith(b":"):
            commit = token.decode("ascii")
            continue
        _, new_mode, _, new_id, _ = token.decode("ascii").split(" ")
        path = os.fsdecode(next(tokens))
        if new_mode.startswith("100"):
            yield FileVersion(commit=commit, path=path, object_id=new_id)


def _words(error: BaseException) -> str:
    stderr = getattr(error, "stderr", "")
    return (str(stderr) or str(error)).strip()[:400] or type(error).__name__
