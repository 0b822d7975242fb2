"""The files that a checkout will write, many of them in little memory.

Owns `FileToWrite` and a sequence of them as columns: a million objects would take 400 MiB, their columns 80.
Must not decide which files are written.
"""

import heapq
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat, takewhile
from operator import attrgetter
from typing import Final, NamedTuple

from dvx.core.ids import ID_BYTES
from dvx.disk.reading import FileStat

# Objects of one block are alive while it is filled and while it is read.
_BLOCK_FILES: Final = 1024
_KINDS: Final = ("file", "executable", "symlink")
# Stands for None in columns: no file has such a size.
_ANYTHING: Final = FileStat(-2, 0, 0, 0)
_STATE_COLUMNS: Final = ("q", "q", "q", "Q")
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}


class FileToWrite(NamedTuple):
    """One file to restore: `path` below the writer's root, `start` its place in the root's byte stream.

    `before` is what may be replaced at the path; None means whatever is there (see dvx.disk.renames).
    """

    path: str
    kind: str
    size: int
    id: bytes
    start: int
    before: FileStat | None = None


class _Block:
    """Some files in path order, as columns. No path holds a NUL character (dvx.core.paths)."""

    __slots__ = ("_ids", "_kinds", "_names", "_prefix", "_sizes", "_starts", "_states", "largest")

    def __init__(self, files: list[FileToWrite]) -> None:
        paths, kinds, sizes, ids, starts, states = zip(*files, strict=True)
        self._prefix = _common_start(paths[0], paths[-1])  # and so of all paths between them
        cut = len(self._prefix)
        self._names = "\0".join([path[cut:] for path in paths]).encode("utf-8", "surrogatepass")
        self._kinds = bytes([_NUMBERS[kind] for kind in kinds])
        self._sizes = array("q", sizes)
        self._ids = b"".join(ids)
        self._starts = array("q", starts)
        self._states = _States(states)
        self.largest: int = max(sizes)

    def __iter__(self) -> Iterator[FileToWrite]:
        new, file, prefix, ids = tuple.__new__, FileToWrite, self._prefix, self._ids
        names = self._names.decode("utf-8", "surrogatepass").split("\0")
        numbers = zip(names, self._kinds, self._sizes, self._starts, self._states, strict=True)
        for number, (name, kind, size, start, state) in enumerate(numbers):
            place = number * ID_BYTES
            yield new(file, (prefix + name, _KINDS[kind], size, ids[place : place + ID_BYTES], start, state))


class _States:
    """What may be replaced, for each file of a block. Most often it is the same for all: nothing."""

    __slots__ = ("_columns", "_count", "_same")

    def __init__(self, states: Sequence[FileStat | None]) -> None:
        self._count = len(states)
        self._same = states[0]
        is_same = all(state == self._same for state in states)
        rows = [] if is_same else [state or _ANYTHING for state in states]
        columns = zip(*rows, strict=True)
        self._columns = [array(code, column) for code, column in zip(_STATE_COLUMNS, columns, strict=False)]

    def __iter__(self) -> Iterator[FileStat | None]:
        if not self._columns:
            return repeat(self._same, self._count)
        rows = zip(*self._columns, strict=True)
        return (None if row[0] == _ANYTHING.size else FileStat(*row) for row in rows)


def _common_start(first: str, last: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return first[: sum(1 for _ in same)]


class _Sorted:
    """Files that came in path order."""

    __slots__ = ("_blocks", "_open", "last_path")

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._open: list[FileToWrite] = []
        self.last_path = ""

    def append(self, file: FileToWrite) -> None:
        self._open.append(file)
        self.last_path = file.path
        if len(self._open) >= _BLOCK_FILES:
            self._blocks.append(_Block(self._open))
            self._open = []

    def files(self, *, from_bytes: int) -> Iterator[FileToWrite]:
        """Files in path order, without blocks in which all are smaller than `from_bytes`."""
        for block in self._blocks:
            if block.largest >= from_bytes:
                yield from block
        yield from self._open


class FilesToWrite:
    """Files of one root, to be appended in any order and read in path order, which is stream order.

    Takes about 80 bytes for a file with a path of 50 characters. Appending in a few stretches of path order costs
    nothing; each stretch more makes reading slower.
    """

    def __init__(self) -> None:
        self._parts: list[_Sorted] = []
        self._count = 0
        self.size_bytes = 0
        self.largest_bytes = 0

    def append(self, file: FileToWrite) -> None:
        """Take one more file."""
        part = next((part for part in self._parts if part.last_path < file.path), None)
        if part is None:
            part = _Sorted()
            self._parts.append(part)
        part.append(file)
        self._count += 1
        self.size_bytes += file.size
        self.largest_bytes = max(self.largest_bytes, file.size)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[FileToWrite]:
        return self._merged(from_bytes=0)

    def _merged(self, *, from_bytes: int) -> Iterator[FileToWrite]:
        parts = [part.files(from_bytes=from_bytes) for part in self._parts]
        return chain(*parts) if len(parts) <= 1 else heapq.merge(*parts, key=attrgetter("path"))

    def paths(self) -> Iterator[str]:
        """The paths in order."""
        return (file.path for file in self)

    def large(self, from_bytes: int) -> Iterator[FileToWrite]:
        """The files of `from_bytes` and more, in path order, without looking at blocks that have none."""
        return (file for file in self._merged(from_bytes=from_bytes) if file.size >= from_bytes)

    def only(self, is_wanted: Callable[[FileToWrite], bool]) -> "FilesToWrite":
        """Some of the files."""
        chosen = FilesToWrite()
        for file in self:
            if is_wanted(file):
                chosen.append(file)
        return chosen

    def spans(self) -> list[tuple[int, int]]:
        """The stretches of the root's stream that hold these files, merged and in order."""
        spans: list[tuple[int, int]] = []
        for file in self:
            if spans and spans[-1][1] == file.start:
                spans[-1] = (spans[-1][0], file.start + file.size)
            elif file.size:
                spans.append((file.start, file.start + file.size))
        return spans
