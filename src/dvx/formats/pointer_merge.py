"""Merging pointers: three versions of a pointer's values into one, and conflicts written as Git writes them.

Owns the merge of unknown keys and tables by key, which tables go with the data instead, and the text with conflict
markers. Must not read a store: how two versions of a directory become one is dvx.formats.manifest_merge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from dvx.formats.metadata import METRICS, PARAMS, SOURCE
from dvx.formats.pointer import Pointer
from dvx.formats.three_way import Side, winning_side

DEFAULT_MARKER_BYTES: Final = 7
# What was measured of the data, what it was made with, and where it is from: true of one version of the data only.
_OF_THE_DATA: Final = frozenset({METRICS, PARAMS, SOURCE, "import"})
# What two versions have in common holds for their merge too; numbers measured of each do not.
_MAY_BE_SHARED: Final = frozenset({PARAMS, SOURCE})

_Key = tuple[str, ...]
_Table = dict[str, object]


class _Missing:
    """Stands for a key that a side does not have; equal to itself only."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class PointerSides:
    """The versions of one pointer in a merge; None for a version that does not exist.

    A base that exists but is no pointer (a virtual ancestor with conflict markers) makes `is_base_lost` true.
    """

    base: Pointer | None
    ours: Pointer
    theirs: Pointer
    is_base_lost: bool = False


@dataclass(frozen=True, slots=True)
class MergedTable:
    """Merged keys. `conflicts` are the paths of the keys that both sides changed, each differently."""

    values: _Table
    conflicts: tuple[_Key, ...]


def merge_tables(
    base: Mapping[str, object],
    ours: Mapping[str, object],
    theirs: Mapping[str, object],
    *,
    choice: Side = Side.OURS,
) -> MergedTable:
    """Merge tables key by key, tables in them too; `choice` is the side that conflicting keys are taken from.

    The tables must be in canonical order, as parse_pointer returns them. A table that one side removed merges as
    an empty one, so only keys that the other side changed are conflicts.
    """
    values: _Table = {}
    conflicts: list[_Key] = []
    for key in sorted({*base, *ours, *theirs}):
        sides = {
            Side.BASE: base.get(key, _MISSING),
            Side.OURS: ours.get(key, _MISSING),
            Side.THEIRS: theirs.get(key, _MISSING),
        }
        value, inner = _merge_value(sides, choice=choice)
        conflicts += [(key, *rest) for rest in inner]
        if value is not _MISSING:
            values[key] = value
    return MergedTable(values, tuple(conflicts))


def _merge_value(sides: Mapping[Side, object], *, choice: Side) -> tuple[object, list[_Key]]:
    # Compared as text: to Python 1, 1.0 and true are equal, and not a number is not equal to itself.
    winner = winning_side(*(repr(sides[side]) for side in (Side.BASE, Side.OURS, Side.THEIRS)))
    if winner is not None:
        return sides[winner], []
    tables = [{} if value is _MISSING else value for value in sides.values()]
    if not all(isinstance(table, Mapping) for table in tables):
        return sides[choice], [()]
    merged = merge_tables(*tables, choice=choice)  # type: ignore[arg-type]
    is_gone = not merged.values and _MISSING in (sides[Side.OURS], sides[Side.THEIRS])
    return (_MISSING if is_gone else merged.values), list(merged.conflicts)


def merge_extra(sides: PointerSides, *, choice: Side = Side.OURS) -> MergedTable:
    """Merge the keys of a pointer other than those that say what its data is.

    Where the sides have different data, the tables that describe data are left out: see `tables_of_data`.
    """
    base = sides.base.extra if sides.base is not None else {}
    left_out = frozenset() if _is_same_data(sides.ours, sides.theirs) else _OF_THE_DATA
    merged = [_without(extra, left_out) for extra in (base, sides.ours.extra, sides.theirs.extra)]
    return merge_tables(*merged, choice=choice)


