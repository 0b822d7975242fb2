"""Manifest pages: sorted listings of a directory as lines of text.

Owns the page format and what an entry may be. How pages form a tree is in manifest_tree. Must not read a
store; works on bytes that somebody else fetched.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import lt
from typing import Final, NamedTuple, NoReturn

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.core.ids import EMPTY_ID, ID_BYTES
from dvx.core.paths import MAX_COMPONENT_BYTES, ORDINARY_PATH, check_stored_path

# A page is stored as one chunk, and no chunk is larger than 256 KiB.
MAX_PAGE_BYTES: Final = 256 * 1024
# The boundary of level L comes from bytes 4L to 4L+3 of a 32-byte hash, so there are 8 levels: 0 (leaf) to 7.
MAX_LEVEL: Final = 7
# Linux and macOS refuse longer targets (PATH_MAX).
MAX_SYMLINK_BYTES: Final = 4096

_LETTERS: Final = {"file": "f", "executable": "x", "symlink": "l", "directory": "d"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}
_HEADER: Final = re.compile(r"dvx-manifest ([1-9][0-9]{0,8}) (.*)")
_LEVEL: Final = re.compile(r"inner ([1-9])")
_LEAF_LINE: Final = re.compile(r"^([fxld]) (0|[1-9][0-9]{0,18}) ([0-9a-f]{64}) ([^\n]+)\n", re.MULTILINE)
# The same with a path that check_stored_path accepts for its letters alone: nearly every one of a dataset.
_ORDINARY_LEAF_LINE: Final = re.compile(
    rf"^([fxld]) (0|[1-9][0-9]{{0,18}}) ([0-9a-f]{{64}}) ({ORDINARY_PATH})\n", re.MULTILINE
)
_INNER_LINE: Final = re.compile(
    r"^([1-9][0-9]{0,18}) (0|[1-9][0-9]{0,18}) ([0-9a-f]{64}) ([^\n]+)\n", re.MULTILINE
)


class Entry(NamedTuple):
    """One line of a directory listing.

    `kind` is `file`, `executable`, `symlink` or `directory` (an empty one). `size` is in bytes and `id` is
    the 32-byte content id; of a symlink both describe the target text in UTF-8, of an empty directory they
    are 0 and the id of no bytes. A tuple because a directory may have millions of them.
    """

    path: str
    kind: str
    size: int
    id: bytes


@dataclass(frozen=True, slots=True)
class LeafPage:
    """A page of entries in path order; empty only as the root of an empty directory."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class ChildPage:
    """What an inner page says of one child: entries and bytes below it, its id, its greatest path."""

    entries: int
    size: int
    id: bytes
    last_path: str


@dataclass(frozen=True, slots=True)
class InnerPage:
    """A page over pages of the level below (level 1 lies over leaves), in path order, never empty."""

    level: int
    children: tuple[ChildPage, ...]


