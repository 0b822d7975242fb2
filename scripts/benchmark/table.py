"""W3: a CSV table with ids, floats, categories, timestamps and text, and versions of it with scattered edits.

Owns the bytes of the table and of its edits. Must not measure.
"""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

SIZE_BYTES: Final = 1 << 30
TITLE: Final = (
    "1 GiB CSV (ids, floats, categories, timestamps, text); "
    "v2: 1000 rows inserted and 1000 deleted at random places, 1 % appended"
)
HEADER: Final = b"id,time,station,status,value,delta,remark\n"
_EDITED_ROWS: Final = 1000
_APPENDED_PART: Final = 0.01
_SEED: Final = 20240103
_BLOCK_ROWS: Final = 100_000
_START_S: Final = 1_700_000_000
_STATUSES: Final = (b"ok", b"ok", b"ok", b"ok", b"late", b"missing", b"estimated", b"repaired")
_WORDS: Final = 4096
_LONGEST_WORD: Final = 9
_MOST_WORDS: Final = 9

Bytes2D = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class TableEdits:
    """How a version differs from the one before: rows inserted and deleted at random places, bytes appended."""

    inserted_rows: int
    deleted_rows: int
    appended_bytes: int


def generate(folder: Path, scale: float) -> list[str]:
    """Write `v1/table.csv` and `v2/table.csv`; nothing is removed."""
    old, new = (folder / version / "table.csv" for version in ("v1", "v2"))
    for path in (old, new):
        path.parent.mkdir(parents=True)
    size_bytes = int(SIZE_BYTES * scale)
    write_table(old, size_bytes)
    rows = max(1, round(_EDITED_ROWS * scale))
    edit_table(old, new, TableEdits(rows, rows, int(size_bytes * _APPENDED_PART)), seed=2)
    return []


def write_table(path: Path, size_bytes: int) -> None:
    """Write a table of exactly the rows that fit into `size_bytes`."""
    with open(path, "wb") as file:
        file.write(HEADER)
        _append_rows(file, size_bytes - len(HEADER), Rows(seed=1))


