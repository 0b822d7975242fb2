"""`dvx cat`: the bytes of one tracked file, or a stretch of them, from wherever they are.

Owns the choice of the file and the arithmetic of ranges. Must not write anywhere; what it yields is verified.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from dvx.chunking.parts import Buffer
from dvx.core.errors import BackendError, IntegrityError, NotFound, UsageError
from dvx.core.ids import Hasher
from dvx.core.shell_words import quote, quote_all
from dvx.formats.manifest import Entry
from dvx.ops.foreign import Foreign
from dvx.ops.project import Project
from dvx.ops.selection import select_at, select_targets
from dvx.ops.sources import DataSource, Span, local_sources, partial_local_runs, remote_source
from dvx.ops.trees import Tree
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target, is_pattern
from dvx.store.byte_range import packs_of_range, read_bytes
from dvx.store.page_reader import PageReader

_RANGE: Final = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")
FindSource = Callable[[Sequence[Span]], DataSource]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range as HTTP has it: both ends count. `first` None means the last `last` bytes; `last` None, to the end."""

    first: int | None
    last: int | None

    def within(self, size: int) -> tuple[int, int]:
        """The bytes [start, end) of a file of `size` bytes. Raises UsageError (kind `bad-range`) for none of them."""
        if self.first is None:
            assert self.last is not None
            return max(0, size - self.last), size
        if self.first >= size:
            raise UsageError(
                f"the file has {size} bytes, so there is none at {self.first}",
                affected="nothing was written",
                hints=["the first byte is 0; the last ten are `--range -10`"],
                kind="bad-range",
            )
        return self.first, size if self.last is None else min(self.last + 1, size)


def parse_range(text: str) -> ByteRange:
    """Read `START-END`, `START-` or `-COUNT`. Raises UsageError (kind `bad-range`)."""
    match = _RANGE.fullmatch(text)
    if match is not None:
        first, last = (int(part) if part else None for part in match.groups())
        if first is not None and (last is None or last >= first):
            return ByteRange(first, last)
        if first is None and last:
            return ByteRange(None, last)
    raise UsageError(
        f"{text[:80]!a} is not a range of bytes",
        affected="nothing was written",
        hints=["the first thousand bytes are `--range 0-999`, from there on `1000-`, the last ten `-10`"],
        kind="bad-range",
    )


def cat(
    project: Project, path: str, *, rev: str | None, remote_name: str | None, wanted: ByteRange | None
) -> Iterator[Buffer]:
    """The bytes of a file of this repository, from the local store or else from the remote.

    Everything that can be refused is refused before the first bytes.
    """
    targets = select_targets(project, [path]) if rev is None else _at(project, path, rev)
    with project.pages(remote_name) as pages:
        tracked, start, entry = _one_file(targets, path, pages, ".")

    def find_source(whole: Sequence[Span]) -> DataSource:
        if (source := local_sources(project, [tracked]).get(tracked.pointer.id)) is not None:
            return source
        remote = project.remote(remote_name, roots=[tracked.pointer.id])
        try:
            source = partial_local_runs(project, tracked, remote, whole)
        except BackendError:
            source = None
        return source or remote_source(project, tracked, remote, spans=())

    return _read(start, entry, wanted, find_source)


def cat_foreign(
    foreign: Foreign, path: str, *, remote_name: str | None, wanted: ByteRange | None
) -> Iterator[Buffer]:
    """The bytes of a file of another repository."""
    targets = foreign.targets(path)
    if len(targets) != 1:
        raise _not_one(path, foreign.address.shown)
    store = foreign.store(targets[0].tracked, remote_name)
    with foreign.pages(store) as pages:
        tracked, start, entry = _one_file(targets, path, pages, foreign.address.shown)
    return _read(start, entry, wanted, lambda _: foreign.source(tracked, store))


def _at(project: Project, path: str, rev: str) -> list[Target]:
    return select_at(project, rev, [path])


def _one_file(
    targets: Sequence[Target], path: str, pages: PageReader, repository: str
) -> tuple[TrackedPointer, int, Entry]:
    """The one file that a path names: its pointer, its place in the stream and its entry."""
    if len(targets) != 1:
        raise _not_one(path, repository)
    target = targets[0]
    if target.tracked.pointer.kind == "directory" and not target.inside:
        raise _not_one(path, repository)
    tree = Tree("", target.tracked.path, target.tracked.pointer, target.inside)
    found = _first_two(tree.entries(pages), path)
    if not found:
        raise NotFound(
            f"`{path}` is not in the tracked folder `{target.tracked.path}`",
            affected="nothing was written",
            hints=[f"list what is there: `dvx ls {quote(target.tracked.path)}`"],
            kind="not-tracked",
        )
    start, name, entry = found[0]
    is_named = is_pattern(path) or name == path.rstrip("/") or target.tracked.pointer.kind == "file"
    if len(found) > 1 or not is_named or entry.kind == "directory":
        raise _not_one(path, repository)
    return target.tracked, start, entry


def _first_two(entries: Iterator[tuple[int, str, Entry]], path: str) -> list[tuple[int, str, Entry]]:
    """The first two entries, or the one that is called `path`: `a[1].txt` is a file before it is a pattern."""
    found = list(islice(entries, 2))
    if not is_pattern(path):
        return found
    return [item for item in chain(found, entries) if item[1] == path][:1] or found


def _not_one(path: str, repository: str) -> UsageError:
    hints = [f"name one file, or write the whole folder: `dvx get {quote_all([repository, path])} -o OUT`"]
    if repository == ".":
        hints.insert(0, "see what there is: `dvx ls`")
    return UsageError(
        f"`{path}` is not one file",
        affected="nothing was written",
        hints=hints,
        kind="not-a-file",
    )


def _read(start: int, entry: Entry, wanted: ByteRange | None, find_source: FindSource) -> Iterator[Buffer]:
    first, last = wanted.within(entry.size) if wanted is not None else (0, entry.size)
    if first >= last:
        return iter(())
    source = find_source([(start, start + entry.size)])
    source.store.load_pack_indexes(packs_of_range(source.runs, start + first, start + last), jobs=4)
    data = read_bytes(
        source.store,
        source.runs,
        file_start=start,
        file_end=start + entry.size,
        start=start + first,
        end=start + last,
    )
    return _checked(data, entry) if last - first == entry.size else data


def _checked(data: Iterator[Buffer], entry: Entry) -> Iterator[Buffer]:
    """Pass the chunks of a whole file on; at the end the file has to be right too, not only each chunk."""
    hasher = Hasher()
    for piece in data:
        hasher.update(piece)
        yield piece
    if hasher.digest() != entry.id:
        raise IntegrityError(
            f"the content of `{entry.path}` does not match its id",
            affected="what was written to standard output is not the file: do not use it",
            hints=["push the data again from a clone that has it: `dvx push`"],
        )
