"""Bytes of format version 1 that every later release must read to the same values.

The files under v1/ never change. A failure here means that data of users can no longer be read.
"""

from datetime import UTC, datetime
from pathlib import Path

import zstandard

from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest import ChildPage, Entry, InnerPage, LeafPage, format_page, parse_page
from dvx.formats.manifest_tree import ManifestBuilder
from dvx.formats.marker import StoreMarker, format_marker, parse_marker
from dvx.formats.pack import (
    PackEntry,
    PackHeader,
    PackIndex,
    format_stored_index,
    parse_index,
    parse_stored_index,
    parse_trailer,
    scan_frames,
)
from dvx.formats.placement import PackRef, Placement, Run, format_placement, parse_placement
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer

V1 = Path(__file__).parent / "v1"
DOCS = Path(__file__).parents[2] / "docs" / "reference" / "format"
# BLAKE3-256 as `b3sum` prints it.
HELLO = bytes.fromhex("ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f")
SCRIPT = bytes.fromhex("bc1f407a11c9377c8b9b13f956b279c8462775105eb958fc9ae3c40de87cc96e")
README = bytes.fromhex("0a096ba47097b79d98f454db878494aae0967827aa6e0287c255aec881fd7bde")
ABC = bytes.fromhex("6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85")
OTHER_PAGE = bytes.fromhex("08ea30f368027bd387fc5541f309455240f1a594cef628283bb09bbe42fc52a2")
LEAF_ID = bytes.fromhex("1f170460d371b81236a0c450c7ff8d24960e1fd2ca6b0df051c41fbb7ccef10c")

LEAF = LeafPage(
    (
        Entry("README.md", "file", 5, HELLO),
        Entry("bin/run", "executable", 10, SCRIPT),
        Entry("empty", "directory", 0, EMPTY_ID),
        Entry("latest", "symlink", 9, README),
        Entry("zero", "file", 0, EMPTY_ID),
        Entry("日本/a b", "file", 3, ABC),
    )
)
INNER = InnerPage(1, (ChildPage(6, 27, LEAF_ID, "日本/a b"), ChildPage(600, 2**40, OTHER_PAGE, "日本/z")))
INDEX = PackIndex(
    PackHeader(kind=1, chunker=1),
    (
        PackEntry(HELLO, 32, 5, 5, 0),
        PackEntry(SCRIPT, 49, 10, 10, 0),
        PackEntry(README, 71, 9, 9, 0),
        PackEntry(ABC, 92, 3, 3, 0),
    ),
    363,
)
DATA_PACK, PAGE_PACK = bytes(range(16)), bytes(range(16, 32))
PLACEMENT = Placement(
    root=LEAF_ID,
    kind="directory",
    size=27,
    packs=(PackRef(DATA_PACK, 363), PackRef(PAGE_PACK, 700)),
    pages=(PAGE_PACK,),
    runs=(Run(DATA_PACK, 32, 75, 4, 27),),
)


def _read(name: str) -> bytes:
    return (V1 / name).read_bytes()


def test_directory_pointer_of_version_1() -> None:
    pointer = Pointer(kind="directory", id=LEAF_ID, size=27, files=5)
    assert parse_pointer(_read("directory.dvx")) == pointer
    assert format_pointer(pointer) == _read("directory.dvx")


def test_file_pointer_of_version_1_with_unknown_keys() -> None:
    extra = {
        "owner": "me",
        "seen": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        "params": {"layers": [1, 2], "lr": 0.001},
        "steps": [{"n": 1}, {"n": 2}],
    }
    pointer = Pointer(kind="file", id=HELLO, size=5, extra=extra)
    assert parse_pointer(_read("file.dvx")) == pointer
    assert format_pointer(pointer) == _read("file.dvx")


def test_leaf_page_of_version_1() -> None:
    assert parse_page(_read("leaf-page.txt")) == LEAF
    assert format_page(LEAF) == _read("leaf-page.txt")
    assert hash_bytes(_read("leaf-page.txt")) == LEAF_ID


def test_inner_page_of_version_1() -> None:
    assert parse_page(_read("inner-page.txt")) == INNER
    assert format_page(INNER) == _read("inner-page.txt")


def test_tree_of_50_000_entries_keeps_its_id() -> None:
    builder, pages = ManifestBuilder(), 0
    for number in range(50_000):
        path = f"d{number // 1000:02}/{number:05}.bin"
        pages += len(builder.add(Entry(path, "file", number, hash_bytes(str(number).encode()))))
    pages += len(builder.finish())
    assert builder.root_id.hex() == "3b584b89228510ed32a46cd443eb8ffa3d566520b9c02da7955ea08bc8333729"
    assert (pages, builder.files, builder.size) == (91, 50_000, 1_249_975_000)


def test_pack_of_version_1() -> None:
    data = _read("pack.bin")
    trailer = parse_trailer(data[-64:], pack_size=len(data))
    index = parse_index(data[:32], data[trailer.index_offset : -64], trailer)
    assert index == INDEX
    assert [data[entry.offset + 12 : entry.frame_end] for entry in index.entries] == [
        b"hello",
        b"#!/bin/sh\n",
        b"README.md",
        b"abc",
    ]
    assert [offset for offset, *_ in scan_frames(memoryview(data))] == [32, 49, 71, 92]


def test_stored_index_of_version_1() -> None:
    data = _read("pack.bin")
    assert format_stored_index(INDEX) == data[:32] + data[107:]
    assert parse_stored_index(data[:32] + data[107:]) == INDEX


def test_placement_record_of_version_1() -> None:
    data = _read("placement.json.zst")
    assert parse_placement(data) == PLACEMENT
    # Compressed bytes may differ between releases of zstd; the JSON may not.
    assert zstandard.decompress(format_placement(PLACEMENT)) == zstandard.decompress(data)


def test_store_marker_of_version_1() -> None:
    assert parse_marker(_read("dvx-store.json")) == StoreMarker(bytes(range(16)))
    assert format_marker(StoreMarker(bytes(range(16)))) == _read("dvx-store.json")


def test_example_in_the_pointer_specification_is_the_golden_pointer() -> None:
    lines = [line[4:] for line in (DOCS / "pointer.md").read_text("utf-8").splitlines() if line[:4] == "    "]
    assert "".join(f"{line}\n" for line in lines).encode() == _read("directory.dvx")


def test_example_in_the_placement_specification_is_the_golden_record() -> None:
    text = (DOCS / "placement.md").read_text("utf-8")
    example = "".join(line.strip() for line in text.splitlines() if line[:4] == "    ")
    example = example.replace("1f170460…(64 digits)", LEAF_ID.hex())
    assert example.encode() == zstandard.decompress(_read("placement.json.zst"))
