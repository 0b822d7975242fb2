"""The history of pointers: which commits changed which, and what any revision's pointers say.

Owns the walk over commits. One `git log` finds the changes and one `git cat-file --batch` reads the versions, each
object once; nothing is checked out, and data is never needed. Must not know what parameters or metrics mean.
"""

import os
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import DvxError, GitError, UsageError
from dvx.core.ids import short_git_id
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, parse_pointer
from dvx.formats.pointer_lines import PointerReader
from dvx.repo.git import Git
from dvx.repo.history_log import HistoryCommit as HistoryCommit
from dvx.repo.history_log import PointerChange as PointerChange
from dvx.repo.history_log import parse_graph, parse_log
from dvx.repo.pointer_paths import POINTER_SUFFIX, is_pointer_path
from dvx.repo.repository import Repository
from dvx.repo.small_objects import read_small_objects

ALL_REFS: Final = ("--branches", "--tags", "--remotes", "HEAD")
_FORMAT: Final = "commit %H%x00%P%x00%an%x00%at%x00%D%x00%s"
# What a person may have set in Git's configuration must not change what is read.
_PLAIN: Final = ("-c", "log.showRoot=true", "-c", "log.showSignature=false")
_FIELDS: Final = (
    "--no-follow", "--no-color", "--encoding=UTF-8", "--decorate=full", "--decorate-refs=refs/tags/",
    "--decorate-refs=refs/heads/", f"--format={_FORMAT}",
)  # fmt: skip
# By date, and no parent before its children, as clocks differ.
_LOG: Final = (
    "log",
    "--date-order",
    "--full-history",
    "-c",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    *_FIELDS,
)
_GRAPH: Final = ("log", "--graph", "--simplify-merges", *_FIELDS)
_GLOB_SIGNS: Final = frozenset("*?[")
# The time that Git takes to match a name is the length of the name to the power of the stars.
_MOST_STARS: Final = 2
# Merges that changed no pointer count for Git's `-n`: a first look is this much wider.
_WIDER: Final = 4
_DATE_DOUBT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class HistorySelection:
    """Which commits are meant.

    `revs` are what `git log` takes: names, ranges, or ALL_REFS. `paths` are data paths, pointers, folders above them,
    paths inside tracked directories, or globs over these, relative to the root; none means all pointers. `since` is a
    date as Git reads it. `limit` is the number of commits at most, the newest.
    """

    revs: Sequence[str] = ("HEAD",)
    paths: Sequence[str] = ()
    since: str | None = None
    limit: int | None = None


