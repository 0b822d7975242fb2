"""Pointers in their canonical spelling, read by lines: for those who read thousands of versions.

Owns the short way: a text that is spelled as `format_pointer` spells it, read with one regular expression for each
table. A pointer of 650 bytes with metrics of its own takes a sixth of what the TOML reader takes (22 against 136 us).
Everything else, and every refusal, is for dvx.formats.pointer: this module must not accept what that would refuse, and
must not read anything as something else.
"""

import re
from collections.abc import Mapping
from typing import Final

from dvx.core.errors import FormatError
from dvx.formats.canonical_toml import canonical_value
from dvx.formats.pointer import HEAD_KEYS, MAX_POINTER_BYTES, Pointer, read_head

# A whole line each: a key, and a whole number, another number, true or false, or a text in which nothing is escaped.
# What is below, such as dates and lists, is read as TOML, line by line.
_LINE: Final = re.compile(
    r'^([A-Za-z0-9_-]+|"[^\x00-\x1f\x7f"\\]*") = '
    r"(?:(-?(?:0|[1-9][0-9]{0,17}))|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:e[-+]?[0-9]+)?|e[-+]?[0-9]+))|"
    r'(true|false)|"([^\x00-\x1f\x7f"\\]*)")$',
    re.MULTILINE,
)
_HEADER: Final = re.compile(r"([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?\](?:\n|\Z)")
# Tables and lines that were read are kept, as the pointers of one run share most of theirs; this many at most.
_KEPT: Final = 4096

_Table = dict[str, object]
# The names in a header, the second one empty where there is one, and what is below.
_Section = tuple[tuple[str, str], _Table]
_NO_HEADER: Final = ("", "")
_NOTHING: Final[_Table] = {}


class PointerReader:
    """Reads many pointers. Tables that two of them share byte for byte are one object, not to be changed.

    Use it from one thread.
    """

    def __init__(self) -> None:
        self._sections: dict[str, _Section | None] = {}
        self._lines: dict[str, tuple[str, object] | None] = {}
        self._joined: dict[tuple[int, int], tuple[_Table, _Table, _Table]] = {}

    def read(self, data: bytes) -> Pointer | None:
        """Return what parse_pointer returns for `data`, or None where `data` has another spelling, or is no pointer."""
        head = read_head(data) if len(data) <= MAX_POINTER_BYTES else None
        if head is None:
            return None
        kind, content_id, size, files, end = head
        if end == len(data):
            return Pointer(kind, content_id, size, files)
        try:
            extra = self._tables(data[end:].decode("utf-8"))
        except UnicodeDecodeError:
            return None
        return Pointer(kind, content_id, size, files, extra) if extra is not None else None

    def _tables(self, text: str) -> _Table | None:
        """The tables of `text`, each of which is behind a blank line; None where they are not in canonical order."""
        if text[:2] != "\n[" or text[-1] != "\n":
            return None
        extra: _Table = {}
        last = _NO_HEADER
        for part in text[2:-1].split("\n\n["):
            section = self._sections.get(part) or self._section(part)
            if section is None:
                return None
            header, table = section
            if header <= last:
                return None
            last = header
            name, inner = header
            if not inner:
                extra[name] = table
            elif not self._insert(extra, name, inner, table):
                return None
        return extra

    def _section(self, part: str) -> _Section | None:
        """One table: a header without its first bracket, and lines of keys."""
        if len(self._sections) >= _KEPT:
            self._sections.clear()
        names = _HEADER.match(part)
        table = None
        if names is not None and names[1] not in HEAD_KEYS:
            table = self._read_lines(part[names.end() :])
        # Without keys there is the header alone; a line that is there twice, or out of order, is not canonical.
        found = None if names is None or table is None else ((names[1], names[2] or ""), table)
        self._sections[part] = found
        return found

    def _read_lines(self, body: str) -> _Table | None:
        count = body.count("\n") + 1 if body else 0
        lines = _LINE.findall(body)
        if len(lines) == count:
            table = {
                (key if key[0] != '"' else key[1:-1]): float(number)
                if number
                else int(whole)
                if whole
                else truth == "true"
                if truth
                else text
                for key, whole, number, truth, text in lines
            }
        else:
            pairs = [self._line(line) for line in body.split("\n")]
            table = dict(pair for pair in pairs if pair is not None)
        return table if len(table) == count and list(table) == sorted(table) else None

    def _line(self, line: str) -> tuple[str, object] | None:
        if line not in self._lines:
            if len(self._lines) >= _KEPT:
                self._lines.clear()
            self._lines[line] = _read_line(line)
        return self._lines[line]

    def _insert(self, extra: _Table, name: str, inner: str, table: _Table) -> bool:
        """Put a table into another one, which other pointers may share; tell whether there is room for it."""
        outer = extra.get(name, _NOTHING)
        if not isinstance(outer, dict) or inner in outer:
            return False
        known = self._joined.get((id(outer), id(table)))
        if known is None:
            if len(self._joined) >= _KEPT:
                self._joined.clear()
            # Both are kept with the answer, so that no other table can get the address of one.
            known = outer, table, {**outer, inner: table}
            self._joined[id(outer), id(table)] = known
        extra[name] = known[2]
        return True


def _read_line(line: str) -> tuple[str, object] | None:
    """One key and its value, where the line has them on its own: then it means the same in any table."""
    import tomli  # 5 ms that histories without dates and lists do not need

    try:
        pairs = list(tomli.loads(line).items())
        if len(pairs) != 1 or not _is_plain(pairs[0][1]):
            return None
        return pairs[0][0], canonical_value(pairs[0][1])
    except (ValueError, RecursionError, OverflowError, FormatError):
        return None


def _is_plain(value: object) -> bool:
    """Whether a value is no table, and no list of anything that can hold other values."""
    if isinstance(value, list):
        return not any(isinstance(item, list | Mapping) for item in value)
    return not isinstance(value, Mapping)
