"""Placement records: where the bytes of one root lie in one store.

Owns the record format and its checks: whoever reads a record may allocate by its numbers. Must not know the
key that a record is stored under (layout does).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from dvx.core.errors import FormatError
from dvx.core.ids import ID_BYTES
from dvx.formats.canonical_json import format_json, parse_hex, parse_json
from dvx.formats.layout import PACK_NAME_BYTES
from dvx.formats.pack import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    INDEX_ENTRY_BYTES,
    MAX_OVERHEAD_BYTES,
    MAX_PACK_BYTES,
    MAX_PLAIN_BYTES,
    TRAILER_BYTES,
)

PLACEMENT_VERSION: Final = 1
# A run takes about 40 bytes: 256 MiB describe 6 million runs, or 6 TiB at the mean run of 1 MiB.
MAX_RECORD_BYTES: Final = 256 * 1024 * 1024
_LEVEL: Final = 3
# What a record may have beside its runs and packs, of keys that are not known here too.
_SPARE_BYTES: Final = 64 * 1024
# A run and the comma behind it have 14 bytes at least, `[0,32,12,1,0],`, and at most this many. It spells at least
# one byte of its root, and needs at most one pack, whose name and size take no more.
_LEAST_RUN_BYTES: Final = 14
_MOST_RUN_BYTES: Final = 128
# The name of a pack in quotes, and its size: `["<32 digits>",123],`.
_LEAST_PACK_BYTES: Final = 40


@dataclass(frozen=True, slots=True)
class PackRef:
    """A pack of the store: its 16-byte name and its size in bytes."""

    name: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive frames of one pack that are consecutive in the root's byte stream too.

    `offset` is that of the first frame's header, `stored` reaches to the end of the last frame, `chunks` is
    the number of frames and `plain` the number of bytes they spell.
    """

    pack: bytes
    offset: int
    stored: int
    chunks: int
    plain: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A root, every pack it needs, the packs of its manifest pages (none for a file), its runs in order."""

    root: bytes
    kind: str
    size: int
    packs: tuple[PackRef, ...]
    pages: tuple[bytes, ...]
    runs: tuple[Run, ...]


def format_placement(placement: Placement) -> bytes:
    """Return the record as one zstd frame of canonical JSON. Raises FormatError for an invalid placement."""
    _check_placement(placement)
    numbers = {pack.name: number for number, pack in enumerate(placement.packs)}
    runs = [[numbers[run.pack], run.offset, run.stored, run.chunks, run.plain] for run in placement.runs]
    text = format_json({
        "dvx": "placement",
        "version": PLACEMENT_VERSION,
        "root": placement.root.hex(),
        "kind": placement.kind,
        "size": placement.size,
        "packs": [[pack.name.hex(), pack.size] for pack in placement.packs],
        "pages": [numbers[name] for name in placement.pages],
        "runs": runs,
    })  # fmt: skip
    if len(text) > MAX_RECORD_BYTES:
        _refuse(f"it would be larger than {MAX_RECORD_BYTES} bytes")
    import zstandard  # 10 ms that commands which read no placement do not need

    # The checksum: a record is not named by its content, so nothing else would notice a flipped bit.
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(text)


def parse_placement(data: bytes, *, size_bytes: int | None = None) -> Placement:
    """Read and check a record. Raises FormatError (kind `bad-placement`) and UnsupportedVersion.

    `size_bytes` is what the root must have, where that is known: no more is expanded than its record can need. What
    is built in memory is bounded by a small multiple of the text in any case.
    """
    text = _decompress(data, most_bytes=_longest(size_bytes))
    _check_density(text)
    fields = parse_json(text, dvx="placement", version=PLACEMENT_VERSION)
    root, kind, size = (
        parse_hex(fields.get("root"), size_bytes=ID_BYTES),
        fields.get("kind"),
        fields.get("size"),
    )
    if root is None or not isinstance(kind, str) or not isinstance(size, int) or isinstance(size, bool):
        _refuse("its root, kind or size is missing")
    packs = tuple(_parse_pack(item) for item in _list(fields.get("packs")))
    names = [pack.name for pack in packs]
    placement = Placement(
        root=root,
        kind=kind,
        size=size,
        packs=packs,
        pages=tuple(_parse_pages(_list(fields.get("pages")), names)),
        runs=tuple([_parse_run(item, names) for item in _list(fields.get("runs"))]),
    )
    _check_placement(placement)
    return placement


def _longest(size_bytes: int | None) -> int:
    """How long the text of a record can be, for a root of this size."""
    if size_bytes is None:
        return MAX_RECORD_BYTES
    return min(MAX_RECORD_BYTES, _SPARE_BYTES + size_bytes * _MOST_RUN_BYTES)


def _check_density(text: bytes) -> None:
    """Refuse a text that would become many more objects than a record has: 80 MiB of `[]` are 2 GB as lists."""
    lists = text.count(b"[") + text.count(b"{")
    texts = text.count(b'"') // 2
    length = len(text) + _SPARE_BYTES
    if lists * _LEAST_RUN_BYTES > length or texts * _LEAST_PACK_BYTES > length:
        _refuse("it has more lists or texts than its runs and packs need")


def _decompress(data: bytes, *, most_bytes: int) -> bytes:
    import zstandard  # as above

    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= most_bytes:
            _refuse("it does not state a size within bounds")
        # One call into a buffer of the stated size: no window is reserved, whatever the frame asks for.
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FormatError("a placement record is not valid zstd data", kind="bad-placement") from error


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        _refuse("a list is missing")
    return value


def _is_int(value: object) -> bool:
    return type(value) is int  # bool is an int to isinstance


def _parse_pack(item: object) -> PackRef:
    if not isinstance(item, list) or len(item) != 2 or not _is_int(item[1]):
        _refuse("a pack is not a name and a size")
    name = parse_hex(item[0], size_bytes=PACK_NAME_BYTES)
    if name is None:
        _refuse("a pack has an invalid name")
    return PackRef(name, item[1])


def _parse_pages(items: list[object], names: list[bytes]) -> Iterable[bytes]:
    for item in items:
        if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item < len(names):
            _refuse("its pages are in a pack that it does not list")
        yield names[item]


def _parse_run(item: object, names: list[bytes]) -> Run:
    if not isinstance(item, list) or len(item) != 5 or not all(map(_is_int, item)):
        _refuse("a run is not five whole numbers")
    number, offset, stored, chunks, plain = item
    if not 0 <= number < len(names):
        _refuse("a run is in a pack that it does not list")
    return Run(names[number], offset, stored, chunks, plain)


def _check_placement(placement: Placement) -> None:
    sizes = {pack.name: pack.size for pack in placement.packs}
    if len(placement.root) != ID_BYTES or not 0 <= placement.size < 2**63:
        _refuse("its root or size is out of bounds")
    if placement.kind not in ("file", "directory") or (placement.kind == "directory") != bool(
        placement.pages
    ):
        _refuse("a directory has packs of pages and a file has none")
    _check_packs(placement, sizes)
    for run in placement.runs:
        _check_run(run, sizes.get(run.pack, 0))
    if sum([run.plain for run in placement.runs]) != placement.size:
        _refuse("its runs do not add up to its size")


def _check_packs(placement: Placement, sizes: dict[bytes, int]) -> None:
    if len(sizes) != len(placement.packs) or len(set(placement.pages)) != len(placement.pages):
        _refuse("it lists a pack twice")
    if {run.pack for run in placement.runs} | set(placement.pages) != set(sizes):
        _refuse("its packs are not exactly those that its runs and pages use")
    smallest = HEADER_BYTES + FRAME_HEADER_BYTES + INDEX_ENTRY_BYTES + TRAILER_BYTES
    for name, size in sizes.items():
        if len(name) != PACK_NAME_BYTES or not smallest <= size <= MAX_PACK_BYTES:
            _refuse("a pack has an impossible name or size")


def _check_run(run: Run, pack_size: int) -> None:
    """A run must fit before the index of its pack, and its lengths must fit its number of chunks."""
    if run.chunks < 1 or run.offset < HEADER_BYTES:
        _refuse("a run is empty or starts inside a pack's header")
    if run.offset + run.stored > pack_size - TRAILER_BYTES - run.chunks * INDEX_ENTRY_BYTES:
        _refuse("a run reaches beyond the frames of its pack")
    frame_headers = run.chunks * FRAME_HEADER_BYTES
    most = frame_headers + run.plain + run.chunks * MAX_OVERHEAD_BYTES
    if not 0 <= run.plain <= run.chunks * MAX_PLAIN_BYTES or not frame_headers <= run.stored <= most:
        _refuse("a run has lengths that its chunks cannot have")


def _refuse(reason: str) -> NoReturn:
    raise FormatError(f"a placement record is not valid: {reason}", kind="bad-placement")
