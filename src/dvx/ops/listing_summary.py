"""A directory's listing in a few lines: every file of a small one, folders with counts and sizes of a large one.

Owns the folding into groups. Reads the local store only, never a remote, and writes nothing.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from dvx.core.errors import DvxError
from dvx.core.ids import Hasher, short_id
from dvx.core.progress import NullReporter
from dvx.formats.layout import MARKER_KEY
from dvx.formats.manifest import Entry, LeafPage
from dvx.formats.manifest_reader import PageRef, PageTree, ReadPages
from dvx.ops.project import Project
from dvx.repo.repository import Repository

# With this many entries every one is named; the whole stays below 40 lines.
_MOST_NAMED: Final = 30
_MOST_GROUPS: Final = 30
# 5000 entries are about 10 pages; more would take longer than the 80 ms that one version may cost `git diff`.
_MOST_READ: Final = 5000
# Beyond that only pages at the borders of folders are read, at most this many.
_MOST_BORDERS: Final = 16


@dataclass(slots=True)
class _Group:
    """The files of a folder or of a kind; `content` is None where not all of them were read."""

    entries: int = 0
    size: int = 0
    content: Hasher | None = field(default_factory=Hasher)

    def add(self, entry: Entry) -> None:
        self.entries += 1
        self.size += entry.size
        if self.content is not None:
            self.content.update(f"{entry.kind} {entry.path}\n".encode() + entry.id)

    def line(self, name: str) -> str:
        content = f", {short_id(self.content.digest())}" if self.content is not None else ""
        return f"{name}: {self.entries} files, {self.size} bytes{content}"


def summarise_listing(root: bytes, folder: str, env: Mapping[str, str]) -> list[str]:
    """The lines for a directory of the repository around `folder`; [] where its listing is not in the local store."""
    try:
        repository = Repository.discover(folder, env=env)
        with Project(repository, env=env, overrides={}, reporter=NullReporter()) as project:
            # Opening a store makes it where there is none, and an index that is gone would be built.
            marker = os.path.join(project.store_path, MARKER_KEY)
            if not os.path.isfile(marker) or not os.path.isfile(repository.index_path):
                return []
            with project.local_pages() as pages:
                return fold_listing(root, pages.for_root(root))
    except (DvxError, OSError):
        return []


def fold_listing(root: bytes, read_page: ReadPages) -> list[str]:
    """A directory's listing in at most 31 lines: every file, or folders with counts and sizes.

    Reads all of a small listing; of a large one the inner pages and those leaves that are in two folders.
    """
    leaves = list(PageTree(read_page).leaf_refs([PageRef(root)]))
    if len(leaves) == 1 or sum(leaf.told.entries for leaf in leaves if leaf.told) <= _MOST_READ:
        entries = [entry for page in _read(leaves, read_page) for entry in page.entries]
        if len(entries) <= _MOST_NAMED:
            return [_entry_line(entry) for entry in entries]
        base = _shared_folder(entries[0].path, entries[-1].path)
        return _lines(_grouped(entries, base))
    return _lines(_fold_large(leaves, read_page))


def _read(leaves: Sequence[PageRef], read_page: ReadPages) -> Iterator[LeafPage]:
    return (page for _, page in PageTree(read_page).pages(leaves) if isinstance(page, LeafPage))


def _entry_line(entry: Entry) -> str:
    if entry.kind == "directory":
        return f"{entry.path}/: empty"
    mark = "" if entry.kind == "file" else f"{entry.kind}, "
    return f"{entry.path}: {mark}{entry.size} bytes, {short_id(entry.id)}"


def _grouped(entries: Iterable[Entry], base: str) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for entry in entries:
        groups.setdefault(_group_name(entry.path, base), _Group()).add(entry)
    return groups


def _group_name(path: str, base: str) -> str:
    """The folder directly below `base` that a path is in, or `*.ext` for a file directly in it."""
    first, slash, _ = path[len(base) :].partition("/")
    if slash:
        return f"{base}{first}/"
    return f"{base}*{os.path.splitext(first)[1]}"


def _shared_folder(first: str, last: str) -> str:
    """The deepest folder, with its slash, that two paths and all that sort between them are in; "" for none."""
    pairs = zip(first.split("/")[:-1], last.split("/")[:-1], strict=False)
    return "".join(f"{name}/" for name, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _fold_large(leaves: Sequence[PageRef], read_page: ReadPages) -> dict[str, _Group]:
    """Groups from what the pages over the leaves say; {} where too many leaves are in several folders."""
    first = next(_read(leaves[:1], read_page)).entries[0].path
    base = _shared_folder(first, _last_path(leaves[-1]))
    borders = [leaf for leaf in leaves if _group_of(leaf, base) is None]
    if len(borders) > _MOST_BORDERS:
        return {}
    groups: dict[str, _Group] = {}
    for name, leaf in _whole(leaves, base):
        group = groups.setdefault(name, _Group(content=None))
        group.entries += leaf.told.entries if leaf.told else 0
        group.size += leaf.told.size if leaf.told else 0
    for page in _read(borders, read_page):
        for entry in page.entries:
            groups.setdefault(_group_name(entry.path, base), _Group(content=None)).add(entry)
    return groups


def _whole(leaves: Iterable[PageRef], base: str) -> Iterator[tuple[str, PageRef]]:
    for leaf in leaves:
        name = _group_of(leaf, base)
        if name is not None:
            yield name, leaf


def _group_of(leaf: PageRef, base: str) -> str | None:
    """The folder that all of a leaf is in: what sorts between two paths of a folder is in it too."""
    before, last = _group_name(leaf.after, base), _group_name(_last_path(leaf), base)
    return last if leaf.after.startswith(base) and before == last and last.endswith("/") else None


def _last_path(leaf: PageRef) -> str:
    return leaf.told.last_path if leaf.told is not None else ""


def _lines(groups: Mapping[str, _Group]) -> list[str]:
    if len(groups) <= _MOST_GROUPS:
        return [group.line(name) for name, group in sorted(groups.items())]
    largest = sorted(groups, key=lambda name: (-groups[name].size, name))[:_MOST_GROUPS]
    rest = [group for name, group in groups.items() if name not in set(largest)]
    total = _Group(sum(group.entries for group in rest), sum(group.size for group in rest), None)
    return [*(groups[name].line(name) for name in sorted(largest)), total.line(f"{len(rest)} more folders")]
