"""Reading a whole store on disk, object by object, without the code that dvx reads it with.

Owns the check that a store is valid: every object that has a final name is complete and right, and every record
names data that is there. Uses the formats alone: no index, no cache, no backend. For small stores; all plain
bytes are kept in memory.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dvx.chunking.codecs import decode
from dvx.core.ids import hash_bytes
from dvx.formats.layout import MARKER_KEY, pack_key, parse_pack_key, parse_record_key
from dvx.formats.manifest_reader import walk_entries_with_offsets
from dvx.formats.marker import parse_marker
from dvx.formats.pack import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    TRAILER_BYTES,
    PackIndex,
    parse_frame_header,
    parse_index,
    parse_trailer,
)
from dvx.formats.placement import Placement, parse_placement
from dvx.formats.pointer import Pointer, parse_pointer

Content = tuple[str, bytes]
# Folders of a store that hold no objects: work in progress, and packs that were found damaged.
_NOT_OBJECTS = frozenset({"tmp", "damaged"})


class StoreProblem(AssertionError):
    """Something in a store is not as the format says."""


@dataclass(slots=True)
class StoreContent:
    """What a store holds: the index and plain chunks (in frame order) of every pack, and every record."""

    packs: dict[bytes, PackIndex] = field(default_factory=dict)
    chunks: dict[bytes, list[bytes]] = field(default_factory=dict)
    records: dict[bytes, list[Placement]] = field(default_factory=dict)

    def read_root(self, pointer: Pointer) -> dict[str, Content]:
        """The content of a root by path, "" for a single file. Raises StoreProblem if anything is missing.

        Records that name lost packs are passed over, as readers do.
        """
        for placement in self.records.get(pointer.id, ()):
            if all(pack.name in self.packs for pack in placement.packs):
                return self._read(pointer, placement)
        raise StoreProblem(f"no complete record for root {pointer.id.hex()}")

    def _read(self, pointer: Pointer, placement: Placement) -> dict[str, Content]:
        if (placement.kind, placement.size) != (pointer.kind, pointer.size):
            raise StoreProblem(f"the record and the pointer of {pointer.id.hex()} disagree")
        stream = b"".join(self._stream(placement))
        if pointer.kind == "file":
            if hash_bytes(stream) != pointer.id:
                raise StoreProblem(f"the bytes of file {pointer.id.hex()} are wrong")
            return {"": ("executable" if pointer.extra.get("executable") else "file", stream)}
        return dict(self._files(pointer, placement, stream))

    def _stream(self, placement: Placement) -> Iterator[bytes]:
        for pack in placement.packs:
            if pack.name not in self.packs or self.packs[pack.name].size != pack.size:
                raise StoreProblem(f"pack {pack.name.hex()} is absent or has another size than a record says")
        for run in placement.runs:
            first = self.packs[run.pack].entry_at(run.offset)
            yield from self.chunks[run.pack][first : first + run.chunks]

    def _files(self, pointer: Pointer, placement: Placement, stream: bytes) -> Iterator[tuple[str, Content]]:
        pages = {
            entry.id: chunk
            for name in placement.pages
            for entry, chunk in zip(self.packs[name].entries, self.chunks[name], strict=True)
        }

        def read_pages(ids: Sequence[bytes]) -> Iterable[bytes]:
            missing = [page_id for page_id in ids if page_id not in pages]
            if missing:
                raise StoreProblem(f"page {missing[0].hex()} is in none of the packs that the record names")
            return [pages[page_id] for page_id in ids]

        for offset, entry in walk_entries_with_offsets(pointer.id, read_pages):
            data = stream[offset : offset + entry.size]
            if hash_bytes(data) != entry.id:
                raise StoreProblem(f"the bytes of `{entry.path}` are wrong")
            yield entry.path, (entry.kind, data)


def scan_store(folder: str | os.PathLike[str], *, may_lack_packs: bool = False) -> StoreContent:
    """Read every object of the store in `folder`. Raises StoreProblem.

    `may_lack_packs` is for stores from which objects were removed on purpose: records may name them still.
    """
    content = StoreContent()
    for key in _keys(Path(folder)):
        data = (Path(folder) / key).read_bytes()
        pack, record = parse_pack_key(key), parse_record_key(key)
        if key == MARKER_KEY:
            parse_marker(data)
        elif pack is not None:
            content.packs[pack], content.chunks[pack] = read_pack(data)
        elif record is not None:
            content.records.setdefault(record[0], []).append(parse_placement(data))
        else:
            raise StoreProblem(f"`{key}` is no object of a store")
    for placements in content.records.values():
        for placement in placements:
            if not may_lack_packs or all(pack.name in content.packs for pack in placement.packs):
                sum(map(len, content._stream(placement)))
    return content


def read_pack(data: bytes) -> tuple[PackIndex, list[bytes]]:
    """The index and the plain chunks of a pack, each checked against its id."""
    trailer = parse_trailer(data[-TRAILER_BYTES:], pack_size=len(data))
    index = parse_index(data[:HEADER_BYTES], data[trailer.index_offset : -TRAILER_BYTES], trailer)
    chunks = []
    for entry in index.entries:
        start = entry.offset + FRAME_HEADER_BYTES
        if parse_frame_header(data[entry.offset : start]) != (entry.codec, entry.stored, entry.plain):
            raise StoreProblem("a frame header and the index disagree")
        chunks.append(bytes(decode(entry.codec, data[start : start + entry.stored], entry.plain)))
        if hash_bytes(chunks[-1]) != entry.id:
            raise StoreProblem(f"the bytes of chunk {entry.id.hex()} are wrong")
    return index, chunks


def pointers_of(repo: str | os.PathLike[str]) -> dict[str, Pointer]:
    """Every pointer in a work tree by the path of its data."""
    found = {}
    for parent, folders, files in os.walk(repo):
        folders[:] = [name for name in folders if name not in (".git", ".dvx")]
        for name in files:
            if name.endswith(".dvx") and name != ".dvx":
                path = os.path.join(parent, name)
                relative = os.path.relpath(path, repo).removesuffix(".dvx")
                found[relative] = parse_pointer(Path(path).read_bytes(), name=name)
    return found


def check_pointers(
    repo: str | os.PathLike[str], store: str | os.PathLike[str], *, may_lack_packs: bool = False
) -> dict[str, dict[str, Content]]:
    """Promise P3: every pointer in the work tree names data that the store has in full; returns that data."""
    content = scan_store(store, may_lack_packs=may_lack_packs)
    return {path: content.read_root(pointer) for path, pointer in pointers_of(repo).items()}


def pack_paths(store: str | os.PathLike[str], *, kind: int | None = None) -> list[Path]:
    """The pack files of a store, of one kind (1 data, 2 pages) or all, in the order of their names."""
    keys = [key for key in _keys(Path(store)) if parse_pack_key(key) is not None]
    paths = [Path(store) / key for key in keys]
    return [path for path in paths if kind is None or path.read_bytes()[12] == kind]


def record_paths(store: str | os.PathLike[str]) -> list[Path]:
    """The record files of a store."""
    return [Path(store) / key for key in _keys(Path(store)) if parse_record_key(key) is not None]


def _keys(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in _NOT_OBJECTS
    )


__all__ = [
    "StoreContent", "StoreProblem", "check_pointers", "pack_key", "pack_paths", "pointers_of", "read_pack",
    "record_paths", "scan_store",
]  # fmt: skip
