"""What an add records beside the data: parameters, metrics, labels, and what the data was made from.

Owns which tables an add rewrites, keeps and drops. Everything is read, and refused, before data is read; ids of inputs
that the same add stores are taken from it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dvx.core.errors import NotFound, UsageError, name_some
from dvx.core.ids import hash_bytes
from dvx.core.shell_words import quote
from dvx.formats.metadata import META, METRICS, PARAMS, SOURCE, DataSource, Value, check_value, metadata_of
from dvx.formats.metadata_tables import check_size, leaves, recorded_results, with_source, with_table
from dvx.formats.pointer import Pointer
from dvx.ops.add_targets import AddPlan, AddTarget
from dvx.ops.adding import AddedPath
from dvx.ops.code_version import code_commit
from dvx.ops.project import Project
from dvx.repo.pointers import pointer_path_of, read_pointer
from dvx.repo.track_rules import TrackRule, combined
from dvx.repo.value_spec import ValueSpec


@dataclass(frozen=True, slots=True)
class AskedMetadata:
    """What the command line asks for: files, single values, inputs (data paths) and the command that was run."""

    params_files: tuple[ValueSpec, ...] = ()
    metrics_files: tuple[ValueSpec, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)
    meta: Mapping[str, Value] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    command: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return self == AskedMetadata()


@dataclass(frozen=True, slots=True)
class _Table:
    """What goes into a table: all that files say (None without files), and single values over them."""

    of_files: Mapping[str, Value] | None
    single: Mapping[str, Value]

    def merged(self, recorded: Mapping[str, object], *, is_changed: bool) -> Mapping[str, object] | None:
        """The new table; None to leave it alone. Single values join those recorded for the same data."""
        if self.of_files is not None:
            return {**self.of_files, **self.single}
        if self.single:
            return dict(self.single) if is_changed else {**recorded, **self.single}
        return {} if is_changed else None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one target gets. `is_asked`: the inputs or the command come from the command line."""

    params: _Table
    metrics: _Table
    inputs: tuple[str, ...]
    is_asked: bool


@dataclass(slots=True)
class MetadataOfAdd:
    """Everything that was read for one add; `warnings` say what could not be recorded."""

    asked: AskedMetadata
    keeps_unchanged: bool
    wanted: dict[str, _Wanted] = field(default_factory=dict)
    inputs: dict[str, bytes] = field(default_factory=dict)
    code: str = ""
    warnings: list[str] = field(default_factory=list)

    def apply(self, added: Sequence[AddedPath], before: Mapping[str, Pointer | None]) -> list[AddedPath]:
        """The outcomes with their tables. Raises UsageError (kind `metadata-too-large`)."""
        self.inputs |= {item.path: item.pointer.id for item in added if item.path in self.inputs}
        return [self._applied(item, before[item.path]) for item in added]

    def _applied(self, added: AddedPath, old: Pointer | None) -> AddedPath:
        pointer = added.pointer
        is_changed = old is None or old.id != pointer.id
        wanted = self.wanted.get(added.path)
        if wanted is None or (self.keeps_unchanged and not is_changed):
            wanted = _Wanted(_Table(None, {}), _Table(None, {}), (), False)
        for name, table in ((PARAMS, wanted.params), (METRICS, wanted.metrics)):
            merged = table.merged(leaves(pointer.extra.get(name)), is_changed=is_changed)
            pointer = pointer if merged is None else with_table(pointer, name, merged)
        if self.asked.meta:
            pointer = with_table(pointer, META, {**leaves(pointer.extra.get(META)), **self.asked.meta})
        pointer = self._with_source(pointer, wanted, is_changed=is_changed)
        check_size(pointer, name=added.path)
        self._say_changes(added.path, old, pointer, is_changed=is_changed)
        return replace(added, pointer=pointer, is_changed=pointer != old)

    def _with_source(self, pointer: Pointer, wanted: _Wanted, *, is_changed: bool) -> Pointer:
        recorded = metadata_of(pointer).source
        has_source = SOURCE in pointer.extra
        if not wanted.inputs and not wanted.is_asked:
            return with_table(pointer, SOURCE, {}) if is_changed else pointer
        if not wanted.is_asked and not is_changed and has_source:
            return pointer  # the same data was not made again from newer inputs
        known = DataSource() if is_changed else recorded
        inputs = {path: self.inputs[path] for path in wanted.inputs if path in self.inputs} or known.inputs
        source = DataSource(inputs, self.asked.command or known.command, self.code)
        if (source.inputs, source.command) == (known.inputs, known.command) and known.commit:
            return pointer
        return with_source(pointer, source)

    def _say_changes(self, path: str, old: Pointer | None, new: Pointer, *, is_changed: bool) -> None:
        if old is None:
            return
        dropped = [f"[{name}]" for name in recorded_results(old) if name not in new.extra]
        if is_changed and dropped:
            self.warnings.append(
                f"`{path}` was changed: {name_some(dropped)} of its older version left the pointer; "
                "record those of the new one with --params, --metrics or --from"
            )
        changed = [name for name in (PARAMS, METRICS) if old.extra.get(name) != new.extra.get(name)]
        if not is_changed and PARAMS in changed and PARAMS in old.extra:
            self.warnings.append(
                f"the data of `{path}` is as it was, and other parameters are recorded with it now"
            )


