"""`dvx meta`: reading and changing the tables of a pointer, without a look at its data.

Owns which names may be changed, and how. The pointer is all that is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dvx.core.errors import NotFound, UsageError, name_some
from dvx.core.shell_words import quote
from dvx.formats.metadata import META, METRICS, PARAMS, SOURCE
from dvx.formats.metadata_tables import check_size, leaves, with_table
from dvx.formats.pointer import Pointer, format_pointer
from dvx.ops.git_checks import check_stageable
from dvx.ops.intentions import carry_out
from dvx.ops.metadata_of_add import checked_values
from dvx.ops.project import Project
from dvx.ops.steps import StageFiles
from dvx.ops.tracking import write_steps
from dvx.repo.pointers import TrackedPointer, pointer_path_of, read_pointer

TABLES: Final = (PARAMS, METRICS, META, SOURCE)
_UNTOUCHED: Final = "nothing was changed"
_SOURCE_TEXTS: Final = ("command", "commit")


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """A pointer after a change, and whether that was one."""

    tracked: TrackedPointer
    is_changed: bool


def set_metadata(project: Project, path: str, values: Mapping[str, object]) -> MetadataChange:
    """Set values by full names such as `meta.licence`, and stage the pointer.

    Raises UsageError (kinds `bad-metadata`, `unknown-table`, `metadata-too-large`) and NotFound (`no-pointer`).
    """
    tracked = _read(project, path)
    pointer = tracked.pointer
    for name, value in values.items():
        table, key = _split(name)
        if table == SOURCE:
            _check_source(key, value)
        else:
            checked_values(table, {key: value})
        if not key:
            raise _unknown(name)
        pointer = _with_values(pointer, table, {**leaves(pointer.extra.get(table)), key: value})
    return _write(project, tracked, pointer)


def unset_metadata(project: Project, path: str, names: Sequence[str]) -> MetadataChange:
    """Remove values, everything below a name (`params.train`), or a whole table (`params`), and stage the pointer.

    Raises NotFound (kinds `no-pointer`, `no-such-key`) and UsageError (`unknown-table`).
    """
    tracked = _read(project, path)
    pointer = tracked.pointer
    for name in names:
        table, key = _split(name)
        before = leaves(pointer.extra.get(table))
        kept = {other: v for other, v in before.items() if key and not (other + ".").startswith(key + ".")}
        if len(kept) == len(before):
            known = [f"{table}.{other}" for other in before]
            raise NotFound(
                f"the pointer of `{tracked.path}` has no `{name}`",
                affected="nothing was changed",
                hints=[f"it has {name_some(known)}"]
                if known
                else [f"look: `dvx meta show {quote(tracked.path)}`"],
                kind="no-such-key",
            )
        pointer = _with_values(pointer, table, kept)
    return _write(project, tracked, pointer)


def _with_values(pointer: Pointer, table: str, values: Mapping[str, object]) -> Pointer:
    if table != SOURCE:
        return with_table(pointer, table, values)
    inputs = {key.removeprefix("inputs."): v for key, v in values.items() if key.startswith("inputs.")}
    rest = {key: value for key, value in values.items() if not key.startswith("inputs.")}
    return with_table(pointer, table, {**rest, **({"inputs": inputs} if inputs else {})})


def _read(project: Project, path: str) -> TrackedPointer:
    return read_pointer(project.repository, pointer_path_of(path.removesuffix(".dvx")))


def _write(project: Project, tracked: TrackedPointer, pointer: Pointer) -> MetadataChange:
    check_size(pointer, name=tracked.path)
    changed = replace(tracked, pointer=pointer)
    steps = write_steps(project, tracked.pointer_path, format_pointer(pointer))
    check_stageable(project, [tracked.pointer_path], affected=_UNTOUCHED)
    staging = StageFiles((tracked.pointer_path,))
    carry_out(project, ["meta", "set", tracked.path], [*steps, staging], affected=_UNTOUCHED)
    return MetadataChange(changed, bool(steps))


def _split(name: str) -> tuple[str, str]:
    table, _, key = name.partition(".")
    if table not in TABLES:
        raise _unknown(name)
    return table, key


def _check_source(key: str, value: object) -> None:
    if key not in _SOURCE_TEXTS or not isinstance(value, str):
        raise UsageError(
            f"`source.{key}` cannot be set by hand; `source.command` and `source.commit` can, to text",
            affected="nothing was changed",
            hints=["name inputs with the data: `dvx add PATH --from INPUT`"],
            kind="bad-metadata",
        )
    checked_values(SOURCE, {key: value})


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"{name[:80]!a} names no value of a pointer",
        affected="nothing was changed",
        hints=["start with the table: `meta.licence`, `params.lr`, `metrics.acc` or `source.command`"],
        kind="unknown-table",
    )
