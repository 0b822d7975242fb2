"""Sizes in bytes as people read them (decimal units, as disks and clouds are sold)."""

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
