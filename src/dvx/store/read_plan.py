"""Planning reads of a root's byte stream: windows of a few MiB, each read with few ranged requests.

Owns the splitting of wanted files into windows. Must not read chunks; only pack indexes are looked at.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dvx.chunking.parts import Buffer
from dvx.core.errors import FormatError
from dvx.formats.pack import PackEntry
from dvx.formats.placement import Run
from dvx.store.chunk_reader import plan_ranges, read_unverified, read_verified
from dvx.store.old_file import OldFile
from dvx.store.runs import WINDOW_BYTES, FindIndex, RunCutter
from dvx.store.store import Store

# 4 096 tiny files are about 1 MB of planning; whoever writes them handles a whole folder at once.
_WINDOW_PARTS: Final = 4096
# A window ends with its folder if it has at least this much to do: then two workers seldom write into one folder,
# where they would wait for each other in the kernel.
_FOLDER_WINDOW_BYTES: Final = WINDOW_BYTES // 4
_FOLDER_WINDOW_PARTS: Final = 512


class Wanted(NamedTuple):
    """A file's place in the byte stream of its root: [start, start + size). `token` is the caller's.

    `folder` is the same for files that are best kept in one window.
    """

    token: object
    start: int
    size: int
    folder: str = ""


@dataclass(slots=True)
class Part:
    """Some consecutive chunks of one wanted file; `offset` is their place in the file."""

    token: object
    offset: int
    is_last: bool
    chunks: list[tuple[bytes, PackEntry]] = field(default_factory=list)
    plain_bytes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether this is all of the file."""
        return self.is_last and self.offset == 0


@dataclass(slots=True)
class Window:
    """Parts that are read together."""

    parts: list[Part] = field(default_factory=list)
    plain_bytes: int = 0


def plan_windows(
    runs: Sequence[Run],
    find_index: FindIndex,
    wanted: Iterable[Wanted],
    *,
    window_bytes: int = WINDOW_BYTES,
) -> Iterator[Window]:
    """Split wanted files, given in stream order, into windows of at least `window_bytes`, the last one less.

    Raises FormatError for a record that does not fit.
    """
    cutter = RunCutter(runs, find_index)
    window = Window()
    folder = ""
    for file in wanted:
        if window.plain_bytes >= window_bytes or (file.folder != folder and _is_worth_a_task(window)):
            yield window
            window = Window()
        folder = file.folder
        if (chunk := cutter.next_chunk(file.start, file.size)) is not None:
            window.parts.append(Part(file.token, 0, True, [chunk], file.size))
            window.plain_bytes += file.size
            if len(window.parts) >= _WINDOW_PARTS:
                yield window
                window = Window()
            continue
        part = Part(file.token, 0, is_last=False)
        window.parts.append(part)
        done = 0
        for pack, entries in cutter.chunks(file.start, file.start + file.size):
            for entry in entries:
                if window.plain_bytes >= window_bytes:
                    yield window
                    part = Part(file.token, done, is_last=False)
                    window = Window([part])
                part.chunks.append((pack, entry))
                part.plain_bytes += entry.plain
                window.plain_bytes += entry.plain
                done += entry.plain
        if done != file.size:
            raise FormatError(
                "a placement record does not fit the file that it stands for", kind="bad-placement"
            )
        part.is_last = True
        if len(window.parts) >= _WINDOW_PARTS:
            yield window
            window = Window()
    if window.parts:
        yield window


def _is_worth_a_task(window: Window) -> bool:
    return window.plain_bytes >= _FOLDER_WINDOW_BYTES or len(window.parts) >= _FOLDER_WINDOW_PARTS


FindOldFile = Callable[[Part], OldFile | None]


def read_window(
    store: Store,
    window: Window,
    find_old: FindOldFile = lambda _: None,
    *,
    is_verified: bool,
) -> list[list[Buffer]]:
    """Read and decode a window; returns the plain bytes of each part, in pieces of one or more chunks.

    With `is_verified` each chunk is compared with its id, and a remote is asked a second time for what is wrong.
    Without it, the caller checks whole files, which costs half. What lies in the old version of a file that
    `find_old` knows is never compared here.
    """
    pieces = [_read_old(part, find_old(part)) for part in window.parts]
    by_pack: dict[bytes, list[PackEntry]] = {}
    for part, parts_pieces in zip(window.parts, pieces, strict=True):
        for pack, entry in _missing_chunks(part, parts_pieces):
            by_pack.setdefault(pack, []).append(entry)
    plain: dict[bytes, Buffer] = {}
    for pack, entries in by_pack.items():
        for group in plan_ranges(entries):
            if is_verified:
                plain.update((entry.id, data) for entry, _, data in read_verified(store, pack, group))
            else:
                plain.update(read_unverified(store, pack, group))
    return [list(_filled(part, found, plain)) for part, found in zip(window.parts, pieces, strict=True)]


# Bytes from the old file, or None for chunks that the store has to give; and how many chunks that is.
_Piece = tuple[bytes | None, int]


def _read_old(part: Part, old: OldFile | None) -> list[_Piece]:
    if old is None:
        return [(None, len(part.chunks))]
    return [
        (old.read(stretch) if stretch.offset is not None else None, stretch.chunks)
        for stretch in old.stretches(part.chunks)
    ]


def _missing_chunks(part: Part, pieces: Sequence[_Piece]) -> Iterator[tuple[bytes, PackEntry]]:
    position = 0
    for data, count in pieces:
        if data is None:
            yield from part.chunks[position : position + count]
        position += count


def _filled(part: Part, pieces: Sequence[_Piece], plain: Mapping[bytes, Buffer]) -> Iterator[Buffer]:
    position = 0
    for data, count in pieces:
        if data is not None:
            yield data
        else:
            for _, entry in part.chunks[position : position + count]:
                yield plain[entry.id]
        position += count
