"""One tracked path seen twice: as its manifest says it is, and as it is in the workspace.

Owns the pairing of the two in path order. A tracked file is a tree with one entry. Must not hash or write.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from dvx.core.errors import DvxError, FormatError, PathRefused, UnsupportedVersion
from dvx.core.shell_words import quote
from dvx.disk.atomic import disk_errors
from dvx.disk.walk import EntryKind, WalkEntry, special_file, walk_tree, went_away
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import find_entries, walk_entries_with_offsets
from dvx.formats.pointer import Pointer
from dvx.repo.targets import is_pattern, matches_inside

if TYPE_CHECKING:
    from dvx.ops.parts import Part
    from dvx.ops.tracked_paths import Ignore
    from dvx.store.page_reader import PageReader  # the store and its formats: not for a look at single files


_FILE_KINDS: Final = frozenset({"file", "executable"})


class Pair(NamedTuple):
    """One path of a tree: `entry` is None if only the workspace has it, `found` if only the manifest has it.

    `path` is relative to the repository; `offset` is the entry's place in the byte stream of its root.
    """

    path: str
    offset: int
    entry: Entry | None
    found: WalkEntry | None


@dataclass(frozen=True, slots=True)
class Tree:
    """A tracked path and what its pointer says.

    `pointer` is None for a path that is being added. `inside` limits the tree to some paths and patterns below
    a tracked directory; empty means everything. `ignore` are the rules for what is not tracked, and `find_last`
    tells the version that was last brought to the workspace, whose paths are tracked until a checkout takes them
    away. `leftovers` collects temporary files of interrupted commands, and `.git`, that a walk came across, relative
    to the tracked directory. `refused` collects, by path relative to the repository, why a walk leaves something out of
    which it can say nothing; where it is None, the first such entry ends the walk with its error. `hidden` are tracked
    files of which nothing is known for that reason. `part` are the paths of a directory that are to be here; None
    for all of them. `expected` is the kind of what has to be there: a walk that finds anything else raises
    ChangedWhileReading. `ignores_mode`: the executable bits of the disk mean nothing.
    """

    root: str
    path: str
    pointer: Pointer | None
    inside: tuple[str, ...] = ()
    ignore: "Ignore | None" = field(default=None, compare=False)
    find_last: Callable[[], bytes | None] = field(default=lambda: None, compare=False, repr=False)
    leftovers: list[str] = field(default_factory=list, compare=False)
    refused: dict[str, DvxError] | None = field(default=None, compare=False)
    hidden: list[str] = field(default_factory=list, compare=False)
    part: "Part | None" = field(default=None, compare=False, repr=False)
    expected: str | None = field(default=None, compare=False)
    ignores_mode: bool = field(default=False, compare=False)

    @property
    def kind(self) -> str:
        """ "file" or "directory", as the pointer says, or as the workspace has it."""
        if self.pointer is not None:
            return self.pointer.kind
        return "directory" if os.path.isdir(self.absolute) else "file"

    @property
    def wanted(self) -> tuple[str, ...]:
        """The paths and patterns that limit it; empty for all of it."""
        return self.inside or (self.part.wanted if self.part is not None else ())

    @property
    def absolute(self) -> str:
        """The path on this machine."""
        return os.path.join(self.root, self.path)

    def entries(self, pages: "PageReader") -> Iterator[tuple[int, str, Entry]]:
        """(offset in the stream, path relative to the repository, entry) in path order."""
        pointer = self.pointer
        if pointer is None:
            return
        if pointer.kind == "file":
            kind = "executable" if pointer.extra.get("executable") is True else "file"
            yield 0, self.path, Entry(os.path.basename(self.path), kind, pointer.size, pointer.id)
            return
        read = pages.for_root(pointer.id)
        prefix = self.path + "/"
        try:
            for offset, entry in self._matching(
                lambda part: find_entries(pointer.id, read, part),
                lambda: walk_entries_with_offsets(pointer.id, read),
            ):
                yield offset, prefix + entry.path, entry
        except UnsupportedVersion:
            raise
        except (FormatError, PathRefused) as error:
            raise self.bad_listing(error) from error

    def bad_listing(self, error: DvxError) -> FormatError:
        """The error for a listing that no dvx writes; it comes from a store, so nobody here can rename a path."""
        return FormatError(
            f"the listing of `{self.path}` is not one that dvx writes: {error.what}",
            affected=f"`{self.path}` in the workspace was not changed",
            hints=[f"see who wrote its pointer: `git log -- {quote(self.path + '.dvx')}`"],
            kind="bad-manifest",
        )

    def _matching(
        self,
        find: Callable[[str], Iterator[tuple[int, Entry]]],
        walk_all: Callable[[], Iterator[tuple[int, Entry]]],
    ) -> Iterator[tuple[int, Entry]]:
        parts = plain_parts(self.inside)
        if parts:
            found = chain.from_iterable(find(part) for part in parts)
            yield from sorted(found, key=lambda item: item[1].path)
            return
        is_wanted = matches_inside(self.inside) if self.inside else None
        for offset, entry in walk_all():
            if is_wanted is None or is_wanted(entry.path):
                yield offset, entry

    def counts(self, path: str) -> bool:
        """Whether a path relative to the repository is to be here, so that it was deleted if it is not."""
        return self.part is None or self.part.has(path[len(self.path) + 1 :])

    def wants(self, path: str) -> bool:
        """Whether a path relative to the repository belongs to what was asked to be here."""
        return self.part is None or self.part.wants(path[len(self.path) + 1 :])

    def is_folder_of_absent(self, pair: Pair, pages: "PageReader") -> bool:
        """Whether an empty folder, which the manifest does not have, is one of files that are not here."""
        if self.part is None or self.pointer is None or pair.found is None or pair.found.kind != "directory":
            return False
        from dvx.ops.tracked_paths import VersionPaths  # see ignoring

        root = self.pointer.id
        inner = pair.path[len(self.path) + 1 :]
        return VersionPaths(root, pages.for_root(root)).has(inner)

    def ignoring(self, pages: "PageReader") -> "Ignore | None":
        """What a walk leaves out: what the rules match and no manifest has."""
        if self.ignore is None or self.pointer is None or self.pointer.kind == "file":
            return self.ignore
        from dvx.ops.tracked_paths import UntrackedOnly, VersionPaths  # 1 ms that a push does without

        roots = dict.fromkeys((self.pointer.id, self.find_last()))
        return UntrackedOnly(
            self.ignore, [VersionPaths(root, pages.for_root(root)) for root in roots if root is not None]
        )

    def walk(self, ignore: "Ignore | None") -> Iterator[tuple[str, WalkEntry]]:
        """(path relative to the repository, what is there) in path order, without what `ignore` leaves out."""
        top = self._look(self.path)
        if self.expected is not None and self.expected != _kind_of(top):
            raise went_away(self.path)
        if top is None:
            return
        if (self.expected or self.kind) == "file" or top.kind != "directory":
            yield self.path, top
            return
        prefix = self.path + "/"
        parts = plain_parts(self.inside)
        if parts:
            found_parts = chain.from_iterable(self.walk_part(part, ignore) for part in parts)
            yield from sorted(found_parts, key=lambda item: item[0])
            return
        is_wanted = matches_inside(self.inside) if self.inside else None
        for found in walk_tree(
            self.absolute, ignore=ignore, leftovers=self.leftovers, refused=self.refused, shown=prefix
        ):
            if is_wanted is None or is_wanted(found.path):
                yield prefix + found.path, found

    def _look(self, path: str) -> WalkEntry | None:
        try:
            return stat_entry(os.path.join(self.root, path), path)
        except PathRefused as error:
            if self.refused is None:
                raise
            self.refused[path] = error
            return None

    def walk_part(self, part: str, ignore: "Ignore | None") -> Iterator[tuple[str, WalkEntry]]:
        """What is at a path below a tracked directory, or at one below it; it may be missing. As walk."""
        prefix = self.path + "/"
        top = self._look(prefix + part)
        if top is None:
            return
        if top.kind != "directory":
            yield prefix + part, top._replace(path=part)
            return

        is_empty = True
        from dvx.ops.tracked_paths import RulesBelow  # see ignoring

        below = RulesBelow(ignore, part) if ignore is not None else None
        shown = f"{prefix}{part}/"
        for found in walk_tree(
            os.path.join(self.absolute, part), ignore=below, refused=self.refused, shown=shown
        ):
            is_empty = False
            path = f"{part}/{found.path}"
            yield prefix + path, found._replace(path=path)
        if is_empty:
            yield prefix + part, top._replace(path=part)

    def hides(self, path: str) -> bool:
        """Whether nothing is known of a tracked path, because it is or lies below something that was refused."""
        above = path if self.refused else ""
        while above and self.refused is not None:
            if above in self.refused:
                self.hidden.append(path)
                return True
            above = above.rpartition("/")[0]
        return False

    def has(self, part: str, pages: "PageReader") -> bool:
        """Whether the manifest or the workspace has something at a path, or for a pattern, inside. As `entries`."""
        if os.path.lexists(os.path.join(self.absolute, part)):
            return True
        only = replace(self, inside=(part,))
        return any(True for _ in only.entries(pages)) or (
            is_pattern(part) and any(True for _ in only.walk(self.ignore))
        )

    def pairs(self, pages: "PageReader") -> Iterator[Pair]:
        """Manifest and workspace merged in path order."""
        pairs = pair_up(self.entries(pages), self.walk(self.ignoring(pages)))
        return with_modes_of_entries(pairs) if self.ignores_mode else pairs


def _kind_of(top: WalkEntry | None) -> str | None:
    return None if top is None else "directory" if top.kind == "directory" else "file"


def with_modes_of_entries(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Pairs as they would be if the disk kept the executable bits that the entries have, and new files had none."""
    for pair in pairs:
        entry, found = pair.entry, pair.found
        if found is None or found.kind not in _FILE_KINDS:
            yield pair
            continue
        is_tool = entry is not None and entry.kind == "executable"
        kind: EntryKind = "executable" if is_tool else "file"
        yield pair if kind == found.kind else pair._replace(found=found._replace(kind=kind))


