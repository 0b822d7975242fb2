"""Small pieces of text: counts, durations, percentages, tables and JSON documents.

Owns how they look. Must not write anything itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dvx.cli.output import escape
from dvx.core.sizes import format_size

_PASSWORD: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/@\s:]*):[^/@\s]*@")


def format_count(count: int) -> str:
    """Spell a count with a space between thousands: `20 000`."""
    return f"{count:,}".replace(",", " ")


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 file`, `20 000 files`."""
    return f"{format_count(count)} {one if count == 1 else many or one + 's'}"


def format_duration(seconds: float) -> str:
    """`0.4 s`, `41 s`, `12 min 5 s`, `3 h 20 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_saved(*, stored_bytes: int, plain_bytes: int) -> str | None:
    """The part of `plain_bytes` that did not have to be stored, such as `32 %`; None where nothing was named."""
    if plain_bytes <= 0:
        return None
    return f"{max(0, round(100 * (1 - stored_bytes / plain_bytes)))} %"


def format_size_change(size_bytes: int) -> str:
    """A size with its sign: `+1.20 MB`, `-3 B`, `+0 B`."""
    return f"{'-' if size_bytes < 0 else '+'}{format_size(abs(size_bytes))}"


def format_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns two spaces apart; the last one is not padded. Cells are escaped."""
    cells = [[escape(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([*(c.ljust(w) for c, w in zip(row[:-1], widths, strict=False)), row[-1]]) for row in cells
    ]


def format_document(schema: str, fields: Mapping[str, Any]) -> str:
    """One JSON document with its schema first. ASCII only, so that no terminal is confused by a name."""
    import json  # 1 ms that text does not need

    return json.dumps({"schema": schema, **fields}, indent=2)


def without_password(address: str) -> str:
    """An address as it may be shown."""
    return _PASSWORD.sub(r"\1:***@", address)
