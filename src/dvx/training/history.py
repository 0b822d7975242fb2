"""The metrics of every step, in a file of lines that only grows: CSV, or JSONL by its name.

Owns the file: whole lines however the process ends, and taking it up again. A line is one write at the end of the
file; what a crash left of a line is cut off when the file is opened again. Must not decide what is recorded.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from dvx.disk.atomic import disk_errors, write_all, write_atomic
from dvx.training.values import Plain, json_value, number_of

STEP: Final = "step"
Row = Mapping[str, Plain]


class HistoryFile:
    """Rows of one run. Not for several threads at once; methods raise LocalDiskError and can then be called again."""

    def __init__(self, path: str, *, resume: bool) -> None:
        self._path = path
        self._is_csv = not path.lower().endswith((".jsonl", ".ndjson"))
        self._columns: list[str] = [STEP]
        self._is_new = True
        if resume:
            self._take_up()
        else:
            with disk_errors(path, "remove"), suppress(FileNotFoundError):
                os.unlink(path)

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows at the end. A column that is new is given to all rows: the file is then written anew."""
        rows = list(rows)
        added = [name for row in rows for name in row if name not in self._columns]
        if self._is_csv and (added or self._is_new):
            self._write([*self._read(), *rows], columns=[*self._columns, *dict.fromkeys(added)])
        elif rows:
            self._extend("".join(self._line(row, self._columns) for row in rows).encode("utf-8"))

    def drop_from(self, step: int) -> None:
        """Take rows of `step` and later away: a training that starts again at `step` will write them anew."""
        rows = self._read()
        kept = [row for row in rows if (at := step_of(row)) is None or at < step]
        if len(kept) < len(rows):
            self._write(kept)

    def last_step(self) -> int | None:
        """The largest step in the file, None where there is none."""
        return max((at for row in self._read() if (at := step_of(row)) is not None), default=None)

    def _take_up(self) -> None:
        data = b""
        with disk_errors(self._path, "read"), suppress(FileNotFoundError), open(self._path, "rb") as file:
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            return
        if self._is_csv:
            header = next(csv.reader(io.StringIO(whole.decode("utf-8", "replace"))), [])
            self._columns = header
        self._is_new = False
        if len(whole) < len(data):
            with disk_errors(self._path, "write"):
                os.truncate(self._path, len(whole))
        columns = list(dict.fromkeys([*self._columns, STEP]))
        if columns != self._columns:  # a table that something else wrote
            self._write(self._read(), columns=columns)

    def _read(self) -> list[dict[str, Any]]:
        if self._is_new:
            return []
        with disk_errors(self._path, "read"), open(self._path, encoding="utf-8", errors="replace") as file:
            if self._is_csv:
                # Cells beyond the header have no name and cannot be kept.
                return [{k: v for k, v in row.items() if k is not None and v} for row in csv.DictReader(file)]
            return [row for line in file if isinstance(row := _json_line(line), dict)]

    def _write(self, rows: Iterable[Row], *, columns: list[str] | None = None) -> None:
        columns = self._columns if columns is None else columns
        header = [_csv_line(columns)] if self._is_csv else []
        data = "".join([*header, *(self._line(row, columns) for row in rows)]).encode("utf-8")
        write_atomic(self._path, data, durable=False)
        self._columns = columns  # not before the file has them
        self._is_new = False

    def _extend(self, data: bytes) -> None:
        with disk_errors(self._path, "write"):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(self._path, flags, 0o666)
            try:
                self._add_whole(descriptor, data)
            finally:
                os.close(descriptor)

    def _add_whole(self, descriptor: int, data: bytes) -> None:
        start = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, start)  # a full disk took a part of the line
            raise
        self._is_new = False

    def _line(self, row: Row, columns: list[str]) -> str:
        if self._is_csv:
            return _csv_line(row.get(name, "") for name in columns)
        return json.dumps({name: json_value(value) for name, value in row.items()}, ensure_ascii=False) + "\n"


def _csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def step_of(row: Mapping[str, Any]) -> int | None:
    """The step that a row is of."""
    number = number_of(str(row.get(STEP, "")))
    return int(number) if number is not None and abs(number) < 2**63 else None


def _json_line(line: str) -> object:
    parse: Callable[[str], object] = json.loads
    try:
        return parse(line)
    except ValueError:
        return None
