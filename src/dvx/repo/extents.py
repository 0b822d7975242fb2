"""What of each tracked directory is wanted in this work tree, and the version that it was last brought to.

Owns the file `<git-dir>/dvx/checked-out`. It is no cache: it alone tells a file that was deleted here from one that
never was here. Where it is lost or damaged, nothing that is missing counts as deleted. Must not look at the workspace.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.core.ids import ID_BYTES
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.disk.small_files import read_small_file
from dvx.repo.repository import Repository
from dvx.repo.targets import matches_inside

_HEADER: Final = "dvx checked-out 1"
_NO_ROOT: Final = "-"
# Some millions of paths that were added one by one.
_MAX_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Extent:
    """What of one directory is wanted: all of it, or what `patterns` match and `paths` name exactly.

    `root` is the version that all of this was last brought to, or added as; None while that has not come to its end.
    Paths are relative to the directory.
    """

    root: bytes | None
    is_whole: bool = False
    patterns: tuple[str, ...] = ()
    paths: frozenset[str] = frozenset()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The patterns and paths, as targets spell them; empty for all of it."""
        return () if self.is_whole else (*self.patterns, *sorted(self.paths))

    def with_patterns(self, patterns: Iterable[str]) -> Self:
        """The same with more patterns."""
        return replace(self, patterns=tuple(dict.fromkeys((*self.patterns, *patterns))))

    def matcher(self) -> Callable[[str], bool]:
        """The predicate over paths that are wanted."""
        if self.is_whole:
            return lambda _: True
        paths = self.paths
        if not self.patterns:
            return paths.__contains__
        matches = matches_inside(self.patterns)
        return lambda path: path in paths or matches(path)


class Extents:
    """The extents of all tracked directories, by path. Change them with the lock of the workspace held."""

    def __init__(self, path: str, *, on_move: Callable[[], None] | None = None) -> None:
        """`on_move` is called before the version of any path becomes another one, or is forgotten."""
        self._path = path
        self._on_move = on_move
        self._all, self.is_damaged = _read(path)

    @classmethod
    def of(cls, repository: Repository, *, on_move: Callable[[], None] | None = None) -> Self:
        """Read those of a work tree."""
        return cls(os.path.join(repository.git_dir, "dvx", "checked-out"), on_move=on_move)

    def get(self, path: str) -> Extent | None:
        """What is known of a directory."""
        return self._all.get(path)

    def items(self) -> Iterable[tuple[str, Extent]]:
        """All that is known."""
        return self._all.items()

    def update(self, changes: Mapping[str, Extent | None]) -> None:
        """Write what changed, durably and at once; None forgets a directory. Raises LocalDiskError."""
        if all(self._all.get(path) == extent for path, extent in changes.items()):
            return
        if self._on_move is not None and any(_is_move(self._all.get(p), new) for p, new in changes.items()):
            self._on_move()
        new = {**self._all, **changes}
        self._all = {path: extent for path, extent in new.items() if extent is not None}
        with disk_errors(self._path, "write"):
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
        write_atomic(self._path, _format(self._all))
        self.is_damaged = False


def _is_move(old: Extent | None, new: Extent | None) -> bool:
    return (old.root if old is not None else None) != (new.root if new is not None else None)


def _format(extents: Mapping[str, Extent]) -> bytes:
    lines = [_HEADER]
    for path, extent in sorted(extents.items()):
        root = extent.root.hex() if extent.root is not None else _NO_ROOT
        lines.append(f"{'all' if extent.is_whole else 'part'} {root} {_spelled(path)}")
        lines += [f"  match {_spelled(pattern)}" for pattern in extent.patterns]
        lines += [f"  path {_spelled(name)}" for name in sorted(extent.paths)]
    return ("\n".join([*lines, "end"]) + "\n").encode("ascii")


def _spelled(name: str) -> str:
    """A name in one line of ASCII: patterns may have any sign that a person can type."""
    return name.encode("unicode_escape").decode("ascii")


def _read(path: str) -> tuple[dict[str, Extent], bool]:
    """The extents in a file, and whether it is damaged; none where there is no file."""
    try:
        data = read_small_file(path, limit_bytes=_MAX_BYTES)
        if data is None:
            return {}, False
        lines = data.decode("ascii").split("\n")
    except (LocalDiskError, PathRefused, ValueError):
        return {}, True
    if lines[0] != _HEADER or lines[-2:] != ["end", ""]:
        return {}, True
    try:
        return dict(_parse(lines[1:-2])), False
    except ValueError:
        return {}, True


def _parse(lines: Iterable[str]) -> Iterator[tuple[str, Extent]]:
    """Raises ValueError for lines that nobody here wrote."""
    path: str | None = None
    extent = Extent(None)
    patterns: list[str] = []
    paths: list[str] = []
    for line in lines:
        kind, _, rest = line.removeprefix("  ").partition(" ")
        if kind in ("match", "path") and path is not None:
            (patterns if kind == "match" else paths).append(_name(rest))
        elif kind in ("all", "part"):
            if path is not None:
                yield path, replace(extent, patterns=tuple(patterns), paths=frozenset(paths))
            root, _, name = rest.partition(" ")
            path, extent, patterns, paths = _name(name), Extent(_root(root), kind == "all"), [], []
        else:
            raise ValueError(line)
    if path is not None:
        yield path, replace(extent, patterns=tuple(patterns), paths=frozenset(paths))


def _name(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _root(text: str) -> bytes | None:
    if text == _NO_ROOT:
        return None
    root = bytes.fromhex(text)
    if len(root) != ID_BYTES:
        raise ValueError(text)
    return root