class PointerHistory:
    """Reads the pointers of one repository, at any revision. Versions once read are kept; use it from one thread.

    Works in bare and shallow repositories, linked work trees, and with SHA-256 objects. In a shallow clone the commits
    at its end have no parents here, so all their pointers count as added; `is_boundary` says so.
    """

    def __init__(self, repository: Repository) -> None:
        self._git: Git = repository.git()
        self._common_dir = repository.common_dir
        self._pointers: dict[str, Pointer | None] = {}
        self._reader = PointerReader()
        #: Object ids of versions that are no pointer this dvx can read, and why.
        self.problems: dict[str, DvxError] = {}

    def commits(self, selection: HistorySelection | None = None) -> list[HistoryCommit]:
        """Return the commits that changed a pointer, newest first, children before their parents.

        A merge is among them if a pointer in it differs from that of every parent. A renamed pointer is one removed
        and one added. Raises NotFound for an unknown revision, UsageError for a date that Git does not know, GitError.
        """
        chosen = selection or HistorySelection()
        revs = self._known_revs(chosen.revs)
        if not revs or chosen.limit == 0:
            return []
        self._check_date(chosen.since)
        command = [*_PLAIN, *_LOG, *([f"--since={chosen.since}"] if chosen.since else [])]
        tail = [*revs, "--", *self._pathspecs(revs, chosen.paths)]
        limit = chosen.limit
        if limit is not None:
            wider = limit * _WIDER + 20
            found, seen = self._log([*command, f"-n{wider}", *tail])
            if len(found) >= limit or seen < wider:
                return found[:limit]
        return self._log([*command, *tail])[0][:limit]

    def graph(self, selection: HistorySelection) -> list[tuple[str, HistoryCommit | None]]:
        """Return the lines of a drawing of these commits and the merges between them, newest first.

        Each has its signs, and its commit, without changes, where one stands there. Raises as `commits` does.
        """
        revs = self._known_revs(selection.revs)
        if not revs or selection.limit == 0:
            return []
        self._check_date(selection.since)
        since = [f"--since={selection.since}"] if selection.since else []
        limit = [f"-n{selection.limit}"] if selection.limit is not None else []
        command = [*_PLAIN, *_GRAPH, *since, *limit, *revs, "--", *self._pathspecs(revs, selection.paths)]
        return parse_graph(self._git.run(command), boundary=self._shallow_ends())

    def _pathspecs(self, revs: Sequence[str], paths: Sequence[str]) -> list[str]:
        """As pathspecs; a pattern that Git takes too long to match is matched here, against all names of the past."""
        from dvx.repo.targets import matches_inside  # 2 ms, with pointers, for patterns only

        slow = [path for path in paths if path.count("*") > _MOST_STARS]
        if not slow or "" in paths:
            return pathspecs(paths)
        answer = self._git.run(
            [*_PLAIN, "log", "--format=", "--name-only", "-z", *revs, "--", "*" + POINTER_SUFFIX]
        )
        names = sorted({os.fsdecode(name).strip("\n") for name in answer.split(b"\0")} - {""})
        is_meant = matches_inside([path.rstrip("/").removesuffix(POINTER_SUFFIX) for path in slow])
        plain = [path for path in paths if path not in slow]
        found = [name for name in names if is_meant(name.removesuffix(POINTER_SUFFIX))]
        found += [above + POINTER_SUFFIX for path in slow for above in _folders_above(path)]
        literal = [f":(literal){name}" for name in found] or [f":(literal){slow[0]}{POINTER_SUFFIX}"]
        return [*(pathspecs(plain) if plain else []), *literal]

    def read(self, object_ids: Iterable[str]) -> Mapping[str, Pointer]:
        """Return the pointers that these Git objects hold, by object id; what is none is left out, see `problems`."""
        wanted = list(dict.fromkeys(object_ids))
        unread = [each for each in wanted if each not in self._pointers]
        for object_id, data in read_small_objects(self._git, unread, limit_bytes=MAX_POINTER_BYTES):
            self._pointers[object_id] = self._parsed(object_id, data)
        found = ((each, self._pointers[each]) for each in wanted)
        return {each: pointer for each, pointer in found if pointer is not None}

    def stream(self, object_ids: Sequence[str]) -> Generator[Pointer | None]:
        """Yield the pointer of each object in turn, None for what is none, as it is read. None of them is kept.

        Ends the process that reads when it is closed. For histories of which few versions are wanted.
        """
        unread = [each for each in object_ids if each not in self._pointers]
        arriving = read_small_objects(self._git, unread, limit_bytes=MAX_POINTER_BYTES)
        with closing(arriving):
            for each in object_ids:
                yield self._pointers[each] if each in self._pointers else self._parsed(*next(arriving))

    def pointers_at(self, rev: str) -> dict[str, Pointer]:
        """Return the pointers of one revision by data path; what is no pointer is left out. Raises as read_at."""
        return self.read_at(rev)[0]

    def read_at(self, rev: str) -> tuple[dict[str, Pointer], dict[str, DvxError]]:
        """Return the pointers of one revision by data path, and by pointer path why what is none cannot be read.

        Raises NotFound for an unknown revision, and GitError.
        """
        commit = self._git.rev_parse(rev)
        files = [
            each for each in self._git.ls_tree(commit, suffix=POINTER_SUFFIX) if is_pointer_path(each[0])
        ]
        read = self.read(object_id for _, object_id in files)
        broken = {path: self.problems[each] for path, each in files if each not in read}
        return {path.removesuffix(POINTER_SUFFIX): read[each] for path, each in files if each in read}, broken

    def _log(self, command: Sequence[str]) -> tuple[list[HistoryCommit], int]:
        """The commits with changed pointers, and how many Git named in all."""
        return parse_log(self._git.run(command), boundary=self._shallow_ends())

    def _parsed(self, object_id: str, data: bytes | None) -> Pointer | None:
        try:
            if data is None:
                raise GitError(f"Git object {short_git_id(object_id)} is not here, or too long for a pointer")
            return self._reader.read(data) or parse_pointer(data, name=short_git_id(object_id))
        except DvxError as error:
            self.problems[object_id] = error
            return None

    def _known_revs(self, revs: Sequence[str]) -> list[str]:
        """Refuse unknown names one by one; HEAD before the first commit is no commit, not an error."""
        found = []
        for rev in revs:
            if rev == "HEAD" and self._git.head() is None:
                continue
            if not (rev in ALL_REFS or ".." in rev):
                self._git.rev_parse(rev)
            elif ".." in rev:
                left, _, right = rev.partition("..")
                for name in (left, right.lstrip(".")):
                    self._git.rev_parse(name or "HEAD")
            found.append(rev)
        return found

    def _check_date(self, text: str | None) -> None:
        """Refuse what Git silently takes for this very moment because it is no date."""
        if text is None or text.strip().lower() in ("now", "today"):
            return
        answer = b"" if "\0" in text else self._git.run(["rev-parse", f"--since={text}"])
        age = answer.strip().rpartition(b"=")[2]
        if not age.isdigit() or abs(int(age) - time.time()) < _DATE_DOUBT_S:
            raise UsageError(
                f"{text[:80]!a} is not a date that Git understands",
                hints=["give one: `--since 2026-01-31`, `--since '2 weeks ago'`"],
                kind="bad-date",
            )

    def _shallow_ends(self) -> frozenset[str]:
        try:
            with open(os.path.join(self._common_dir, "shallow"), encoding="ascii") as file:
                return frozenset(file.read().split())
        except (OSError, ValueError):
            return frozenset()


def pathspecs(paths: Sequence[str]) -> list[str]:
    """Return the pathspecs of Git for the pointers that `paths` mean; all pointers without paths."""
    if not paths or "" in paths:
        return ["*" + POINTER_SUFFIX]
    found: list[str] = []
    for path in paths:
        place = path.rstrip("/")
        stem = place.removesuffix(POINTER_SUFFIX) if is_pointer_path(place) else place
        names = [f":(literal){place}{POINTER_SUFFIX}", f":(literal){stem}{POINTER_SUFFIX}"]
        names += [f":(glob){_quoted(place)}/**/*{POINTER_SUFFIX}"]
        names += [f":(literal){above}{POINTER_SUFFIX}" for above in _folders_above(place)]
        if not _GLOB_SIGNS.isdisjoint(place):
            names += [f":(glob){stem}{POINTER_SUFFIX}", f":(glob){place}/**/*{POINTER_SUFFIX}"]
        found += names
    return list(dict.fromkeys(found))


def _folders_above(path: str) -> Iterator[str]:
    above = os.path.dirname(path)
    while above:
        yield above
        above = os.path.dirname(above)


def _quoted(path: str) -> str:
    return "".join("\\" + sign if sign in "*?[\\" else sign for sign in path)
