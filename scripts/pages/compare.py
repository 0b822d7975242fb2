"""Whether output is what a page shows, where it may be: times, ids and sizes of compressed data differ in every run.

Owns which parts of a line may differ. Everything else has to be equal.
"""

import re
from collections.abc import Sequence
from typing import Final

# The line of a page that stands for any lines.
ANY: Final = "…"
_SIZE: Final = r"\d[\d ]*(?:\.\d+)? (?:B|kB|MB|GB)"
# Each is replaced in both lines before they are compared.
_VOLATILE: Final = (
    (re.compile(rf"{_SIZE}(?= (?:stored|sent|received|in \d+ packs? sent))"), "SIZE"),
    (re.compile(r"\d+ % saved"), "N % saved"),
    (re.compile(r"\bin \d+(?:\.\d+)? s\b|\bin \d+ min \d+ s\b"), "in N s"),
    (re.compile(r"\b20\d\d-\d\d-\d\d(?:T[\d:]+Z)?\b"), "DATE"),
    (re.compile(r"packs/[0-9a-f]{2}/[0-9a-f]{32}"), "PACK"),
    (re.compile(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} \d+ [\d:]{8} 20\d\d [+-]\d{4}"), "DATE"),
    # Commits, packs, records, and shortened ids. A content id (64 digits) is the same on every machine and stays.
    (re.compile(r"(?<!size = )\b[0-9a-f]{7,40}\b"), "HEX"),
    # The columns of a table are as wide as what is in them.
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(r"^ +(?=HEX)|\s+$"), ""),
)
_CONTENT: Final = re.compile(r"\b[0-9a-f]{64}\b")
_NUMBER: Final = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?")
# Floating point differs between processors in the last digits, and a training amplifies that.
_RELATIVE: Final = 2e-3


def is_as_shown(shown: Sequence[str], printed: Sequence[str], *, ids_differ: bool = False) -> bool:
    """Whether `printed` is what a page shows, `…` standing for any number of lines.

    Where ids differ from machine to machine, so does an order by ids.
    """
    if ids_differ:
        shown, printed = (
            sorted(_CONTENT.sub("HEX", _steady(line)) for line in lines) for lines in (shown, printed)
        )
    return _in_order(shown, printed)


def _in_order(shown: Sequence[str], printed: Sequence[str]) -> bool:
    if not shown:
        return not printed
    if shown[0].strip() == ANY:
        return any(_in_order(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and same_line(shown[0], printed[0]) and _in_order(shown[1:], printed[1:])


def same_line(shown: str, printed: str) -> bool:
    """Whether two lines are equal but for what differs in every run."""
    first, second = _steady(shown), _steady(printed)
    if first == second:
        return True
    numbers = zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=False)
    same_text = _NUMBER.sub("N", first) == _NUMBER.sub("N", second)
    return same_text and all(_close(float(one), float(other)) for one, other in numbers)


def _steady(line: str) -> str:
    for pattern, word in _VOLATILE:
        line = pattern.sub(word, line)
    return line


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _RELATIVE * max(abs(one), abs(other))
