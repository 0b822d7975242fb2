"""Running Git: one subprocess for each question, answers as plain values.

Owns the Git command lines of the everyday path, the environment they run in and their errors. Must not import
GitPython (70 ms; `history` is for that), and knows nothing of pointers beyond path patterns. Needs Git 2.26.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

from dvx.core.errors import GitError, NotFound
from dvx.core.ids import short_git_id

# What `git rev-parse --local-env-vars` lists and hooks set: with these, Git ignores the directory it runs in.
REPOSITORY_VARIABLES: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
        "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    }
)  # fmt: skip
# These change what a path on the command line means.
_PATHSPEC_VARIABLES: Final = frozenset(
    {"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"}
)
# Bytes of paths for one command line: Windows allows 32 767 characters in all.
_ARGUMENT_BYTES: Final = 20_000
_INDEX_LOCK_WAIT_S: Final = 5.0
_INDEX_LOCK_POLL_S: Final = 0.05
_LITERAL: Final = "--literal-pathspecs"
_FROM_INPUT: Final = ("--pathspec-from-file=-", "--pathspec-file-nul")


class Git:
    """Runs Git in the folder `cwd`, the top of a work tree. Paths given and returned are relative to it.

    In a hook, Git's own variables (GIT_INDEX_FILE, GIT_DIR) stay in force, because they name the state that
    is about to be committed. `foreign` drops them, for a repository other than the one of the hook.
    """

    def __init__(
        self, cwd: str, *, foreign: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        self._cwd = cwd
        dropped = _PATHSPEC_VARIABLES | (REPOSITORY_VARIABLES if foreign else frozenset())
        source = os.environ if environment is None else environment
        self._environment = {name: value for name, value in source.items() if name not in dropped}
        self._environment["LC_ALL"] = "C"  # messages are matched below

    def run(self, args: Sequence[str], *, input: bytes | None = None) -> bytes:
        """Run `git ARGS` and return its stdout. Raises GitError with what Git wrote to stderr."""
        answer = self._attempt(args, input=input)
        if answer.returncode != 0:
            raise _git_error(args, answer)
        return answer.stdout

    def start(self, args: Sequence[str], *, stdin: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start `git ARGS` and return the process, for an answer that is read while it is written.

        What it complains of is dropped. Raises GitError if it cannot be started.
        """
        try:
            return subprocess.Popen(
                ["git", *args],
                cwd=self._cwd,
                env=self._environment,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise _not_started(self._cwd, error) from error

    def ls_files(self, patterns: Sequence[str], *, others: bool = False) -> list[str]:
        """Return the paths in the staging area that match, sorted; `others` adds untracked ones."""
        kinds = ["--cached", "--others", "--exclude-standard"] if others else ["--cached"]
        return sorted(set(_paths(self.run(["ls-files", "-z", *kinds, "--", *patterns]))))

    def is_tracked(self, paths: Sequence[str]) -> set[str]:
        """Return those of `paths` that Git tracks, or below which it tracks anything."""
        tracked: set[str] = set()
        for some in _portions(paths):
            wanted = set(some)
            for found in _paths(self.run([_LITERAL, "ls-files", "-z", "--cached", "--", *some])):
                tracked.update(name for name in _with_parents(found) if name in wanted)
        return tracked

    def stage(self, paths: Sequence[str]) -> None:
        """Run `git add` on `paths`; waits up to 5 s while another Git command holds the index."""
        self._change_index(["add"], paths)

    def check_stage(self, paths: Sequence[str]) -> None:
        """Ask `git add` whether it would take `paths`, which need not be there yet; nothing is changed.

        Raises GitError as `stage` does: for an index that another command holds (kind `index-locked`), and for
        paths that ignore rules hide or that are in a submodule.
        """
        self._change_index(["add", "--dry-run", "--ignore-missing"], paths)

    def rev_parse(self, rev: str) -> str:
        """Return the commit id that `rev` names. Raises NotFound."""
        commit = None if not rev or rev.startswith("-") else self._commit(rev)
        if commit is None:
            if self.head() is None and not self.run(["for-each-ref", "--count=1"]):
                raise NotFound(
                    f"`{rev}` names no commit: this repository has none yet",
                    hints=["make one: `git commit`, or bring some here: `git fetch`"],
                    kind="unknown-revision",
                )
            hints = ["list what there is: `git log --oneline --all`", "or bring it here: `git fetch`"]
            raise NotFound(
                f"`{rev}` names no commit in this repository",
                hints=self.shallow_hints() or hints,
                kind="unknown-revision",
            )
        return commit

    def shallow_hints(self) -> list[str]:
        """What brings older commits here, where the clone is shallow; nothing elsewhere."""
        if self._attempt(["rev-parse", "--is-shallow-repository"]).stdout.strip() != b"true":
            return []
        return ["this clone is shallow, so older commits are not here: `git fetch --unshallow`"]

    def is_commit(self, rev: str) -> bool:
        """Whether `rev` names a commit."""
        return bool(rev) and not rev.startswith("-") and self._commit(rev) is not None

    def head(self) -> str | None:
        """Return the commit id of HEAD, or None before the first commit."""
        return self._commit("HEAD")

    def ls_tree(self, rev: str, *, suffix: str) -> list[tuple[str, str]]:
        """Return (path, object id) of every regular file of a commit whose path ends in `suffix`."""
        found: list[tuple[str, str]] = []
        end = os.fsencode(suffix)
        for line in self.run(["ls-tree", "-r", "-z", "--full-tree", rev]).split(b"\0"):
            if line.startswith(b"100") and line.endswith(end):
                about, _, path = line.partition(b"\t")
                found.append((os.fsdecode(path), about.split(b" ")[2].decode("ascii")))
        return found

    def read_objects(self, ids: Sequence[str], *, limit_bytes: int | None = None) -> list[bytes]:
        """Return the content of each object, in order. Raises GitError for one that is missing or longer
        than `limit_bytes`; sizes are asked for first, so nothing long is ever loaded."""
        if not ids:
            return []
        request = "".join(f"{name}\n" for name in ids).encode("ascii")
        if limit_bytes is not None:
            _check_sizes(self.run(["cat-file", "--batch-check"], input=request), limit_bytes)
        return list(_objects(self.run(["cat-file", "--batch"], input=request), len(ids)))

    def check_ignored(self, paths: Sequence[str]) -> set[str]:
        """Return those of `paths` that Git's ignore rules hide, tracked or not."""
        args = ["check-ignore", "-z", "--no-index", "--stdin"]
        return set(_paths(self.answer(args, input=_lines(paths)))) if paths else set()

    def answer(self, args: Sequence[str], *, input: bytes | None = None) -> bytes:
        """Run a Git command that ends with 1 where the answer is no; returns its stdout. Raises GitError."""
        answer = self._attempt(args, input=input)
        if answer.returncode not in (0, 1):
            raise _git_error(args, answer)
        return answer.stdout

    def changes_against_head(self, patterns: Sequence[str]) -> dict[str, str]:
        """Return the files matching `patterns` that differ from HEAD: "new", "modified", "removed" or "unmerged".

        Staged or not makes no difference; untracked files that no rule ignores are new.
        """
        args = ["--no-optional-locks", "status", "--porcelain=v1", "-z", "--untracked-files=all"]
        answer = self.run([*args, "--no-renames", "--ignore-submodules=all", "--", *patterns])
        return {path[3:]: _change(path[:2]) for path in _paths(answer)}

    def merge_file(self, files: Sequence[str], *, marker_bytes: int) -> bool:
        """Merge the lines of three files (ours, base, theirs) into the first, as Git does without a driver.

        False if that left conflict markers. Raises GitError where it cannot be done, as for binary files.
        """
        labels = ["-L", "ours", "-L", "base", "-L", "theirs"]
        args = ["merge-file", f"--marker-size={marker_bytes}", *labels, "--", *files]
        answer = self._attempt(args)
        if answer.returncode > 127:
            raise _git_error(args, answer)
        return answer.returncode == 0

    def _commit(self, rev: str) -> str | None:
        args = ["rev-parse", "--verify", "--quiet", rev + "^{commit}"]
        answer = self._attempt(args)
        if answer.returncode == 0:
            return answer.stdout.decode("ascii").strip()
        if answer.returncode == 1 or b"Needed a single revision" in answer.stderr:
            return None
        raise _git_error(args, answer)

    def _change_index(self, command: Sequence[str], paths: Sequence[str]) -> None:
        if not paths:
            return
        args = [_LITERAL, *command, *_FROM_INPUT]
        deadline = time.monotonic() + _INDEX_LOCK_WAIT_S
        while True:
            answer = self._attempt(args, input=_lines(paths))
            if answer.returncode == 0:
                return
            if b"index.lock" not in answer.stderr or time.monotonic() > deadline:
                raise _git_error(args, answer)
            time.sleep(_INDEX_LOCK_POLL_S)

    def _attempt(
        self, args: Sequence[str], *, input: bytes | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", *args],
                cwd=self._cwd,
                env=self._environment,
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise _not_started(self._cwd, error) from error


def _not_started(cwd: str, error: OSError) -> GitError:
    if isinstance(error, FileNotFoundError) and os.path.isdir(cwd):
        return GitError(
            "the command `git` was not found",
            hints=["install Git 2.26 or newer (https://git-scm.com/downloads) and put it on PATH"],
            kind="git-missing",
        )
    return GitError(f"cannot run `git` in `{cwd}`: {error.strerror or error}")


def _git_error(args: Sequence[str], answer: "subprocess.CompletedProcess[bytes]") -> GitError:
    lines = [line.strip() for line in answer.stderr.decode("utf-8", "backslashreplace").splitlines()]
    message = "; ".join(line for line in lines[:4] if line) or f"exit status {answer.returncode}"
    command = next(
        arg for place, arg in enumerate(args) if not arg.startswith("-") and args[place - 1 : place] != ["-c"]
    )
    hints: list[str] = []
    kind = None
    if "index.lock" in message:
        kind = "index-locked"
        hints.append("let the other Git command finish; if none runs, remove the `index.lock` it left behind")
    if "ignored by one of your" in message:
        hints.append("find the rule: `git check-ignore -v PATH`, and allow `*.dvx` below it: `!*.dvx`")
    if "safe.directory" in answer.stderr.decode("utf-8", "replace"):
        hints.append("if you trust its owner: `git config --global --add safe.directory REPOSITORY`")
    return GitError(f"`git {command}` failed: {message}", hints=hints, kind=kind)


def _change(code: str) -> str:
    """What the two letters of `git status --porcelain` mean for a file, seen from HEAD."""
    if "U" in code or code in ("AA", "DD"):
        return "unmerged"
    if "D" in code and code != "AD":
        return "removed" if code[1] == "D" or code[1] == " " else "modified"
    return "new" if code[0] in "A?" else "modified"


def _paths(answer: bytes) -> list[str]:
    """Split a NUL-terminated answer; bytes that are not UTF-8 become lone surrogates, as on the disk."""
    return [os.fsdecode(path) for path in answer.split(b"\0") if path]


def _lines(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _with_parents(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _portions(paths: Sequence[str]) -> Iterator[list[str]]:
    """Split paths so that each list fits on a command line."""
    some: list[str] = []
    size = 0
    for path in paths:
        if some and size + len(path) > _ARGUMENT_BYTES:
            yield some
            some, size = [], 0
        some.append(path)
        size += len(os.fsencode(path)) + 3
    if some:
        yield some


def _check_sizes(answer: bytes, limit_bytes: int) -> None:
    for line in answer.splitlines():
        size = line.rpartition(b" ")[2]
        if not size.isdigit():
            raise _missing_object(line)
        if int(size) > limit_bytes:
            raise GitError(
                f"Git object {short_git_id(line.decode('ascii'))} has {int(size)} bytes, more than {limit_bytes}"
            )


def _objects(answer: bytes, expected: int) -> Iterator[bytes]:
    """Split what `cat-file --batch` wrote: a line `id type size`, the bytes, a newline, for each object."""
    position = 0
    for _ in range(expected):
        end = answer.find(b"\n", position)
        line = answer[position : max(end, position)]
        size = line.rpartition(b" ")[2]
        if end < 0 or not size.isdigit():
            raise _missing_object(line)
        position = end + 1 + int(size)
        if position >= len(answer):
            raise GitError("`git cat-file` ended in the middle of an object")
        yield answer[end + 1 : position]
        position += 1


def _missing_object(line: bytes) -> GitError:
    return GitError(
        f"Git has no object {short_git_id(line.decode('ascii', 'replace'))}",
        hints=["look for damage: `git fsck`", "or bring it here: `git fetch`"],
        kind="git-object-missing",
    )
