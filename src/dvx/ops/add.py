"""`dvx add`: store files and directories and write their pointers.

Owns the order that keeps promises P1 and P3: everything is read and stored first, then records, then pointers,
`.gitignore` and Git's staging area. Which paths may be added is decided in dvx.ops.add_targets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import name_some
from dvx.formats.pointer import KIND_DIRECTORY
from dvx.ops.add_targets import AddPlan, AddTarget
from dvx.ops.adding import AddedPath, Adding, Kept, Step
from dvx.ops.leftovers import git_folders, remove_leftovers
from dvx.ops.metadata_of_add import AskedMetadata, MetadataOfAdd, prepare_metadata
from dvx.ops.portable import name_warnings, refuse_names
from dvx.ops.project import Project
from dvx.ops.tracking import record_tracking
from dvx.store.damage import DamagedPack
from dvx.store.ingest import Ingester, Item
from dvx.store.pack_sink import SealedListener
from dvx.store.page_reader import PageReader

# Names are looked at for other systems in groups, so that a million of them are never in memory at once.
_NAMES_AT_ONCE = 50_000


@dataclass(slots=True)
class AddResult:
    """What an add did. `plain_bytes` is the size of everything named, `read_bytes` what was read of it,
    `new_bytes` and `stored_bytes` what was written, before and after compression; `again_bytes` of the former
    was in the store already and written once more to keep the data quick to read."""

    added: list[AddedPath] = field(default_factory=list)
    files: int = 0
    plain_bytes: int = 0
    read_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0
    again_bytes: int = 0
    warnings: list[str] = field(default_factory=list)
    changed_git_files: list[str] = field(default_factory=list)

    def take_in(self, other: "AddResult") -> None:
        """Count what was added of other targets."""
        self.added = sorted([*self.added, *other.added], key=lambda added: added.path)
        self.files += other.files
        self.plain_bytes += other.plain_bytes
        self.read_bytes += other.read_bytes
        self.new_bytes += other.new_bytes
        self.stored_bytes += other.stored_bytes
        self.again_bytes += other.again_bytes
        self.warnings = list(dict.fromkeys([*self.warnings, *other.warnings]))
        self.changed_git_files = sorted({*self.changed_git_files, *other.changed_git_files})


def run_add(
    project: Project,
    plan: AddPlan,
    *,
    on_sealed: SealedListener | None = None,
    metadata: AskedMetadata | None = None,
) -> AddResult:
    """Store all targets, then write their pointers and stage them.

    A failure before the first pointer leaves the workspace as it was; what was stored is reused by the next run. Where
    one of several targets cannot be added, the others are (see Project.failures).
    Where packs of the local store turn out to be lost or damaged, everything that was in them is stored again.
    `on_sealed` is told of every pack that is made; `metadata` is recorded with every target.
    """
    recorded = prepare_metadata(project, plan, metadata or AskedMetadata())
    if project.rehearsal is not None:
        from dvx.ops.rehearsal import Rehearsed, steps_of_add  # only for `--dry-run`

        raise Rehearsed([*steps_of_add(plan)])

    def add(targets: Sequence[AddTarget]) -> AddResult:
        some = replace(plan, targets=tuple(targets))
        try:
            with project.setting_damage_aside():
                return _add_once(project, some, on_sealed, recorded)
        except (ObjectNotFound, DamagedPack):
            with project.setting_damage_aside():
                return _add_once(project, some, on_sealed, recorded)

    result = AddResult()
    for part in project.failures.divide(plan.targets, add, lambda target: target.path):
        result.take_in(part)
    return result


def _add_once(
    project: Project, plan: AddPlan, on_sealed: SealedListener | None, metadata: MetadataOfAdd
) -> AddResult:
    result = AddResult()
    adding: list[Adding] = []
    compress = project.config.get("store.compression") != "none"
    project.reporter.start("add")
    try:
        with Ingester(
            project.local,
            jobs=project.jobs,
            compress=compress,
            reporter=project.reporter,
            on_sealed=on_sealed,
        ) as ingester:
            with project.pages() as pages:
                for stored in ingester.ingest(_all_items(project, plan, adding, pages, on_sealed)):
                    step = stored.token
                    if isinstance(step, Kept):
                        step.target.accept_kept(step.stretch)
                    elif isinstance(step, Step):
                        step.target.accept(step, stored)
                        if step.entry is None and stored.stat is not None:
                            result.read_bytes += stored.stat.size
            _check_names(project, adding, result)
            ingester.finish()
            result.new_bytes = ingester.sink.new_plain_bytes
            result.stored_bytes = ingester.sink.new_stored_bytes
            result.again_bytes = sum(target.layout.budget.refused_bytes for target in adding)
        before = {target.path: target.pointer for target in plan.targets}
        result.added = metadata.apply([target.finish() for target in adding], before)
        result.warnings += metadata.warnings
    finally:
        for target in adding:
            target.close()
        project.reporter.finish()
    _write_pointers(project, adding, result)
    trees = [target.tree(None) for target in plan.targets]
    if git_folders(trees):
        result.warnings.append(
            f"{name_some(git_folders(trees))}: left out; the files around it are added, its history is not"
        )
    remove_leftovers(project, trees)
    return result


def _all_items(
    project: Project,
    plan: AddPlan,
    adding: list[Adding],
    pages: PageReader,
    on_sealed: SealedListener | None,
) -> Iterator[Item]:
    for target in plan.targets:
        one = Adding(project, target, on_sealed)
        adding.append(one)
        yield from one.items(pages)


def _check_names(project: Project, adding: list[Adding], result: AddResult) -> None:
    policy = project.config.get("core.portable")
    if policy == "allow":
        return
    for target in adding:
        for start in range(0, len(target.names), _NAMES_AT_ONCE):
            result.warnings.extend(name_warnings(target.names[start : start + _NAMES_AT_ONCE]))
    if policy == "refuse":
        refuse_names(result.warnings)


def _write_pointers(project: Project, adding: list[Adding], result: AddResult) -> None:
    paths = [added.path for added in result.added]
    extents = {
        added.path: target.extent(added.pointer.id)
        for target, added in zip(adding, result.added, strict=True)
        if added.pointer.kind == KIND_DIRECTORY
    }
    result.changed_git_files = record_tracking(
        project,
        {added.path: added.pointer for added in result.added},
        command=["add", *paths],
        affected="no pointer was written; what was stored is used by the next add",
        roots={added.path: added.pointer.id for added in result.added if added.path not in extents},
        extents=extents,
    )
    for target, added in zip(adding, result.added, strict=True):
        target.save_cache()
        result.files += added.pointer.files if added.pointer.files is not None else 1
        result.plain_bytes += added.pointer.size
