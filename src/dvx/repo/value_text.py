"""A value from plain text: a cell of a table, a line of a `.env` file, an argument of the command line.

Owns the two sets of rules: what people write into tables and environments, and TOML for arguments.
"""

import re
from typing import Final

from dvx.repo.value_flat import Unstorable

_INT: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'")
# 64 bits take 20 signs; Python refuses to read a number of more than 4300 digits.
_MAX_DIGITS: Final = 40


def whole_number(text: str) -> int | Unstorable:
    """Read decimal digits; a number that no pointer can hold is not computed."""
    if len(text) > _MAX_DIGITS:
        return Unstorable("it is a number beyond 64 bits")
    return int(text)


def cell_value(text: str) -> object:
    """The value of a cell or an environment variable: a number, a truth value, else the text itself.

    `007` stays text: it is an identifier, and as a number it would not come back as it was.
    """
    plain = text.strip()
    if _INT.fullmatch(plain):
        return whole_number(plain)
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    if _SPECIAL.fullmatch(plain):
        return float(plain)
    if _FLOAT.fullmatch(plain) and (plain.lstrip("+-")[:1] != "0" or not plain.lstrip("+-").isdigit()):
        return float(plain)
    return text


def argument_value(text: str) -> object:
    """The value of `KEY=VALUE` on a command line: what TOML reads in it, else the text itself."""
    import tomli

    plain = text.strip()
    is_single = bool(plain) and plain.isprintable() and ("#" not in plain or _QUOTED.fullmatch(plain))
    if not is_single or plain[:1] == "{":
        return text
    if plain.isdigit() and plain.isascii() and plain[:1] != "0":
        return whole_number(plain)
    try:
        return tomli.loads(f"value = {plain}")["value"]
    except (ValueError, RecursionError):
        return text