class PathOrder:
    """Checks a sequence of entry paths: strictly increasing, and none below another that is no directory.

    Paths compare by their UTF-8 bytes, which is the order of Python's `str`. Keeps only the earlier paths
    that the latest one starts with.
    """

    __slots__ = ("_starts",)

    def __init__(self) -> None:
        self._starts: list[str] = []

    def accept(self, path: str) -> None:
        """Take the next path. Raises FormatError (kind `bad-manifest`)."""
        starts = self._starts
        if starts:
            if path <= starts[-1]:
                refuse_manifest(f"{path[:200]!a} does not sort after {starts[-1][:200]!a}")
            # `a`, `a-b`, `a/c`: the conflicting pair need not be adjacent, so prefixes stay on the stack.
            while starts and not path.startswith(starts[-1]):
                starts.pop()
            for start in starts:
                if path[len(start)] == "/":
                    refuse_manifest(f"{start[:200]!a} is both an entry and the parent of {path[:200]!a}")
        starts.append(path)

    def accept_all(self, paths: Sequence[str]) -> None:
        """Take many paths at once, in a fifth of the time. Raises as accept."""
        if not paths:
            return
        if not self._are_plain(paths):
            for path in paths:
                self.accept(path)
            return
        last = paths[-1]
        known = {*self._starts, *paths}
        self._starts = [last[:end] for end in range(1, len(last) + 1) if last[:end] in known]

    def accept_checked(self, paths: Sequence[str]) -> None:
        """Take the paths of a page that was checked before, in the time of a few searches. Raises as accept.

        They increase and none is below another; what remains is how they lie to the paths before them.
        """
        if not paths:
            return
        starts = [start for start in self._starts if paths[0].startswith(start)]
        if self._starts and paths[0] <= self._starts[-1]:
            refuse_manifest(f"{paths[0][:200]!a} does not sort after {self._starts[-1][:200]!a}")
        for start in starts:
            number = bisect_left(paths, start + "/")
            if number < len(paths) and paths[number].startswith(start + "/"):
                refuse_manifest(f"{start[:200]!a} is both an entry and the parent of {paths[number][:200]!a}")
        last = paths[-1]
        before = [start for start in starts if last.startswith(start)]
        # What sorts after `last` can be below one of its heads only if the head goes on with at most a slash in it.
        heads = [last[:end] for end in range(1, len(last)) if last[end] <= "/"]
        self._starts = [*before, *(head for head in heads if _holds(paths, head)), last]

    def _are_plain(self, paths: Sequence[str]) -> bool:
        """Whether the paths increase and no path so far is a folder above one of them."""
        if self._starts and paths[0] <= self._starts[-1]:
            return False
        if not all(map(lt, paths, islice(paths, 1, None))):
            return False
        known = {*self._starts, *paths}
        folders = {path.rpartition("/")[0] for path in paths}
        return not any(above in known for folder in folders for above in _and_above(folder))


def _holds(paths: Sequence[str], path: str) -> bool:
    number = bisect_left(paths, path)
    return number < len(paths) and paths[number] == path


