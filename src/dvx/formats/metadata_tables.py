"""Changing the tables of a pointer, one at a time, without losing what dvx does not write itself.

Owns the edits and the limit on the size of the whole. A table that is not named stays as it is, byte for byte.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from dvx.core.errors import UsageError, name_some
from dvx.formats.canonical_toml import canonical_value, format_document
from dvx.formats.metadata import METRICS, PARAMS, SOURCE, DataSource, Metadata, with_metadata
from dvx.formats.pointer import MAX_POINTER_BYTES, Pointer, pointer_text

# What is about one version of the data. `[meta]` describes all versions and stays when data changes.
RESULT_TABLES: Final = (PARAMS, METRICS, SOURCE)


def leaves(table: object) -> dict[str, object]:
    """Every value of nested tables by its name with dots, also those that dvx would not write."""
    return dict(_leaves(table, "")) if isinstance(table, Mapping) else {}


def with_table(pointer: Pointer, name: str, values: Mapping[str, object]) -> Pointer:
    """The pointer with exactly these values in one table; without values the table is gone."""
    extra = {key: value for key, value in pointer.extra.items() if key != name}
    if values:
        # One NaN for all, so that two pointers that say the same compare equal.
        extra[name] = {key: canonical_value(value) for key, value in sorted(values.items())}
    return replace(pointer, extra=extra)


def with_source(pointer: Pointer, source: DataSource) -> Pointer:
    """The pointer with exactly this `[source]`."""
    made = with_metadata(replace(pointer, extra={}), Metadata(source=source))
    extra = {key: value for key, value in pointer.extra.items() if key != SOURCE}
    return replace(pointer, extra={**extra, **made.extra})


def without_tables(pointer: Pointer, names: Iterable[str]) -> Pointer:
    """The pointer without these tables."""
    gone = set(names)
    return replace(pointer, extra={key: value for key, value in pointer.extra.items() if key not in gone})


def without_results(pointer: Pointer) -> Pointer:
    """The pointer without what is about another version of the data."""
    return without_tables(pointer, RESULT_TABLES)


def recorded_results(pointer: Pointer) -> list[str]:
    """The names of the tables that are about this version of the data."""
    return [name for name in RESULT_TABLES if name in pointer.extra]


def check_size(pointer: Pointer, *, name: str) -> None:
    """Raise UsageError (kind `metadata-too-large`) where the pointer would be too large, naming what takes most."""
    size_bytes = len(pointer_text(pointer).encode("utf-8"))
    if size_bytes <= MAX_POINTER_BYTES:
        return
    sizes = {
        f"{table}.{key}": len(format_document({key: value}, {}).encode("utf-8"))
        for table, values in pointer.extra.items()
        for key, value in leaves(values).items()
        if not isinstance(value, list) or not any(isinstance(item, Mapping) for item in value)
    }
    largest = sorted(sizes, key=lambda key: (-sizes[key], key))
    raise UsageError(
        f"the pointer of `{name}` would have {size_bytes} bytes, and a pointer has at most {MAX_POINTER_BYTES}; "
        f"it holds {len(sizes)} values, the largest are {name_some(largest, limit=3)}",
        affected="nothing was recorded",
        hints=[
            "record only the names that you compare: `--params FILE:KEY,KEY` or `--metrics FILE:KEY,KEY`",
            "keep the rest in a file that Git or dvx tracks",
        ],
        kind="metadata-too-large",
    )


def _leaves(table: Mapping[object, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
