"""The canonical TOML writer: exactly one text for one set of values.

Owns spelling and order: keys sorted by code point, plain values before tables, one key per line, so that Git
merges two edits of different keys. Takes every value that a TOML 1.0 reader returns. Must not know what the
keys mean.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final, TypeGuard

from dvx.core.errors import FormatError

# Bounds recursion here and in everything that compares or copies the values.
MAX_DEPTH: Final = 32

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED: Final = re.compile(r'[\x00-\x1f\x7f"\\]')
_SHORT_ESCAPES: Final = {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


def canonical_table(table: Mapping[str, object], *, depth: int = 0) -> dict[str, object]:
    """Return `table` in canonical order at every level, with every NaN replaced by `math.nan`.

    One NaN object makes equal documents compare equal: containers compare by identity first.
    Raises FormatError for nesting beyond MAX_DEPTH, integers beyond 64 bits, types that TOML lacks and keys
    that are not text.
    """
    if not all(isinstance(key, str) for key in table):
        raise FormatError("a key is not text", kind="bad-toml")
    ordered = sorted(table.items(), key=lambda item: (_is_table(item[1]), item[0]))
    return {key: canonical_value(inner, depth=depth + 1) for key, inner in ordered}


def canonical_value(value: object, *, depth: int = 0) -> object:
    """Return one value as canonical_table does; `depth` counts the containers around it."""
    if depth > MAX_DEPTH:
        raise FormatError(f"values are nested deeper than {MAX_DEPTH} levels", kind="bad-toml")
    if isinstance(value, Mapping):
        return canonical_table(value, depth=depth)
    if isinstance(value, list):
        return [canonical_value(inner, depth=depth + 1) for inner in value]
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    _check_plain(value)
    return value


def format_document(head: Mapping[str, object], rest: Mapping[str, object]) -> str:
    """Spell a document: `head` in the given order, then the plain values of `rest`, then its tables.

    Every table header follows a blank line. Lines end in LF. Raises FormatError as canonical_value does.
    """
    ordered = canonical_table(rest)
    plain = {key: value for key, value in ordered.items() if not _is_table(value)}
    lines = [*_key_lines(head.items()), *_key_lines(plain.items()), *_table_lines(ordered, parents=())]
    return "".join(f"{line}\n" for line in lines)


def _check_plain(value: object) -> None:
    if isinstance(value, bool | float | str | date | time):
        return
    if not isinstance(value, int):
        raise FormatError(f"TOML has no value of type {type(value).__name__}", kind="bad-toml")
    if not -(2**63) <= value < 2**63:
        raise FormatError("an integer does not fit into 64 bits", kind="bad-toml")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or _is_table_array(value)


def _is_table_array(value: object) -> TypeGuard[list[Mapping[str, object]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key_lines(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    for key, value in pairs:
        yield f"{_format_key(key)} = {_format_inline(value)}"


def _table_lines(tables: Mapping[str, object], *, parents: tuple[str, ...]) -> Iterator[str]:
    for key, value in tables.items():
        names = (*parents, _format_key(key))
        header = ".".join(names)
        if _is_table_array(value):
            for item in value:
                yield from ("", f"[[{header}]]")
                yield from _body_lines(item, names=names)
        elif isinstance(value, Mapping):
            # A table that holds only tables is implied by their headers.
            if not value or not all(map(_is_table, value.values())):
                yield from ("", f"[{header}]")
            yield from _body_lines(value, names=names)


def _body_lines(table: Mapping[str, object], *, names: tuple[str, ...]) -> Iterator[str]:
    yield from _key_lines((key, value) for key, value in table.items() if not _is_table(value))
    yield from _table_lines(table, parents=names)


def _format_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _format_string(key)


def _format_string(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04X}"


def _format_inline(value: object) -> str:
    if isinstance(value, str):
        return _format_string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_format_inline, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(_key_lines(value.items())) + "}"
    if isinstance(value, datetime):
        return _format_datetime(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return repr(value)  # int and float: Python's shortest spelling is valid TOML, also inf and nan


def _format_datetime(moment: datetime) -> str:
    if moment.utcoffset() == timedelta(0):
        return moment.replace(tzinfo=None).isoformat() + "Z"
    return moment.isoformat()
