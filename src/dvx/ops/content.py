"""Content ids of workspace files: from the stat cache where it can be trusted, else by hashing.

Owns the rule that only ids of exact file states are remembered. Must not decide what a difference means.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from dvx.core.errors import ChangedWhileReading, DvxError, LocalDiskError, PathRefused
from dvx.core.ids import Hasher, hash_bytes
from dvx.core.parallel import map_parallel
from dvx.core.progress import Reporter
from dvx.disk.atomic import disk_errors
from dvx.disk.walk import WalkEntry
from dvx.repo.stat_cache import StatCache, StatRow, row_matches

if TYPE_CHECKING:
    from dvx.disk.reading import FileStat

_HASHES_AT_ONCE: Final = 256
_ROWS_AT_ONCE: Final = 20_000
# Rows are read in path order, as walks ask for them: a few for a single path, more where they were needed.
_FIRST_ROWS: Final = 16
_MOST_ROWS: Final = 4096


class ContentIds:
    """Ids of the files below one tracked path. Use from one thread; call `save` at the end."""

    def __init__(self, cache: StatCache, root: str, path: str, *, is_writing: bool = False) -> None:
        """`root` is the top of the work tree, `path` the tracked path relative to it.

        `is_writing` is for files that dvx itself writes now, so that their state is certain.
        """
        self._cache = cache
        self._root = root
        self._path = path
        # The rows of the paths from `_start` to `_last`.
        self._rows: dict[str, StatRow] = {}
        self._start, self._last = "", ""
        self._limit = 0
        self._hits = 0
        self._expected: deque[tuple[str, str]] = deque()
        self._fresh: list[tuple[str, StatRow]] = []
        # A file that changes after this moment may have been read before it did, within one tick of its clock.
        self._observed_ns = None if is_writing else time.time_ns()

    def known(self, path: str, found: WalkEntry) -> bytes | None:
        """The id of a file that is as it was when its id was computed, else None."""
        row = self._rows.get(path)
        if row is None:
            if not self._start <= path <= self._last:
                self._load_rows(path)
                row = self._rows.get(path)
            if row is None:
                return None
        self._hits += 1
        return row.id if row_matches(row, found) else None

    def surely_known(self, path: str, found: WalkEntry) -> bytes | None:
        """`known` for who gives the file up: None where it may have been written without a trace."""
        content_id = self.known(path, found)
        return content_id if content_id is not None and not self._rows[path].may_be_dirty else None

    def expect(self, spans: Iterable[tuple[str, str]]) -> None:
        """Say from which path to which `known` will be asked next, in path order: their rows are read at once."""
        self._expected = deque(spans)

    def _load_rows(self, path: str) -> None:
        while self._expected:
            first, last = self._expected.popleft()
            if first <= path <= last:
                self._load_span(path, last)
                return
        self._load_some(path)

    def _load_span(self, path: str, last: str) -> None:
        self._limit = _MOST_ROWS
        self._rows = self._cache.lookup_range(path, last + "\0", limit=_MOST_ROWS)
        self._start, self._hits = path, 0
        self._last = next(reversed(self._rows)) if len(self._rows) == _MOST_ROWS else last

    def _load_some(self, path: str) -> None:
        """Read the rows from `path` on: more than before if those were of use, few if paths are far apart."""
        is_dense = self._hits * 4 >= self._limit > 0
        self._limit = min(4 * self._limit, _MOST_ROWS) if is_dense else _FIRST_ROWS
        # All that starts with "path/" sorts before "path0": "0" is the character after "/".
        end = self._path + "0"
        self._rows = self._cache.lookup_range(path, end, limit=self._limit)
        self._start, self._hits = path, 0
        self._last = next(reversed(self._rows)) if len(self._rows) == self._limit else end

    def remember(self, path: str, kind: str, stat: "FileStat", content_id: bytes) -> None:
        """Note the id of a file in the state `stat`; symlinks and directories are not worth a row."""
        if kind in ("file", "executable"):
            row = StatRow(stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, kind, content_id)  # type: ignore[arg-type]
            self._fresh.append((path, row))
            if len(self._fresh) >= _ROWS_AT_ONCE:
                self.save()

    def save(self) -> None:
        """Write the noted ids to the cache."""
        if self._fresh:
            is_written = self._observed_ns is None
            self._cache.store(
                self._fresh, observed_ns=self._observed_ns or time.time_ns(), is_written=is_written
            )
            self._fresh = []

    def hash_all(
        self,
        files: Iterable[tuple[str, WalkEntry]],
        *,
        jobs: int,
        reporter: Reporter,
        refused: dict[str, DvxError] | None = None,
    ) -> Iterator[tuple[str, WalkEntry, bytes | None]]:
        """Yield (path, found, id) for each file, hashing several at once; None for one that keeps changing.

        What cannot be read is noted in `refused`, by path, and not yielded; without it the error is raised.
        """

        def hash_one(item: tuple[str, WalkEntry]) -> bytes | None:
            try:
                return self._hash(*item)
            except (LocalDiskError, PathRefused) as error:
                if refused is None:
                    raise
                refused[item[0]] = error
                return None

        files = iter(files)
        while batch := list(islice(files, _HASHES_AT_ONCE)):
            ids = map_parallel(hash_one, batch, jobs=jobs, name="dvx-hash")
            for (path, found), content_id in zip(batch, ids, strict=True):
                reporter.advance(size_bytes=found.size, files=1)
                if refused and path in refused:
                    continue
                if content_id is not None:
                    self.remember(path, found.kind, _stat_of(found), content_id)
                yield path, found, content_id

    def _hash(self, path: str, found: WalkEntry) -> bytes | None:
        absolute = os.path.join(self._root, path)
        if found.kind == "symlink":
            with disk_errors(path, "read"):
                return hash_bytes(os.fsencode(os.readlink(absolute)))
        from dvx.disk.reading import Source, hash_file  # 1 ms that unchanged files do not need

        hasher = Hasher()
        try:
            hash_file(Source(absolute, path, found.size), _stat_of(found), hasher)
        except ChangedWhileReading:
            return None
        return hasher.digest()


def state_before(found: WalkEntry | None) -> "FileStat | None":
    """What may be replaced or removed where `found` was seen: exactly that; a folder is not there any more by then."""
    from dvx.disk.renames import ABSENT  # only where something is written

    return ABSENT if found is None or found.kind == "directory" else _stat_of(found)


def _stat_of(found: WalkEntry) -> "FileStat":
    from dvx.disk.reading import FileStat

    return FileStat(found.size, found.mtime_ns, found.ctime_ns, found.inode)
