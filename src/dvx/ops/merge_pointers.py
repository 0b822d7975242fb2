"""Merging three versions of a pointer: its data, whatever that is, and its other keys.

Owns the choices that a person made and the list of conflicts that are left. Must not know about Git's staging area
or write a pointer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from dvx.core.errors import FormatError
from dvx.formats.manifest import Entry
from dvx.formats.manifest_merge import ConflictReason
from dvx.formats.pointer import KIND_DIRECTORY, KIND_FILE, Pointer, format_pointer
from dvx.formats.pointer_merge import (
    MergedTable,
    PointerSides,
    content_side,
    dropped_tables,
    merge_extra,
    with_tables,
)
from dvx.formats.three_way import Side
from dvx.ops.merge_trees import TreeSides, merge_trees
from dvx.ops.project import Project


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided: (path inside the directory, side), the last one that fits counts.

    A path stands for everything below it too, and "" for everything: all paths, all keys, the whole pointer.
    """

    decided: tuple[tuple[str, Side], ...] = ()

    def side_of(self, path: str) -> Side | None:
        """The side chosen for a path inside the directory."""
        for chosen, side in reversed(self.decided):
            if not chosen or path == chosen or path.startswith(chosen + "/"):
                return side
        return None

    @property
    def side_of_rest(self) -> Side | None:
        """The side chosen for what is no path: keys, or the pointer as a whole."""
        return next((side for chosen, side in reversed(self.decided) if not chosen), None)

    def with_choice(self, path: str, side: Side) -> "Choices":
        """These choices and one more, which counts before all others that it covers."""
        kept = (item for item in self.decided if path and not (item[0] + "/").startswith(path + "/"))
        return Choices((*kept, (path, side)))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that a person has to decide.

    `path` is inside the tracked directory, or "" for the tracked path as a whole; `key` is set instead for a key
    of the pointer. The entries are None where a version has nothing there, and for keys.
    """

    path: str
    key: str | None
    reason: str
    base: Entry | None = None
    ours: Entry | None = None
    theirs: Entry | None = None


@dataclass(slots=True)
class PointerMerge:
    """The merged pointer, or what is in its way. `dropped` are tables that describe the data of one side only."""

    pointer: Pointer | None = None
    conflicts: list[Conflict] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def merge_pointers(
    open_project: Callable[[], Project], path: str, sides: PointerSides, choices: Choices
) -> PointerMerge:
    """Merge the versions of the pointer of the data path `path`.

    When there is no conflict, everything the merged pointer names is in the local store, or the data is that of
    one side unchanged. Raises DataMissing where a listing or data that is needed is nowhere, and whatever reading
    from stores raises. `open_project` is called only to merge directories.
    """
    if sides.is_base_lost:
        return _merge_without_base(sides, choices)
    rest = choices.side_of_rest
    extra = merge_extra(sides, choice=rest or Side.OURS)
    merge = PointerMerge()
    if rest is None:
        merge.conflicts += [Conflict("", ".".join(key), "changed on both sides") for key in extra.conflicts]
    content = _merge_content(open_project, path, sides, choices, merge)
    if content is None or merge.conflicts:
        return merge
    merge.pointer = with_tables(sides, content, extra)
    merge.dropped = dropped_tables(sides, merge.pointer)
    if _has_encoding(merge.pointer):
        return merge
    # Together the keys of both sides are more than a pointer holds: those of one side have to do.
    if rest is None:
        return PointerMerge(None, [Conflict("", "*", "too large when merged")])
    chosen = sides.theirs if rest is Side.THEIRS else sides.ours
    kept = {key: value for key, value in chosen.extra.items() if key in extra.values}
    return PointerMerge(with_tables(sides, content, MergedTable(kept, ())), dropped=merge.dropped)


def _has_encoding(pointer: Pointer) -> bool:
    try:
        format_pointer(pointer)
    except FormatError:
        return False
    return True


def _merge_without_base(sides: PointerSides, choices: Choices) -> PointerMerge:
    """Without a base that can be read nothing tells who changed what: equal versions, or a choice."""
    side = choices.side_of_rest
    if side is None and format_pointer(sides.ours) != format_pointer(sides.theirs):
        return PointerMerge(None, [_whole_conflict(sides)])
    return PointerMerge(sides.theirs if side is Side.THEIRS else sides.ours)


def _merge_content(
    open_project: Callable[[], Project],
    path: str,
    sides: PointerSides,
    choices: Choices,
    merge: PointerMerge,
) -> Pointer | None:
    """The side, or a new pointer, that names the merged data; None where that is a conflict."""
    winner = content_side(sides)
    if winner is None and not sides.ours.kind == sides.theirs.kind == KIND_DIRECTORY:
        winner = choices.side_of_rest
        if winner is None:
            merge.conflicts.append(_whole_conflict(sides))
            return None
    if winner is not None:
        return sides.theirs if winner is Side.THEIRS else sides.ours
    base = sides.base if sides.base is not None and sides.base.kind == KIND_DIRECTORY else None
    tree = merge_trees(open_project(), TreeSides(path, base, sides.ours, sides.theirs), choices.side_of)
    merge.conflicts += [
        Conflict(item.path, None, item.reason.value, item.base, item.ours, item.theirs)
        for item in tree.conflicts
    ]
    return tree.pointer


def _whole_conflict(sides: PointerSides) -> Conflict:
    entries = [entry_of(pointer) for pointer in (sides.base, sides.ours, sides.theirs)]
    is_same_kind = sides.ours.kind == sides.theirs.kind
    reason = ConflictReason.BOTH_MODIFIED if sides.base is not None else ConflictReason.BOTH_ADDED
    return Conflict("", None, reason if is_same_kind else ConflictReason.FILE_AND_FOLDER, *entries)


def entry_of(pointer: Pointer | None) -> Entry | None:
    """What a pointer names, in the form of an entry of a listing."""
    if pointer is None:
        return None
    is_executable = pointer.kind == KIND_FILE and pointer.extra.get("executable") is True
    return Entry("", "executable" if is_executable else pointer.kind, pointer.size, pointer.id)