def edit_table(source: Path, target: Path, edits: TableEdits, *, seed: int) -> None:
    """Write a version of the table at `source` to `target`; the same for the same seed."""
    generator = np.random.Generator(np.random.SFC64([_SEED, 7, seed]))
    rows = Rows(seed=1000 + seed)
    fresh = rows.block(max(1, edits.inserted_rows)).splitlines(keepends=True)
    with open(source, "rb") as old, open(target, "wb") as new:
        with mmap.mmap(old.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
            starts = _row_starts(content, edits.inserted_rows + edits.deleted_rows, generator)
            is_insert = generator.permutation(len(starts)) < edits.inserted_rows
            copied = 0
            for start, insert in zip(starts, is_insert.tolist(), strict=True):
                new.write(view[copied:start])
                if insert:
                    new.write(fresh.pop())
                copied = start if insert else content.find(b"\n", start) + 1
            new.write(view[copied:])
        _append_rows(new, edits.appended_bytes, rows)


def _row_starts(content: mmap.mmap, count: int, generator: np.random.Generator) -> list[int]:
    """Offsets of `count` different rows at random places, in order; fewer if the table has fewer rows."""
    starts: set[int] = set()
    for _ in range(20):
        for offset in generator.integers(0, len(content), count - len(starts)).tolist():
            start = content.find(b"\n", offset) + 1
            if 0 < start < len(content):
                starts.add(start)
        if len(starts) == count:
            break
    return sorted(starts)


def _append_rows(file: BinaryIO, size_bytes: int, rows: "Rows") -> None:
    while size_bytes > 0:
        block = rows.block(_BLOCK_ROWS)
        if len(block) > size_bytes:
            block = block[: block.rfind(b"\n", 0, size_bytes) + 1]
            size_bytes = 0
        file.write(block)
        size_bytes -= len(block)


class Rows:
    """An endless stream of rows. A block is a matrix of bytes in which zeros are left out at the end."""

    def __init__(self, *, seed: int) -> None:
        """Ids start at a million times the seed."""
        self._generator = np.random.Generator(np.random.SFC64([_SEED, seed]))
        self._next_id = 100_000_000 + seed * 1_000_000
        self._time_s = _START_S
        self._words = _vocabulary()

    def block(self, count: int) -> bytes:
        """The next `count` rows."""
        generator = self._generator
        ids = self._next_id + np.arange(count, dtype=np.int64)
        times = self._time_s + np.cumsum(generator.integers(0, 4, count))
        self._next_id, self._time_s = int(ids[-1]) + 1, int(times[-1])
        comma = np.full((count, 1), ord(","), dtype=np.uint8)
        columns = [
            _digits(ids, 9), comma,
            _timestamps(times), comma,
            np.frombuffer(b"ST", dtype=np.uint8)[np.newaxis].repeat(count, 0),
            _digits(np.minimum(generator.geometric(0.02, count), 999), 3), comma,
            _chosen(_STATUSES, generator.integers(0, len(_STATUSES), count)), comma,
            _decimals(generator.normal(180, 40, count), whole=3, places=4), comma,
            _decimals(generator.normal(0, 1, count), whole=1, places=5), comma,
            self._remarks(count),
            np.full((count, 1), ord("\n"), dtype=np.uint8),
        ]  # fmt: skip
        matrix: Bytes2D = np.hstack(columns)
        return bytes(matrix[matrix != 0])

    def _remarks(self, count: int) -> Bytes2D:
        """Sentences of 3 to 9 words, frequent words more often."""
        generator = self._generator
        numbers = (_WORDS ** generator.random((count, _MOST_WORDS))).astype(np.int64) - 1
        words = self._words[numbers]
        lengths = generator.integers(3, _MOST_WORDS + 1, count)
        words[np.arange(_MOST_WORDS)[np.newaxis] >= lengths[:, np.newaxis]] = 0
        words[:, 0, 0] = 0  # no blank before the first word
        return words.reshape(count, -1)


def _vocabulary() -> Bytes2D:
    """Made-up words of 3 to 8 letters, a blank before each, padded with zeros."""
    generator = np.random.Generator(np.random.SFC64([_SEED, 11]))
    letters = np.frombuffer(b"etaoinshrdlucmfw", dtype=np.uint8)
    words = letters[generator.integers(0, len(letters), (_WORDS, _LONGEST_WORD))]
    lengths = generator.integers(4, _LONGEST_WORD + 1, _WORDS)
    words[np.arange(_LONGEST_WORD)[np.newaxis] >= lengths[:, np.newaxis]] = 0
    words[:, 0] = ord(" ")
    return words


def _digits(numbers: "np.ndarray[Any, Any]", width: int) -> Bytes2D:
    """Decimal digits with leading zeros."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers.astype(np.int64)[:, np.newaxis] // powers % 10 + ord("0")).astype(np.uint8)


def _decimals(numbers: "np.ndarray[Any, Any]", *, whole: int, places: int) -> Bytes2D:
    """Numbers with a point, a minus where needed, and no leading zero beyond the last whole digit."""
    scaled = np.rint(np.abs(numbers) * 10**places).astype(np.int64)
    digits = _digits(scaled, whole + places)
    for position in range(whole - 1):
        digits[scaled < 10 ** (whole + places - 1 - position), position] = 0
    sign = np.where((numbers < 0) & (scaled > 0), ord("-"), 0).astype(np.uint8)[:, np.newaxis]
    point = np.full((len(digits), 1), ord("."), dtype=np.uint8)
    return np.hstack([sign, digits[:, :whole], point, digits[:, whole:]])


def _timestamps(times_s: "np.ndarray[Any, Any]") -> Bytes2D:
    """`2024-01-31T12:00:00Z` for seconds since 1970."""
    text = np.datetime_as_string(times_s.astype("datetime64[s]"), unit="s").astype("S19")
    stamps = text.view(np.uint8).reshape(len(times_s), 19)
    return np.hstack([stamps, np.full((len(stamps), 1), ord("Z"), dtype=np.uint8)])


def _chosen(values: tuple[bytes, ...], numbers: "np.ndarray[Any, Any]") -> Bytes2D:
    """One of `values` for each number."""
    width = max(map(len, values))
    choices = np.frombuffer(b"".join(value.ljust(width, b"\0") for value in values), dtype=np.uint8)
    chosen: Bytes2D = choices.reshape(len(values), width)[numbers]
    return chosen