def prepare_metadata(project: Project, plan: AddPlan, asked: AskedMetadata) -> MetadataOfAdd:
    """Read all files that are named by `asked` or by the rules of the configuration for the targets of `plan`.

    What a person named has to be there (NotFound, UsageError); what a rule names and is not there is a warning.
    """
    prepared = MetadataOfAdd(asked, keeps_unchanged=plan.is_update)
    rules = project.config.rules
    if asked.is_empty and not rules:
        return prepared
    reading = _Reading(project, prepared, asked, {target.path for target in plan.targets})
    for target in plan.targets:
        rule = combined(rules, target.path)
        if rule is not None or not asked.is_empty:
            prepared.wanted[target.path] = reading.wanted(target, rule or TrackRule(target.path))
    if any(wanted.inputs or wanted.is_asked for wanted in prepared.wanted.values()):
        prepared.code = code_commit(project, recorded=reading.files)
    prepared.warnings = list(dict.fromkeys(prepared.warnings))
    return prepared


def checked_values(table: str, values: Mapping[str, object]) -> dict[str, Value]:
    """Values that a person typed. Raises UsageError (kind `bad-metadata`) for one that no pointer can hold."""
    from dvx.repo.value_flat import why_not_stored

    for name, value in values.items():
        check_value(f"{table}.{name}" if name else "", value)
        reason = why_not_stored(name, value)
        if reason is not None:
            raise UsageError(
                f"the value of `{table}.{name}` cannot be stored in a pointer: {reason}",
                affected="nothing was recorded",
                hints=["keep it in a file that Git or dvx tracks, and record a number or a short text"],
                kind="bad-metadata",
            )
    return dict(values)  # type: ignore[arg-type]


