"""Sizes in bytes as people read and write them (decimal units, as disks and clouds are sold)."""

import re

from dvx.core.errors import UsageError

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_FACTORS = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "kib": 2**10,
    "m": 10**6, "mb": 10**6, "mib": 2**20,
    "g": 10**9, "gb": 10**9, "gib": 2**30,
    "t": 10**12, "tb": 10**12, "tib": 2**40,
}  # fmt: skip
_PATTERN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)\s*")


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


def parse_size(text: str) -> int:
    """Read `500`, `20 GB`, `1.5GiB` and return bytes. Raises UsageError."""
    match = _PATTERN.fullmatch(text)
    factor = _FACTORS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise UsageError(f"not a size: {text!r}", hints=["write it like `500 MB`, `20GB` or `1.5 GiB`"])
    return int(float(match[1]) * factor)
