"""Sizes in bytes as people read them (decimal units, as disks and clouds are sold)."""

import re
from typing import Final

_PREFIXES: Final = " kmgtp"
_MAX_SIZE_CHARACTERS: Final = 24
# Compiled when it is first used, because every command imports this module and few read a size.
_SIZE: Final = r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgtp])(i?))?b"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def format_size(size_bytes: int) -> str:
    """Spell a size with three significant digits: `0 B`, `999 B`, `1.50 kB`, `12.3 MB`, `2.15 GB`."""
    value = float(size_bytes)
    for unit in _UNITS:
        if abs(value) < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "B":
        return f"{size_bytes} B"
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def parse_size(text: str) -> int | None:
    """Read a size such as `20GB`, `1.5 TB`, `512 KiB` or `100 B`, in bytes; None for anything else.

    The unit is needed; upper and lower case are the same. Sizes of more than 24 characters are none.
    """
    if len(text) > _MAX_SIZE_CHARACTERS:
        return None
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        return None
    base = 1024 if found[3] else 1000
    unit_bytes: int = base ** _PREFIXES.index((found[2] or " ").lower())
    from fractions import Fraction  # 2 ms, and sizes are printed more often than read

    return round(Fraction(found[1]) * unit_bytes)