class _Reading:
    """Reads the files of one add; those of the command line once for all targets."""

    def __init__(
        self, project: Project, prepared: MetadataOfAdd, asked: AskedMetadata, targets: set[str]
    ) -> None:
        self._project = project
        self._prepared = prepared
        self._asked = asked
        self._targets = targets
        self.files: set[str] = set()
        self._known: dict[tuple[str, tuple[ValueSpec, ...], bool], Mapping[str, Value] | None] = {}

    def wanted(self, target: AddTarget, rule: TrackRule) -> _Wanted:
        """What one target gets; the command line takes the place of the rules, table by table."""
        asked = self._asked
        inputs = asked.inputs or rule.inputs
        if target.path in asked.inputs:
            raise UsageError(
                f"`{target.path}` cannot be made from itself",
                affected="nothing was added",
                hints=["name with `--from` what it was made from"],
                kind="own-input",
            )
        for path in inputs:
            self._input(path, is_asked=bool(asked.inputs))
        wanted = _Wanted(
            _Table(self._table(PARAMS, asked.params_files, rule.params), asked.params),
            _Table(self._table(METRICS, asked.metrics_files, rule.metrics), asked.metrics),
            inputs,
            bool(asked.inputs or asked.command),
        )
        _check_early(target, wanted, asked.meta)
        return wanted

    def _table(
        self, table: str, asked: tuple[ValueSpec, ...], ruled: tuple[ValueSpec, ...]
    ) -> Mapping[str, Value] | None:
        specs, is_asked = (asked, True) if asked else (ruled, False)
        key = (table, specs, is_asked)
        if key not in self._known:
            self._known[key] = self._read(table, specs, is_asked=is_asked) if specs else None
        return self._known[key]

    def _read(
        self, table: str, specs: tuple[ValueSpec, ...], *, is_asked: bool
    ) -> Mapping[str, Value] | None:
        from dvx.repo.value_reading import WorkTreeFiles, collect, left_out_text, not_there

        source = WorkTreeFiles(self._project.repository.root, stays_inside=not is_asked)
        found = collect(specs, source, "params" if table == PARAMS else "metrics")
        self.files |= {spec.path for spec in specs}
        if is_asked and found.absent:
            raise not_there(found.absent[0])
        if is_asked and found.missing_keys:
            raise _no_key(found.missing_keys)
        warnings = self._prepared.warnings
        warnings += [left_out_text(path, items) for path, items in found.left_out.items()]
        for name in [*found.absent, *found.missing_keys]:
            warnings.append(f"`{name}` is not there, and `.dvx/config.toml` says to record it as {table}")
        return None if len(found.absent) == len(specs) else found.values

    def _is_there(self, path: str) -> bool:
        return os.path.lexists(self._project.repository.absolute(path))

    def _input(self, path: str, *, is_asked: bool) -> None:
        if path in self._prepared.inputs:
            return
        try:
            pointer = read_pointer(self._project.repository, pointer_path_of(path)).pointer
            self._prepared.inputs[path] = pointer.id
        except NotFound as error:
            if path in self._targets:
                self._prepared.inputs[path] = bytes(32)  # its id is known when this add is done
            elif is_asked:
                raise NotFound(
                    f"`{path}` is not tracked, so it has no id to name as an input",
                    affected="nothing was added",
                    hints=[
                        *([f"track it: `dvx add {quote(path)}`"] if self._is_there(path) else []),
                        "list what is tracked: `dvx ls`",
                    ],
                    kind="no-pointer",
                ) from error
            else:
                self._prepared.warnings.append(
                    f"`{path}` is not tracked, and `.dvx/config.toml` names it as an input"
                )


def _check_early(target: AddTarget, wanted: _Wanted, meta: Mapping[str, Value]) -> None:
    """Refuse what is too large before data is read; the id of the data takes the same room, whatever it is."""
    old = target.pointer
    pointer = old if old is not None else Pointer("file", hash_bytes(b""), 0)
    labels = {**leaves(pointer.extra.get(META)), **meta}
    pointer = with_table(pointer, PARAMS, wanted.params.merged({}, is_changed=True) or {})
    pointer = with_table(pointer, METRICS, wanted.metrics.merged({}, is_changed=True) or {})
    check_size(with_table(pointer, META, labels), name=target.path)


def _no_key(names: Sequence[str]) -> NotFound:
    return NotFound(
        f"{name_some(names)} {'is' if len(names) == 1 else 'are'} not there",
        affected="nothing was recorded",
        hints=["look at the file; names of nested keys are joined by dots: `FILE:train.lr`"],
        kind="no-such-key",
    )
