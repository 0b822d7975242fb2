"""Values as text: for a terminal, and for files that other programs read.

Owns how a number, a list or other people's text looks, in two ways for a person: `format_value` in tables, where
numbers stand below each other and are compared by eye, and `exact_value` where one value is told, as it would be typed
into a file. Must not know which table it is in.
"""

import math
from datetime import date, datetime, time
from typing import Final

from dvx.cli.output import escape

# What a spreadsheet takes for the start of a formula, also behind white space.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def format_value(value: object) -> str:
    """One line for a person: six significant digits, text as it is, escaped; `-` for nothing."""
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, str):
        return escape(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(format_value, value))}]"
    return escape(str(json_value(value)))


def exact_value(value: object) -> str:
    """One line for a person who may copy it: all digits, text in quotes, as TOML has it; everything escaped."""
    from dvx.formats.canonical_toml import format_document  # 1 ms that tables do not need

    return escape(format_document({"v": value}, {})[len("v = ") : -1])


def format_number(number: float) -> str:
    """Six significant digits: `0.934512`, `1e-05`, `nan`, `-inf`, whole ones without a fraction."""
    return f"{number:.6g}"


def json_value(value: object) -> object:
    """A value as JSON has it: `nan` and `inf` become text, dates and times their ISO text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        return [json_value(item) for item in value]
    return value


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula, and no terminal for a command; numbers stay exact."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list):
        value = "; ".join(str(csv_cell(item)) for item in value)
    text = escape(str(json_value(value)))
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) and text != "-inf" else text
