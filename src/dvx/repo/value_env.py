"""Environment files (`.env`) and INI files.

Owns their grammar, and the rule that what looks like a credential never gets into a pointer. Expands no variables.
"""

import configparser
import re
from typing import Final

from dvx.repo.value_flat import Unstorable, decoded, unreadable
from dvx.repo.value_text import cell_value

_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)", re.DOTALL)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', re.DOTALL)
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?", re.DOTALL)
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_SECRET: Final = re.compile(
    r"(?:^|_)(?:token|secret|secrets|password|passwd|pwd|credential|credentials)(?:_|$)"
    r"|secret_?key|access_?key|api_?key|private_?key|auth_?key|_key$"
)


def parse_env(data: bytes, name: str) -> dict[object, object]:
    """Read `KEY=VALUE` lines: `export`, comments, quotes. Quoted values are text, others numbers where they look it.

    Credentials come out as Unstorable. Raises UsageError naming the line that cannot be read.
    """
    found: dict[object, object] = {}
    for number, line in enumerate(decoded(data, name).splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        match = _LINE.fullmatch(plain)
        if match is None:
            raise unreadable(name, f"line {number} is not KEY=VALUE")
        found[match[1]] = _guarded(match[1], _env_value(match[2], name, number))
    return found


def parse_ini(data: bytes, name: str) -> dict[object, object]:
    """Read `[section]` and `key = value`; names are `section.key`. Raises UsageError."""
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(decoded(data, name), name)
    except configparser.Error as error:
        raise unreadable(name, error.message.replace("\n", " ")) from error
    return {
        section: {key: _guarded(key, cell_value(value)) for key, value in parser.items(section)}
        for section in parser.sections()
    }


def _env_value(text: str, name: str, number: int) -> object:
    if text.startswith('"'):
        match = _DOUBLE.fullmatch(text)
        if match is not None:
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), match[1])
    elif text.startswith("'"):
        match = _SINGLE.fullmatch(text)
        if match is not None:
            return match[1]
    else:
        return cell_value(_COMMENT.sub("", text).strip())
    raise unreadable(name, f"line {number} has a quote that does not end, or text behind it")


def _guarded(key: str, value: object) -> object:
    if _SECRET.search(key.lower().replace("-", "_")):
        return Unstorable("it looks like a credential, which must not get into Git")
    return value