def tables_of_data(sides: PointerSides, data: Pointer) -> _Table:
    """The tables that describe `data`, the data of the merge: those of the side that has it, as they are.

    Data of neither side (a merged directory) has no metrics and no import; its parameters and its source are those
    that both sides agree on. Empty where the sides have the same data, since `merge_extra` merges these by key.
    """
    if _is_same_data(sides.ours, sides.theirs):
        return {}
    for side in (sides.ours, sides.theirs, sides.base):
        if side is not None and _is_same_data(side, data):
            return {key: value for key, value in side.extra.items() if key in _OF_THE_DATA}
    ours, theirs = sides.ours.extra, sides.theirs.extra
    return {
        key: ours[key]
        for key in sorted(_MAY_BE_SHARED & ours.keys() & theirs.keys())
        if repr(ours[key]) == repr(theirs[key])
    }


def dropped_tables(sides: PointerSides, merged: Pointer) -> list[str]:
    """The tables of either side that `merged` has not, because its data is that of neither; sorted."""
    if any(_is_same_data(side, merged) for side in (sides.ours, sides.theirs)):
        return []
    return sorted(_OF_THE_DATA & {*sides.ours.extra, *sides.theirs.extra} - merged.extra.keys())


def content_side(sides: PointerSides) -> Side | None:
    """The side whose data to take; None if both sides changed the data, each differently."""
    base = _content(sides.base) if sides.base is not None else None
    return winning_side(base, _content(sides.ours), _content(sides.theirs))


def with_content_of(pointer: Pointer, extra: Mapping[str, object]) -> Pointer:
    """A pointer that names the same data and has other keys."""
    return replace(pointer, extra=extra)


def with_tables(sides: PointerSides, data: Pointer, merged: MergedTable) -> Pointer:
    """A pointer that names the data of `data`, with the merged keys and the tables that describe this data."""
    extra = {**merged.values, **tables_of_data(sides, data)}
    return with_content_of(data, dict(sorted(extra.items())))


def conflict_sides(sides: PointerSides) -> tuple[Pointer | None, Pointer, Pointer]:
    """Base, ours and theirs, all with the keys that merge already merged: what is left differs by conflicts only."""

    def side_of(pointer: Pointer, side: Side) -> Pointer:
        return with_tables(sides, pointer, merge_extra(sides, choice=side))

    winner = content_side(sides)
    ours = sides.theirs if winner is Side.THEIRS else sides.ours
    theirs = sides.ours if winner is Side.OURS else sides.theirs
    base = side_of(sides.base, Side.BASE) if sides.base is not None else None
    return base, side_of(ours, Side.OURS), side_of(theirs, Side.THEIRS)


def mark_conflict(
    base: bytes, ours: bytes, theirs: bytes, *, marker_bytes: int = DEFAULT_MARKER_BYTES
) -> bytes:
    """One text of three, with the lines that `ours` and `theirs` do not share at start and end between markers.

    The form is that of `merge.conflictStyle = diff3`. There are always markers, even around equal texts.
    """
    texts = [_lines(text) for text in (ours, base, theirs)]
    start = _shared(texts[0], texts[2])
    end = _shared(texts[0][start:][::-1], texts[2][start:][::-1])
    if start == len(texts[0]) == len(texts[2]):
        start = end = 0
    middles = [text[start : len(text) - end] for text in texts]
    if texts[1][:start] != texts[0][:start] or (end and texts[1][-end:] != texts[0][-end:]):
        middles[1] = texts[1]
    marks = [sign * marker_bytes for sign in (b"<", b"|", b"=", b">")]
    return b"".join(
        [
            *texts[0][:start],
            marks[0] + b" ours\n", *middles[0],
            marks[1] + b" base\n", *middles[1],
            marks[2] + b"\n", *middles[2],
            marks[3] + b" theirs\n",
            *texts[0][len(texts[0]) - end :],
        ]
    )  # fmt: skip


def _content(pointer: Pointer) -> tuple[object, ...]:
    return pointer.kind, pointer.id, pointer.size, pointer.files


def _is_same_data(one: Pointer, other: Pointer) -> bool:
    return _content(one) == _content(other)


def _without(table: Mapping[str, object], keys: frozenset[str]) -> _Table:
    return {key: value for key, value in table.items() if key not in keys}


def _lines(text: bytes) -> list[bytes]:
    lines = text.splitlines(keepends=True)
    return [line if line.endswith(b"\n") else line + b"\n" for line in lines]


def _shared(first: list[bytes], second: list[bytes]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