def plain_parts(inside: Sequence[str]) -> list[str]:
    """The paths to look up one by one, none of them below another; [] if there are patterns among them."""
    if not inside or any(is_pattern(part) for part in inside):
        return []
    return outermost(inside)


def outermost(paths: Iterable[str]) -> list[str]:
    """Those of the paths that are not below another of them."""
    parts: list[str] = []
    for part in sorted(set(paths), key=lambda part: part + "/"):
        if not parts or not (part + "/").startswith(parts[-1] + "/"):
            parts.append(part)
    return parts


def pair_up(
    entries: Iterator[tuple[int, str, Entry]], walk: Iterator[tuple[str, WalkEntry]]
) -> Iterator[Pair]:
    """Merge two sorted sequences by path. Python orders text by code point, which is the order of UTF-8 bytes."""
    entry = next(entries, None)
    found = next(walk, None)
    new, pair = tuple.__new__, Pair  # half the time of Pair(...)
    while entry is not None or found is not None:
        if entry is not None and found is not None and entry[1] == found[0]:
            yield new(pair, (entry[1], entry[0], entry[2], found[1]))
            entry = next(entries, None)
            found = next(walk, None)
        elif found is None or (entry is not None and entry[1] < found[0]):
            assert entry is not None
            yield Pair(entry[1], entry[0], entry[2], None)
            entry = next(entries, None)
        else:
            yield Pair(found[0], -1, None, found[1])
            found = next(walk, None)


def stat_entry(path: str, shown: str) -> WalkEntry | None:
    """What is at `path` now, without following a symlink; None if nothing is.

    Raises PathRefused (kind `special-file`) for pipes and the like, LocalDiskError.
    """
    try:
        with disk_errors(shown, "look at"):
            found = os.lstat(path)
    except DvxError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            return None
        raise
    mode = found.st_mode
    kind, size = "file", found.st_size
    if stat.S_ISDIR(mode):
        kind, size = "directory", 0  # as a walk reports it
    elif stat.S_ISLNK(mode):
        kind = "symlink"
    elif not stat.S_ISREG(mode):
        raise special_file(shown, mode)
    elif os.name != "nt" and mode & stat.S_IXUSR:
        kind = "executable"
    name = os.path.basename(shown)
    return WalkEntry(name, kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)  # type: ignore[arg-type]