def _and_above(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def parse_page(data: bytes | memoryview, *, order: PathOrder | None = None) -> LeafPage | InnerPage:
    """Read one page; `order` continues the check of path order from the leaf before.

    Raises FormatError (kind `bad-manifest`), PathRefused for an unsafe path, UnsupportedVersion for a newer
    version.
    """
    if len(data) > MAX_PAGE_BYTES:
        refuse_manifest(f"a page is larger than {MAX_PAGE_BYTES} bytes")
    try:
        first, line_end, body = str(data, "utf-8").partition("\n")
    except UnicodeDecodeError as error:
        raise FormatError("a manifest page is not UTF-8", kind="bad-manifest") from error
    level = _parse_header(first)
    if not line_end:
        refuse_manifest("the first line of a page has no end")
    if level == 0:
        return LeafPage(_parse_entries(body, order=order or PathOrder()))
    return InnerPage(level, _parse_children(body))


def format_page(page: LeafPage | InnerPage) -> bytes:
    """Return the text of a page. Raises FormatError or PathRefused for what parse_page would refuse."""
    if isinstance(page, LeafPage):
        order = PathOrder()
        for entry in page.entries:
            check_entry(entry)
            order.accept(entry.path)
        data = join_page(0, map(format_entry, page.entries))
        _check_total(entry.size for entry in page.entries)
    else:
        if not 1 <= page.level <= MAX_LEVEL:
            refuse_manifest(f"level {page.level} is not between 1 and {MAX_LEVEL}")
        _check_children(page.children)
        data = join_page(page.level, map(format_child, page.children))
    return data


def check_entry(entry: Entry) -> None:
    """Refuse an entry that no manifest may hold. Raises FormatError or PathRefused."""
    if entry.kind not in _LETTERS or len(entry.id) != ID_BYTES or not 0 <= entry.size < 2**63:
        refuse_manifest(f"the entry {entry.path[:200]!a} has an invalid kind, id or size")
    if entry.kind in ("symlink", "directory"):
        _check_special(entry)
    check_stored_path(entry.path)


def format_entry(entry: Entry) -> bytes:
    """Return the line of a checked entry, with its LF."""
    return f"{_LETTERS[entry.kind]} {entry.size} {entry.id.hex()} {entry.path}\n".encode()


def format_child(child: ChildPage) -> bytes:
    """Return the line of a child page, with its LF."""
    return f"{child.entries} {child.size} {child.id.hex()} {child.last_path}\n".encode()


def join_page(level: int, lines: Iterable[bytes]) -> bytes:
    """Put the first line of a page of `level` before its lines. Raises FormatError if it grows too large."""
    header = f"dvx-manifest 1 inner {level}\n" if level else "dvx-manifest 1 leaf\n"
    data = header.encode("ascii") + b"".join(lines)
    if len(data) > MAX_PAGE_BYTES:
        refuse_manifest(f"a page is larger than {MAX_PAGE_BYTES} bytes")
    return data


def refuse_manifest(reason: str) -> NoReturn:
    """Raise the FormatError that all manifest code raises."""
    raise FormatError(f"a manifest page is not valid: {reason}", kind="bad-manifest")


def _parse_header(line: str) -> int:
    """Return the level that the first line states."""
    match = _HEADER.fullmatch(line)
    if match is None:
        refuse_manifest("it does not start with `dvx-manifest`")
    if match[1] != "1":
        raise UnsupportedVersion(
            f"a manifest page has version {match[1]}; this dvx knows version 1",
        )
    level = _LEVEL.fullmatch(match[2])
    if level is not None and int(level[1]) <= MAX_LEVEL:
        return int(level[1])
    if match[2] != "leaf":
        refuse_manifest("its first line names no known kind of page")
    return 0


def _rows(pattern: re.Pattern[str], body: str) -> list[tuple[str, str, str, str]]:
    """Split lines with `pattern`, which is anchored to whole lines, so equal counts mean all matched."""
    rows: list[tuple[str, str, str, str]] = pattern.findall(body)
    if len(rows) != body.count("\n") or (body and not body.endswith("\n")):
        refuse_manifest("it has a malformed line")
    return rows


def _parse_entries(body: str, *, order: PathOrder) -> tuple[Entry, ...]:
    rows = _leaf_rows(body)
    order.accept_all([row[3] for row in rows])
    # Straight to tuple.__new__, which takes half the time of Entry(...).
    new, kind, kinds, from_hex = tuple.__new__, Entry, _KINDS, bytes.fromhex
    entries = tuple(
        [
            new(kind, (path, kinds[letter], int(digits), from_hex(id_digits)))
            for letter, digits, id_digits, path in rows
        ]
    )
    for entry in entries:
        if entry[1] == "symlink" or entry[1] == "directory":
            _check_special(entry)
    _check_total([entry[2] for entry in entries])
    return entries


def _leaf_rows(body: str) -> list[tuple[str, str, str, str]]:
    """Split the lines of a leaf; every path is one that check_stored_path accepts."""
    rows: list[tuple[str, str, str, str]] = _ORDINARY_LEAF_LINE.findall(body)
    if len(rows) != body.count("\n") or max((len(row[3]) for row in rows), default=0) > MAX_COMPONENT_BYTES:
        rows = _rows(_LEAF_LINE, body)
        for row in rows:
            check_stored_path(row[3])
    elif body and not body.endswith("\n"):
        refuse_manifest("it has a malformed line")
    return rows


def _parse_children(body: str) -> tuple[ChildPage, ...]:
    children = tuple(
        ChildPage(int(entries), int(size), bytes.fromhex(digits), path)
        for entries, size, digits, path in _rows(_INNER_LINE, body)
    )
    _check_children(children)
    return children


def _check_children(children: tuple[ChildPage, ...]) -> None:
    if not children:
        refuse_manifest("an inner page has no children")
    last = ""
    for child in children:
        check_stored_path(child.last_path)
        if child.last_path <= last:
            refuse_manifest("its children are not in path order")
        if child.entries < 1 or child.size < 0 or len(child.id) != ID_BYTES:
            refuse_manifest("a child has an invalid count, size or id")
        last = child.last_path
    _check_total(child.entries for child in children)
    _check_total(child.size for child in children)


def _check_special(entry: Entry) -> None:
    if entry.kind == "directory" and (entry.size != 0 or entry.id != EMPTY_ID):
        refuse_manifest(f"the empty directory {entry.path[:200]!a} has content")
    if entry.kind == "symlink" and not 1 <= entry.size <= MAX_SYMLINK_BYTES:
        refuse_manifest(f"the target of the symlink {entry.path[:200]!a} has {entry.size} bytes")


def _check_total(sizes: Iterable[int]) -> None:
    if sum(sizes) >= 2**63:
        refuse_manifest("its sizes add up to more than 2^63 bytes")
