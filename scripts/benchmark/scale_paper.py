"""What a terabyte to a petabyte cost, by computation: the tables of docs/explanation/scale.md.

Owns the formulas and the measured constants that they start from. Must not measure or run anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmark.scale_report import markdown_table
from dvx.formats.manifest_tree import INNER_MODULUS, LEAF_MODULUS
from dvx.formats.pack import FRAME_HEADER_BYTES, INDEX_ENTRY_BYTES
from dvx.formats.placement import MAX_RECORD_BYTES
from dvx.store.pack_writer import TARGET_PACK_BYTES

# Measured with the chunker of dvx on 200 MiB of noise, 200 MiB of bf16 weights and 100 MiB of CSV: 65 352, 65 291 and
# 66 366 bytes.
CHUNK_BYTES: Final = 65_536
# Measured: an index.db of 1 000 packs with 1 024 chunks each has 66.2 bytes a chunk (48 of them are the pack's index).
INDEX_DB_BYTES_PER_CHUNK: Final = 66
# Measured on records of 4 000 packs that are read from one end to the other, in bytes for each pack: as JSON,
# compressed, and in memory while the record is parsed.
WHOLE_TEXT_BYTES: Final = 79
WHOLE_STORED_BYTES: Final = 31
WHOLE_MEMORY_BYTES: Final = 740
# The same for each run of a record with a run for every MiB, 64 in each of 500 packs, with gaps between them.
RUN_TEXT_BYTES: Final = 33
RUN_STORED_BYTES: Final = 13
RUN_MEMORY_BYTES: Final = 320
RUN_BYTES: Final = 1024 * 1024
# Measured on 200 000 files with paths of 30 characters: 7.2 MB of packs with pages. 32 of the bytes are the file's id.
ENTRY_STORED_BYTES: Final = 36
SMALL_FILE_BYTES: Final = 40 * 1024

KEYS_PER_LIST: Final = 1000
RANGE_BYTES: Final = 8 * 1024 * 1024
# A pack whose index is not known yet: one GET for its tail.
INDEX_REQUESTS: Final = 1
ROOT_BYTES: Final = 10**12
CHANGED_PART: Final = 0.01

# Assumed list prices in US dollars: S3 Standard, us-east-1, first tier, as published in 2025.
STORAGE_PER_GB_MONTH: Final = 0.023
PER_1000_WRITES: Final = 0.005  # PUT and LIST
PER_1000_READS: Final = 0.0004  # GET and HEAD
EGRESS_PER_GB: Final = 0.09

VOLUMES: Final = {"1 TB": 10**12, "100 TB": 10**14, "1 PB": 10**15}


@dataclass(frozen=True, slots=True)
class Volume:
    """A remote with `plain_bytes` of data that does not compress, in roots of 1 TB, freshly written."""

    plain_bytes: int

    @property
    def chunks(self) -> int:
        """Chunks of 64 KiB on average."""
        return _ceil(self.plain_bytes, CHUNK_BYTES)

    @property
    def packs(self) -> int:
        """Packs of 64 MiB of frames."""
        return _ceil(self.plain_bytes + self.chunks * FRAME_HEADER_BYTES, TARGET_PACK_BYTES)

    @property
    def roots(self) -> int:
        """Roots of 1 TB, each with one record."""
        return _ceil(self.plain_bytes, ROOT_BYTES)

    @property
    def objects(self) -> int:
        """Packs, records and the marker."""
        return self.packs + self.roots + 1

    @property
    def overhead_bytes(self) -> int:
        """Frame headers and the indexes in packs."""
        return self.chunks * (FRAME_HEADER_BYTES + INDEX_ENTRY_BYTES)

    @property
    def index_db_bytes(self) -> int:
        """index.db of a clone that knows every pack."""
        return self.chunks * INDEX_DB_BYTES_PER_CHUNK

    @property
    def record_bytes(self) -> int:
        """All records as stored, each pack read from one end to the other."""
        return self.packs * WHOLE_STORED_BYTES

    @property
    def listing_requests(self) -> int:
        """LIST requests for all packs."""
        return _ceil(self.packs, KEYS_PER_LIST)

    @property
    def changed_packs(self) -> int:
        """New packs of a version of one root with 1 % new bytes, and one more for its last, partly filled pack."""
        return _ceil(int(min(self.plain_bytes, ROOT_BYTES) * CHANGED_PART), TARGET_PACK_BYTES) + 1

    @property
    def whole_pull_reads(self) -> int:
        """GET requests for all data in ranges of 8 MiB, with the index of every pack."""
        return _ceil(self.plain_bytes, RANGE_BYTES) + self.packs * INDEX_REQUESTS + self.roots

    @property
    def store_bytes(self) -> int:
        """Everything in the bucket."""
        return self.plain_bytes + self.overhead_bytes + self.record_bytes


def most_packs_of_a_root() -> int:
    """Packs that one record can name if each is read from one end to the other."""
    return MAX_RECORD_BYTES // WHOLE_TEXT_BYTES


def most_runs_of_a_root(run_bytes: int) -> int:
    """Runs that one record can name if each has `run_bytes` and none is next to its neighbour in a pack."""
    per_pack = TARGET_PACK_BYTES // run_bytes
    # A pack is named once for all its runs: what a whole one takes beyond its run.
    return int(MAX_RECORD_BYTES / (RUN_TEXT_BYTES + (WHOLE_TEXT_BYTES - RUN_TEXT_BYTES) / per_pack))


def rewritten_lines(files: int, changes: int) -> float:
    """Lines in all pages that `changes` scattered changes among `files` rewrite, leaves and inner pages together.

    The lengths of pages are spread like those between random cuts, so a change falls more often into a long page.
    With x = changes * mean / lines of a level, (1 - 1 / (1 + x)^2) of its lines are in pages that change, and
    (1 - 1 / (1 + x)) of its pages do, which are the changes of the level above.
    """
    lines, mean, changed, total = float(files), LEAF_MODULUS, float(changes), 0.0
    while lines > 1:
        density = changed * mean / lines
        total += lines * (1 - (1 + density) ** -2)
        changed = lines / mean * (1 - 1 / (1 + density))
        lines, mean = lines / mean, INNER_MODULUS
    return total


def format_paper() -> str:
    """All tables as Markdown, with their captions."""
    return "\n".join(f"### {title}\n\n{table}\n" for title, table in paper_tables().items())


def paper_tables() -> dict[str, str]:
    """The tables by their captions."""
    return {
        "Objects and indexes": _volumes_table(_OBJECT_ROWS),
        "Requests": _volumes_table(_REQUEST_ROWS),
        "Money": _volumes_table(_MONEY_ROWS),
        "One root": _roots_table(),
        "Small files": _files_table(),
    }


def _volumes_table(rows: dict[str, Callable[[Volume], str]]) -> str:
    volumes = [Volume(plain_bytes) for plain_bytes in VOLUMES.values()]
    cells = [(name, *(row(volume) for volume in volumes)) for name, row in rows.items()]
    return markdown_table(("", *VOLUMES), cells)


_OBJECT_ROWS: Final[dict[str, Callable[[Volume], str]]] = {
    "chunks": lambda v: count(v.chunks),
    "packs": lambda v: count(v.packs),
    "objects in the bucket": lambda v: count(v.objects),
    "frame headers and indexes in packs": lambda v: size(v.overhead_bytes),
    "their share": lambda v: f"{v.overhead_bytes / v.plain_bytes:.3%}",
    "placement records": lambda v: size(v.record_bytes),
    "index.db that knows all packs": lambda v: size(v.index_db_bytes),
}
_REQUEST_ROWS: Final[dict[str, Callable[[Volume], str]]] = {
    "first push: PUT": lambda v: count(v.objects),
    "push of a changed root: PUT": lambda v: count(v.changed_packs + 1),
    "its confirmation: LIST": lambda v: count(v.listing_requests),
    "pull of everything: GET, at most": lambda v: count(v.whole_pull_reads),
    "for comparison, an object for each chunk: PUT": lambda v: count(v.chunks),
}
_MONEY_ROWS: Final[dict[str, Callable[[Volume], str]]] = {
    "storage, a month": lambda v: money(v.store_bytes / 1e9 * STORAGE_PER_GB_MONTH),
    "first push, requests": lambda v: money(v.objects / 1000 * PER_1000_WRITES),
    "push of a changed root, requests": lambda v: money(
        (v.changed_packs + 1 + v.listing_requests) / 1000 * PER_1000_WRITES
    ),
    "pull of everything, requests": lambda v: money(v.whole_pull_reads / 1000 * PER_1000_READS),
    "pull of everything to the internet, transfer": lambda v: money(v.store_bytes / 1e9 * EGRESS_PER_GB),
    "for comparison, an object for each chunk: first push": lambda v: money(
        v.chunks / 1000 * PER_1000_WRITES
    ),
}


def _roots_table() -> str:
    packs = Volume(ROOT_BYTES).packs
    fresh = ("freshly written", packs, WHOLE_STORED_BYTES, WHOLE_TEXT_BYTES, WHOLE_MEMORY_BYTES)
    columns = [_root_column(*fresh, largest=most_packs_of_a_root() * TARGET_PACK_BYTES)]
    for title, run_bytes in (("a run for every MiB", RUN_BYTES), ("a run for every chunk", CHUNK_BYTES)):
        costs = (_ceil(ROOT_BYTES, run_bytes), RUN_STORED_BYTES, RUN_TEXT_BYTES, RUN_MEMORY_BYTES)
        columns.append(_root_column(title, *costs, largest=most_runs_of_a_root(run_bytes) * run_bytes))
    titles = (
        "a root of 1 TB",
        "runs",
        "record as stored",
        "record as JSON",
        "memory to read it",
        "largest root",
    )
    header, *rows = zip(titles, *columns, strict=True)
    return markdown_table(header, rows)


def _root_column(
    title: str, runs: int, stored: int, text: int, memory: int, *, largest: int
) -> tuple[str, ...]:
    """The cells of one column; `stored`, `text` and `memory` are bytes for each run, `largest` those of a root."""
    return title, count(runs), size(runs * stored), size(runs * text), size(runs * memory), size(largest)


def _files_table() -> str:
    rows = []
    for name, plain_bytes in VOLUMES.items():
        files = _ceil(plain_bytes, SMALL_FILE_BYTES)
        rewritten = [rewritten_lines(files, changes) for changes in (1, 1000)]
        rows.append((
            name,
            count(files),
            count(_ceil(files, LEAF_MODULUS)),
            size(files * ENTRY_STORED_BYTES),
            *(size(lines * ENTRY_STORED_BYTES) for lines in rewritten),
            money(files / 1000 * PER_1000_WRITES),
            money(Volume(plain_bytes).objects / 1000 * PER_1000_WRITES),
        ))  # fmt: skip
    columns = (
        "files of 40 KiB", "files", "leaf pages", "manifest as stored", "rewritten for 1 change", "for 1 000",
        "PUT, an object for each file", "PUT, dvx",
    )  # fmt: skip
    return markdown_table(columns, rows)


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)


def count(value: float) -> str:
    """A count with three significant digits: 950, 14.9 k, 15.3 M."""
    return _scaled(value, ("", " k", " M", " G"))


def size(value: float) -> str:
    """Bytes with three significant digits and a decimal unit."""
    return _scaled(value, (" B", " kB", " MB", " GB", " TB", " PB"))


def _scaled(value: float, units: tuple[str, ...]) -> str:
    place = 0
    while value >= 999.5 and place + 1 < len(units):
        value /= 1000
        place += 1
    if place == 0:
        return f"{value:.0f}{units[0]}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{units[place]}"


def money(value: float) -> str:
    """US dollars: cents below 100, whole dollars above."""
    if 0 < value < 0.01:
        return "under $0.01"
    return f"${value:,.2f}" if value < 100 else f"${value:,.0f}"
