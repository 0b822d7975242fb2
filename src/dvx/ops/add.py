"""`dvx add`: store files and directories and write their pointers.

Owns the order that keeps promises P1 and P3: everything is read and stored first, then records, then pointers,
`.gitignore` and Git's staging area. Which paths may be added is decided in dvx.ops.add_targets.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dvx.backends.backend import ObjectNotFound, not_found
from dvx.core.ids import hash_bytes
from dvx.disk.reading import Source
from dvx.disk.symlinks import check_symlink_target
from dvx.formats.layout import pack_key
from dvx.formats.manifest import Entry
from dvx.formats.placement import Placement
from dvx.formats.pointer import Pointer
from dvx.ops.add_targets import AddPlan, AddTarget
from dvx.ops.content import ContentIds
from dvx.ops.leftovers import remove_leftovers
from dvx.ops.portable import name_warnings, refuse_names
from dvx.ops.project import Project
from dvx.ops.tracking import record_tracking
from dvx.ops.trees import Pair
from dvx.store.damage import DamagedPack
from dvx.store.ingest import Ingester, Item, Stored
from dvx.store.manifests import ManifestWriter
from dvx.store.pack_sink import SealedListener
from dvx.store.page_reader import PageReader
from dvx.store.root_layout import RootLayout
from dvx.store.runs import RunCutter
from dvx.store.translate import RootData, make_placement

# Names are looked at for other systems in groups, so that a million of them are never in memory at once.
_NAMES_AT_ONCE = 50_000
# Unchanged files go through the ingester in stretches: one step for each costs 9 microseconds a file.
_KEPT_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class AddedPath:
    """The outcome for one tracked path."""

    path: str
    pointer: Pointer
    is_changed: bool


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


class _Step(NamedTuple):
    """The token that goes through the ingester: which target, and the entry once it is known."""

    target: "_Adding"
    path: str
    kind: str
    entry: Entry | None


class _Kept(NamedTuple):
    """The token of a stretch of unchanged files: their entries, in path order."""

    target: "_Adding"
    entries: list[Entry]


class _Adding:
    """One target on its way: its stream of items, its layout and, for a directory, its manifest."""

    def __init__(self, project: Project, target: AddTarget, on_sealed: SealedListener | None) -> None:
        self.project = project
        self.target = target
        self.layout = RootLayout()
        self.ids = ContentIds(project.stat_cache, project.repository.root, target.path)
        is_directory = target.kind == "directory"
        self.manifest = ManifestWriter(project.local, on_sealed=on_sealed) if is_directory else None
        self.old = self._old_placement()
        self.file_id: bytes | None = None
        self.size = 0
        self.is_executable = False
        self.names: list[str] = []

    def _old_placement(self) -> Placement | None:
        pointer = self.target.pointer
        if pointer is None:
            return None
        root = pointer.id
        return self.project.local.complete_placements([root], jobs=self.project.jobs).get(root)

    # Items for the ingester, in path order

    def items(self, pages: PageReader) -> Iterator[Item]:
        """Yield what has to be read, and what can be taken from the version before."""
        cutter = RunCutter(self.old.runs, self.project.local.pack_index) if self.old else None
        kept: list[Entry] = []
        start = end = 0
        for pair in self.target.pairs(pages, with_entries=self.old is not None):
            if cutter is None or not self._is_unchanged(pair):
                if kept and cutter is not None:
                    yield self._keep(cutter, kept, start, end)
                    kept, start, end = [], 0, 0
                yield from self._read(pair)
                continue
            entry = pair.entry
            assert entry is not None
            # A file that is gone leaves a gap; empty files are nowhere in the stream.
            is_behind_gap = entry.size and start < end and pair.offset != end
            if is_behind_gap or len(kept) >= _KEPT_AT_ONCE:
                yield self._keep(cutter, kept, start, end)
                kept, start, end = [], 0, 0
            if entry.size:
                if start == end:
                    start = pair.offset
                end = pair.offset + entry.size
            kept.append(entry)
        if kept and cutter is not None:
            yield self._keep(cutter, kept, start, end)

    def _keep(self, cutter: RunCutter, kept: list[Entry], start: int, end: int) -> Item:
        return Item(self.layout, _Kept(self, kept), reuse=tuple(cutter.cut(start, end)))

    def _is_unchanged(self, pair: Pair) -> bool:
        entry, found = pair.entry, pair.found
        if entry is None:
            return False
        if not self.target.is_named(pair.path):
            return True
        if (
            found is None
            or entry.kind != found.kind
            or (entry.size != found.size and entry.kind != "directory")
        ):
            return False
        if entry.kind == "directory":
            return True
        if entry.kind == "symlink":
            return hash_bytes(_link_bytes(self._absolute(pair.path))) == entry.id
        return self.ids.known(pair.path, found) == entry.id

    def _read(self, pair: Pair) -> Iterator[Item]:
        found = pair.found
        if found is None or not self.target.is_named(pair.path):
            return
        self._note_name(pair.path)
        if found.kind == "directory":
            entry = Entry(self._inner(pair.path), "directory", 0, hash_bytes(b""))
            yield Item(self.layout, _Step(self, pair.path, "directory", entry))
            return
        inline = self._link_content(pair.path) if found.kind == "symlink" else None
        size = found.size if inline is None else len(inline)
        source = Source(self._absolute(pair.path), pair.path, size, inline)
        yield Item(self.layout, _Step(self, pair.path, found.kind, None), source=source)

    def _link_content(self, path: str) -> bytes:
        content = _link_bytes(self._absolute(path))
        check_symlink_target(self._inner(path), content.decode("utf-8", "surrogateescape"))
        return content

    def _note_name(self, path: str) -> None:
        self.names.append(self._inner(path))

    def _absolute(self, path: str) -> str:
        return os.path.join(self.project.repository.root, path)

    def _inner(self, path: str) -> str:
        return path[len(self.target.path) + 1 :] if self.manifest is not None else os.path.basename(path)

    # Outcomes, in the same order

    def accept_kept(self, entries: list[Entry]) -> None:
        """Take entries of the version before."""
        if self.manifest is not None:
            self.manifest.add_all(entries)
            return
        for entry in entries:
            self._accept_file(entry)

    def accept(self, step: _Step, stored: Stored) -> None:
        """Take the outcome of one item."""
        entry = step.entry
        if entry is None:
            assert stored.id is not None
            assert stored.stat is not None
            entry = Entry(self._inner(step.path), step.kind, stored.stat.size, stored.id)
            self.ids.remember(step.path, step.kind, stored.stat, stored.id)
        if self.manifest is not None:
            self.manifest.add(entry)
        else:
            self._accept_file(entry)

    def _accept_file(self, entry: Entry) -> None:
        self.file_id, self.size = entry.id, entry.size
        self.is_executable = entry.kind == "executable"

    def finish(self) -> AddedPath:
        """Write the record of the root; the packs must all be in the store."""
        pages: tuple[bytes, ...] = ()
        extra = dict(self.target.pointer.extra) if self.target.pointer else {}
        extra.pop("executable", None)
        if self.manifest is not None:
            written = self.manifest.finish()
            pages = written.page_packs
            pointer = Pointer("directory", written.root, written.size, written.files, extra)
        else:
            assert self.file_id is not None
            if self.is_executable:
                extra["executable"] = True
            pointer = Pointer("file", self.file_id, self.size, None, extra)
        self._record(pointer, pages)
        return AddedPath(self.target.path, pointer, pointer != self.target.pointer)

    def _record(self, pointer: Pointer, pages: tuple[bytes, ...]) -> None:
        local = self.project.local
        if local.complete_placements([pointer.id], jobs=self.project.jobs):
            return
        data = RootData(pointer.id, pointer.kind, pointer.size)
        placement = make_placement(local, data, runs=self.layout.runs.finish(), pages=pages)
        # What was not stored anew is in packs that the index knows, and a file can vanish behind its back.
        for pack in local.missing_packs([placement], jobs=self.project.jobs):
            raise not_found(pack_key(pack), local.location)
        local.add_record(placement)

    def close(self) -> None:
        """Drop what was not finished."""
        if self.manifest is not None:
            self.manifest.close()


def run_add(project: Project, plan: AddPlan, *, on_sealed: SealedListener | None = None) -> AddResult:
    """Store all targets, then write their pointers and stage them.

    A failure before the first pointer leaves the workspace as it was; what was stored is reused by the next run.
    Where packs of the local store turn out to be lost or damaged, everything that was in them is stored again.
    `on_sealed` is told of every pack that is made.
    """
    try:
        with project.setting_damage_aside():
            return _add_once(project, plan, on_sealed)
    except (ObjectNotFound, DamagedPack):
        with project.setting_damage_aside():
            return _add_once(project, plan, on_sealed)


def _add_once(project: Project, plan: AddPlan, on_sealed: SealedListener | None) -> AddResult:
    result = AddResult()
    adding: list[_Adding] = []
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
                    if isinstance(step, _Kept):
                        step.target.accept_kept(step.entries)
                    elif isinstance(step, _Step):
                        step.target.accept(step, stored)
                        if step.entry is None and stored.stat is not None:
                            result.read_bytes += stored.stat.size
            _check_names(project, adding, result)
            ingester.finish()
            result.new_bytes = ingester.sink.new_plain_bytes
            result.stored_bytes = ingester.sink.new_stored_bytes
            result.again_bytes = sum(target.layout.budget.refused_bytes for target in adding)
        result.added = [target.finish() for target in adding]
    finally:
        for target in adding:
            target.close()
        project.reporter.finish()
    _write_pointers(project, adding, result)
    remove_leftovers(project, [target.tree(None) for target in plan.targets])
    return result


def _all_items(
    project: Project,
    plan: AddPlan,
    adding: list[_Adding],
    pages: PageReader,
    on_sealed: SealedListener | None,
) -> Iterator[Item]:
    for target in plan.targets:
        one = _Adding(project, target, on_sealed)
        adding.append(one)
        yield from one.items(pages)


def _check_names(project: Project, adding: list[_Adding], result: AddResult) -> None:
    policy = project.config.get("core.portable")
    if policy == "allow":
        return
    for target in adding:
        for start in range(0, len(target.names), _NAMES_AT_ONCE):
            result.warnings.extend(name_warnings(target.names[start : start + _NAMES_AT_ONCE]))
    if policy == "refuse":
        refuse_names(result.warnings)


def _write_pointers(project: Project, adding: list[_Adding], result: AddResult) -> None:
    changed = record_tracking(project, {added.path: added.pointer for added in result.added})
    result.changed_git_files = changed
    for target, added in zip(adding, result.added, strict=True):
        target.ids.save()
        _remember_root(project, target.target, added.pointer)
        result.files += added.pointer.files if added.pointer.files is not None else 1
        result.plain_bytes += added.pointer.size


def _remember_root(project: Project, target: AddTarget, pointer: Pointer) -> None:
    """Remember that the workspace now is what the pointer says, unless other files in it are still older."""
    before = target.pointer.id if target.pointer is not None else None
    if not target.named or project.stat_cache.get_root(target.path) == before:
        project.stat_cache.set_root(target.path, pointer.id)


def _link_bytes(path: str) -> bytes:
    return os.fsencode(os.readlink(path))
