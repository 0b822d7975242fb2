"""What a pointer says about its data beyond the id: parameters, metrics, labels, and what it was made from.

Owns the tables `[params]`, `[metrics]`, `[meta]` and `[source]` of a pointer: which values they may hold, and their
one flat form, with the names of nested keys joined by dots, so that each value is one line that Git can merge. Must not
read files of parameters; unknown tables are left alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final

from dvx.core.errors import FormatError, UsageError
from dvx.core.ids import format_id, parse_id
from dvx.formats.pointer import Pointer

Scalar = bool | int | float | str | date | datetime | time
Value = Scalar | list[Scalar]

PARAMS: Final = "params"
METRICS: Final = "metrics"
META: Final = "meta"
SOURCE: Final = "source"
# A pointer stays a file that a person reads: a list is a value, a series belongs into a file of its own.
MAX_LIST_ITEMS: Final = 32
MAX_NAME_CHARACTERS: Final = 200
_INT_LIMIT: Final = 2**63
_ALWAYS_PLAIN: Final = frozenset({bool, float, str})


@dataclass(frozen=True, slots=True)
class DataSource:
    """What data was made from: `inputs` are ids (32 bytes) by data path, `commit` is that of the code.

    `command` is the line that made it. Empty text where something is not known.
    """

    inputs: Mapping[str, bytes] = field(default_factory=dict)
    command: str = ""
    commit: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.inputs or self.command or self.commit)


_NO_SOURCE: Final = DataSource()


@dataclass(frozen=True, slots=True)
class Metadata:
    """The four tables. Keys of `params`, `metrics` and `meta` are names with dots, such as `train.lr`."""

    params: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)
    meta: Mapping[str, Value] = field(default_factory=dict)
    source: DataSource = field(default_factory=DataSource)


def same_value(one: object, other: object) -> bool:
    """Whether two values are the same wherever values are compared: numbers by what they are worth, so 1 is 1.0 but not
    true, NaN is NaN, and lists item by item."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or not _are_numbers(one, other):
        return type(one) is type(other) and one == other
    return one == other or (one != one and other != other)  # NaN


def _are_numbers(one: object, other: object) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float)


def metadata_of(pointer: Pointer) -> Metadata:
    """Read the tables of a pointer. What has another form than dvx writes is passed over: it is kept, not shown."""
    extra = pointer.extra
    return Metadata(
        params=dict(flatten(extra.get(PARAMS))),
        metrics=dict(flatten(extra.get(METRICS))),
        meta=dict(flatten(extra.get(META))),
        source=source_of(pointer),
    )


def source_of(pointer: Pointer) -> DataSource:
    """Read `[source]` alone, in a third of the time, for those who walk through a history."""
    return _source_of(pointer.extra.get(SOURCE)) if SOURCE in pointer.extra else _NO_SOURCE


def with_metadata(pointer: Pointer, metadata: Metadata) -> Pointer:
    """Return `pointer` with exactly these four tables; an empty one is left out, other tables stay.

    Raises UsageError (kind `bad-metadata`) for a value or a name that a pointer cannot hold.
    """
    extra = {
        name: table for name, table in pointer.extra.items() if name not in (PARAMS, METRICS, META, SOURCE)
    }
    for name, table in ((PARAMS, metadata.params), (METRICS, metadata.metrics), (META, metadata.meta)):
        if table:
            extra[name] = {key: check_value(key, value) for key, value in sorted(table.items())}
    if not metadata.source.is_empty:
        extra[SOURCE] = _source_table(metadata.source)
    return Pointer(pointer.kind, pointer.id, pointer.size, pointer.files, extra)


def flatten(table: object, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield (name with dots, value) for every value of nested tables that a pointer can hold."""
    if not isinstance(table, Mapping):
        return
    for key, value in table.items():
        name = f"{prefix}{key}"
        if type(value) in _ALWAYS_PLAIN:
            yield name, value
        elif isinstance(value, Mapping):
            yield from flatten(value, name + ".")
        elif is_value(value):
            yield name, value


def is_value(value: object) -> bool:
    """Whether a pointer can hold `value` as it is: a scalar of TOML, or a short list of scalars."""
    if isinstance(value, list):
        return len(value) <= MAX_LIST_ITEMS and (
            _ALWAYS_PLAIN.issuperset(map(type, value)) or all(map(_is_scalar, value))
        )
    return _is_scalar(value)


def check_value(name: str, value: object) -> Value:
    """Return `value`, or raise UsageError (kind `bad-metadata`) where a pointer cannot hold it under this name."""
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise UsageError(
            f"{name[:60]!a} cannot be the name of a parameter, a metric or a label",
            hints=[f"use printable text of at most {MAX_NAME_CHARACTERS} characters"],
            kind="bad-metadata",
        )
    if not is_value(value):
        raise UsageError(
            f"the value of `{name}` cannot be stored in a pointer: {_why_not(value)}",
            hints=["keep it in a file that Git or dvx tracks, and record a number or a short text"],
            kind="bad-metadata",
        )
    return value  # type: ignore[return-value]


def _is_scalar(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -_INT_LIMIT <= value < _INT_LIMIT
    return isinstance(value, bool | float | str | date | time)


def _why_not(value: object) -> str:
    if isinstance(value, list):
        if len(value) > MAX_LIST_ITEMS:
            return f"a list of {len(value)} items, more than {MAX_LIST_ITEMS}"
        return "a list of other things than numbers and text"
    if isinstance(value, int):
        return "a number beyond 64 bits"
    return f"a value of type {type(value).__name__}"


def _source_of(table: object) -> DataSource:
    if not isinstance(table, Mapping):
        return DataSource()
    inputs: dict[str, bytes] = {}
    named = table.get("inputs")
    for path, text in named.items() if isinstance(named, Mapping) else ():
        if isinstance(text, str):
            with suppress(FormatError):
                inputs[str(path)] = parse_id(text)
    return DataSource(inputs=inputs, command=_text(table.get("command")), commit=_text(table.get("commit")))


def _source_table(source: DataSource) -> dict[str, object]:
    table: dict[str, object] = {}
    if source.commit:
        table["commit"] = source.commit
    if source.command:
        table["command"] = source.command
    if source.inputs:
        table["inputs"] = {path: format_id(root) for path, root in sorted(source.inputs.items())}
    return table


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
