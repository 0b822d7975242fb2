"""The notation in which JSON documents are described, and whether a document is as described.

Owns both. A line is `name type meaning`; what is inside of an object stands below, indented. Types are `text`,
`integer`, `number`, `boolean`, `value` (a number, a text, true, false, or a list of them), `object`, `table` (an object
whose names are data, of values), and lists: `text[]`, `object[]`, `value[]`. `?` behind a type: or null. `?` behind a
name: not always there. `@name` takes over a group of fields.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from dvx.cli.json_groups import GROUPS


class Document(NamedTuple):
    """One document: the commands that print it, and its fields in the notation."""

    commands: str
    fields: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind` is the type without `[]` and `?`; `inner` are the fields of an object."""

    name: str
    kind: str
    meaning: str
    is_list: bool = False
    is_nullable: bool = False
    is_optional: bool = False
    inner: list["Field"] = field(default_factory=list)


def parse_fields(text: str) -> list[Field]:
    """Read a description, groups taken in."""
    lines = list(_expanded(text.strip("\n").splitlines(), ""))
    fields: list[Field] = []
    levels = [fields]
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        name, kind, meaning = line.split(maxsplit=2)
        bare = kind.rstrip("?")
        found = Field(
            name.rstrip("?"),
            bare.removesuffix("[]"),
            meaning,
            is_list=bare.endswith("[]"),
            is_nullable=kind.endswith("?"),
            is_optional=name.endswith("?"),
        )
        del levels[depth + 1 :]
        levels[depth].append(found)
        levels.append(found.inner)
    return fields


def _expanded(lines: Sequence[str], indent: str) -> Iterator[str]:
    for line in lines:
        spaces = line[: len(line) - len(line.lstrip())]
        if line.lstrip().startswith("@"):
            group = GROUPS[line.strip()[1:]]
            yield from _expanded(group.strip("\n").splitlines(), indent + spaces)
        else:
            yield indent + line


def problems_of(document: Mapping[str, Any], fields: Sequence[Field], at: str = "") -> Iterator[str]:
    """What of a document is not as described."""
    described = {item.name: item for item in fields}
    for name in document.keys() - described.keys() - ({"schema"} if not at else set()):
        yield f"{at}{name} is not described"
    for name, item in described.items():
        if name not in document:
            if not item.is_optional:
                yield f"{at}{name} is not there"
            continue
        yield from _problems_of_value(document[name], item, f"{at}{name}")


def _problems_of_value(value: Any, item: Field, at: str) -> Iterator[str]:
    if value is None:
        if not item.is_nullable:
            yield f"{at} is null"
        return
    if item.is_list and not isinstance(value, list):
        yield f"{at} is no list"
        return
    for place, each in enumerate(value if item.is_list else [value]):
        shown = f"{at}[{place}]" if item.is_list else at
        if not _TYPES[item.kind](each):
            yield f"{shown} is no {item.kind}: {each!r}"
        elif item.kind == "object":
            yield from problems_of(each, item.inner, f"{shown}.")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_value(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(item is None or isinstance(item, str | int | float | bool) for item in items)


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": lambda value: _is_integer(value) or isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "value": _is_value,
    "object": lambda value: isinstance(value, dict),
    "table": lambda value: isinstance(value, dict) and all(map(_is_value, value.values())),
}
