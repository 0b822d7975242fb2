"""From the nested values of a parameter file to the flat names and values that a pointer can hold.

Owns the rule for what is left out, and why. Must not know any file format.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from dvx.core.errors import UsageError
from dvx.core.text_marks import decode_text
from dvx.formats.metadata import MAX_LIST_ITEMS, MAX_NAME_CHARACTERS, Value, is_value, same_value

# A description of some paragraphs fits; a whole document belongs into a file.
MAX_TEXT_CHARACTERS: Final = 2000
# A row for each of a million steps has about this size. One limit wherever files of values are read: what an add
# takes, every other command shows.
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_MAX_DEPTH: Final = 32
_URL_PASSWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*:[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value that a pointer cannot hold, and why, in words that follow its name."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileValues:
    """What a file says: `values` by name with dots, `left_out`, and selected keys that are not there at all."""

    values: dict[str, Value]
    left_out: tuple[LeftOut, ...] = ()
    missing_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unstorable:
    """Stands for something that a format reader met and that no pointer can hold."""

    reason: str


def flat_values(table: Mapping[object, object], *, keys: Sequence[str] = ()) -> FileValues:
    """Flatten nested tables, keep what `keys` select (a name, or everything below it; all without keys).

    Values that cannot be stored are in `left_out`: null, nested lists, numbers beyond 64 bits, long lists and texts,
    and a name that two spellings (`a.b` and `b` in `a`) give different values.
    """
    values: dict[str, Value] = {}
    left_out: dict[str, LeftOut] = {}
    seen: set[str] = set()
    for name, value in _leaves(table, "", 0):
        if not is_selected(name, keys):
            continue
        seen.add(name)
        reason = why_not_stored(name, value)
        if reason is None and name in values and not same_value(values[name], value):
            reason = "its name is there twice, with different values"
            del values[name]
        if reason is not None:
            left_out.setdefault(name, LeftOut(name, reason))
        elif name not in left_out:
            values[name] = _plain(value)
    missing = tuple(key for key in keys if not any(is_selected(name, [key]) for name in seen))
    return FileValues(values, tuple(left_out.values()), missing)


def is_selected(name: str, keys: Sequence[str]) -> bool:
    """Whether a name is one of `keys` or below one of them; everything is, without keys."""
    return not keys or any(name == key or name.startswith(key + ".") for key in keys)


def why_not_stored(name: str, value: object) -> str | None:
    """Say why a pointer cannot hold this value under this name; None if it can."""
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        return f"its name is not printable text of at most {MAX_NAME_CHARACTERS} characters"
    if isinstance(value, Unstorable):
        return value.reason
    if value is None:
        return "it is null"
    items = list(value) if isinstance(value, list | tuple) else [value]
    for item in items:
        reason = _why_not_scalar(item, in_list=isinstance(value, list | tuple))
        if reason is not None:
            return reason
    if len(items) > MAX_LIST_ITEMS:
        return f"it is a list of {len(items)} items, more than {MAX_LIST_ITEMS}"
    return None if is_value(_plain(value)) else f"it is of type {type(value).__name__}"


def unreadable(name: str, reason: object) -> UsageError:
    """The refusal of a file that is not what its name says (kind `bad-value-file`)."""
    return UsageError(
        f"`{name}` cannot be read: {str(reason)[:300]}",
        affected="nothing was recorded",
        hints=[f"correct it in an editor: `{name}`"],
        kind="bad-value-file",
    )


def decoded(data: bytes, name: str) -> str:
    """The text of a file, with or without a byte order mark. Raises UsageError where it is not UTF-8."""
    try:
        return decode_text(data)
    except UnicodeDecodeError as error:
        raise unreadable(name, "it is not UTF-8 text") from error
    except ValueError as error:
        raise unreadable(name, error) from error


def unique_pairs(
    fail: Callable[[str], Exception],
) -> Callable[[list[tuple[str, object]]], dict[str, object]]:
    """A hook for JSON objects that refuses a key that is there twice."""

    def take(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise fail(f"the key {twice[:60]!a} is there twice")
        return found

    return take


def _leaves(table: Mapping[object, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = prefix + key_text(key)
        if not isinstance(value, Mapping):
            yield name, value
        elif depth >= _MAX_DEPTH:
            yield name, Unstorable(f"it is nested deeper than {_MAX_DEPTH} levels")
        else:
            yield from _leaves(value, name + ".", depth + 1)


def key_text(key: object) -> str:
    """How a key that is no text is spelled: `1`, `true`, `null`."""
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(key)


def _why_not_scalar(value: object, *, in_list: bool) -> str | None:
    if isinstance(value, Unstorable):
        return value.reason
    if isinstance(value, list | tuple | Mapping) or (in_list and value is None):
        return "it is a list of other things than numbers and text"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "it is a number beyond 64 bits"
    if isinstance(value, str):
        return _why_not_text(value)
    if isinstance(value, bool | int | float | date | datetime | time):
        return None
    return f"it is of type {type(value).__name__}"


def _why_not_text(text: str) -> str | None:
    if len(text) > MAX_TEXT_CHARACTERS:
        return f"it is a text of {len(text)} characters, more than {MAX_TEXT_CHARACTERS}"
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return "it is text with broken Unicode"
    if _URL_PASSWORD.search(text):
        return "it is an address with a password in it, which must not get into Git"
    return None


def _plain(value: object) -> Value:
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]
