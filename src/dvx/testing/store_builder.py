"""Building stores by hand, right or wrong.

Owns the writing of packs, pages and records without the checks of dvx, so that a test can offer what no dvx
would ever write. Objects are well-formed unless the caller asks otherwise.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from dvx.core.ids import format_id, hash_bytes
from dvx.formats.canonical_json import format_json
from dvx.formats.layout import MARKER_KEY, pack_key, record_key
from dvx.formats.marker import StoreMarker, format_marker
from dvx.formats.pack import (
    FRAME_HEADER_BYTES,
    PackEntry,
    PackHeader,
    format_header,
    format_index,
    format_trailer,
    pack_frame_header,
)

DATA = 1
PAGES = 2
_CHUNKER = 1
_RAW = 0


@dataclass(frozen=True, slots=True)
class BuiltPack:
    """A pack in the store: its name, its size and its entries in frame order."""

    name: bytes
    size: int
    entries: tuple[PackEntry, ...]

    @property
    def run(self) -> list[int]:
        """All frames as the numbers of a run: offset, stored, chunks, plain."""
        first, last = self.entries[0], self.entries[-1]
        return [
            first.offset,
            last.frame_end - first.offset,
            len(self.entries),
            sum(e.plain for e in self.entries),
        ]


class StoreBuilder:
    """Writes objects into the folder of a store, which has a marker from the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put(MARKER_KEY, format_marker(StoreMarker(store_id=os.urandom(16))))

    def put(self, key: str, data: bytes) -> Path:
        """Write an object as it is."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def put_pack(self, chunks: Iterable[bytes], *, kind: int = DATA) -> BuiltPack:
        """Write a pack of raw chunks."""
        header = format_header(PackHeader(kind, _CHUNKER))
        body, entries, offset = [header], [], len(header)
        for chunk in chunks:
            entries.append(PackEntry(hash_bytes(chunk), offset, len(chunk), len(chunk), _RAW))
            body += [pack_frame_header(_RAW, len(chunk), len(chunk)), chunk]
            offset += FRAME_HEADER_BYTES + len(chunk)
        index = format_index(entries)
        data = b"".join([*body, index, format_trailer(header, index, offset)])
        name = os.urandom(16)
        self.put(pack_key(name), data)
        return BuiltPack(name, len(data), tuple(entries))

    def put_record(self, fields: Mapping[str, Any]) -> Path:
        """Write a placement record with these fields, whatever they say; `root` is in hex."""
        root = bytes.fromhex(fields["root"])
        body = zstandard.ZstdCompressor().compress(format_json({"dvx": "placement", "version": 1, **fields}))
        return self.put(record_key(root, os.urandom(16)), body)

    def put_file(self, data: bytes, **changes: Any) -> bytes:
        """Store a file of one chunk; `changes` replace fields of its record. Returns its id."""
        pack = self.put_pack([data])
        root = hash_bytes(data)
        self.put_record(_record(root, "file", len(data), [pack], pages=[], data=pack) | changes)
        return root

    def put_directory(self, lines: Sequence[str], contents: Sequence[bytes], **changes: Any) -> bytes:
        """Store a directory of one page with exactly these lines; returns its id.

        `contents` are the distinct contents of the entries, in the order of the lines.
        """
        page = ("dvx-manifest 1 leaf\n" + "".join(line + "\n" for line in lines)).encode()
        pages = self.put_pack([page], kind=PAGES)
        data = self.put_pack(contents) if contents else None
        root = hash_bytes(page)
        packs = [pages] if data is None else [pages, data]
        record = _record(root, "directory", sum(map(len, contents)), packs, pages=[0], data=data)
        self.put_record(record | changes)
        return root


def _record(
    root: bytes, kind: str, size: int, packs: Sequence[BuiltPack], *, pages: list[int], data: BuiltPack | None
) -> dict[str, Any]:
    return {
        "root": root.hex(),
        "kind": kind,
        "size": size,
        "packs": [[pack.name.hex(), pack.size] for pack in packs],
        "pages": pages,
        "runs": [] if data is None else [[packs.index(data), *data.run]],
    }


def manifest_line(letter: str, data: bytes, path: str) -> str:
    """One line of a leaf page: `f`, `x`, `l` or `d`, size, id, path. Nothing is checked."""
    return f"{letter} {len(data)} {hash_bytes(data).hex()} {path}"


def pointer_text(kind: str, root: bytes, size: int, files: int | None = None) -> str:
    """The text of a pointer."""
    text = f'version = 1\nkind = "{kind}"\nid = "{format_id(root)}"\nsize = {size}\n'
    return text if files is None else f"{text}files = {files}\n"
