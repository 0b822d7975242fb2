"""YAML by the rules of YAML 1.2 (core schema): `1e-3` is a number, `no` is text, a date is text.

Owns the meaning of plain scalars, merge keys and aliases; the grammar is that of ruamel.yaml, of which only the
parser is used. No object is ever made from a tag, and what aliases can blow up is bounded.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from dvx.repo.value_flat import Unstorable, decoded, key_text, unreadable
from dvx.repo.value_text import whole_number

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]+")
_OTHER_INT: Final = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN: Final = frozenset({".nan", ".NaN", ".NAN"})
_CORE: Final = "tag:yaml.org,2002:"
_MAX_DEPTH: Final = 64
# Ten lines of aliases can spell a billion values; real files of parameters have some hundred.
_MAX_VALUES: Final = 100_000


def parse_yaml(data: bytes, name: str) -> object:
    """Read the first and only document. Raises UsageError for what is not YAML, duplicate keys, alias bombs."""
    import ruamel.yaml  # 30 ms, and only YAML needs it
    from ruamel.yaml.error import YAMLError

    text = decoded(data, name)
    # The parser takes events from a recursion of its own, so its errors come from anywhere in here.
    try:
        events = ruamel.yaml.YAML(typ="safe", pure=True).parse(text)
        return _Builder(events, name).document()
    except YAMLError as error:
        raise unreadable(name, _in_one_line(error)) from error
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError, AssertionError) as error:
        raise unreadable(name, f"it is not YAML ({type(error).__name__})") from error


def _in_one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return place + str(getattr(error, "problem", None) or "it is not YAML")


class _Builder:
    """Builds plain values out of events, counting every value that comes out, aliases included."""

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self._events = iter(events)
        self._name = name
        self._anchors: dict[str, tuple[object, int]] = {}
        self._count = 0

    def document(self) -> object:
        found: object = None
        documents = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise unreadable(self._name, "it holds more than one document")
                found = self._value(next(self._events), 0)
        return found

    def _value(self, event: Any, depth: int) -> object:
        self._add(1)
        if depth > _MAX_DEPTH:
            raise unreadable(self._name, f"it is nested deeper than {_MAX_DEPTH} levels")
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event)
        before = self._count
        build: dict[str, Callable[[Any, int], object]] = {
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": self._sequence,
            "MappingStartEvent": self._mapping,
        }
        value = build[kind](event, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _alias(self, event: Any) -> object:
        if event.anchor not in self._anchors:
            raise unreadable(
                self._name, f"the alias {event.anchor[:60]!a} stands before or inside its anchor"
            )
        value, count = self._anchors[event.anchor]
        self._add(count)
        return value

    def _add(self, count: int) -> None:
        self._count += count
        if self._count > _MAX_VALUES:
            raise unreadable(self._name, f"it spells more than {_MAX_VALUES} values")

    def _sequence(self, _: Any, depth: int) -> object:
        items = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, _: Any, depth: int) -> object:
        table: dict[object, object] = {}
        merged: dict[object, object] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            is_merge = type(event).__name__ == "ScalarEvent" and event.value == "<<" and event.implicit[0]
            key = self._value(event, depth + 1)
            value = self._value(next(self._events), depth + 1)
            if is_merge:
                for inner in value if isinstance(value, list) else [value]:
                    self._merge(merged, inner)
                continue
            if isinstance(key, list | dict | Unstorable):
                raise unreadable(self._name, "a key is not a plain value")
            if key_text(key) in table:
                raise unreadable(self._name, f"the key {key_text(key)[:60]!a} is there twice")
            table[key_text(key)] = value
        return merged | table

    def _merge(self, merged: dict[object, object], inner: object) -> None:
        if not isinstance(inner, dict):
            raise unreadable(self._name, "a merge key `<<` does not name a mapping")
        for key, value in inner.items():
            merged.setdefault(key, value)

    def _scalar(self, event: Any, _: int) -> object:
        # What ruamel.yaml calls `tag` is an object in some releases, text in others.
        tag = str(event.tag) if event.tag is not None else None
        if tag is None or tag == "None":
            return core_value(event.value) if event.implicit[0] else event.value
        if tag in ("!", _CORE + "str", "!!str"):
            return event.value
        if tag.startswith((_CORE, "!!")):
            return core_value(event.value)
        return Unstorable("it has a tag of its own")


def core_value(text: str) -> object:
    """What a plain scalar means in the core schema of YAML 1.2 (specification, 10.3.2)."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INT.fullmatch(text):
        return whole_number(text)
    if _OTHER_INT.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NAN else text
