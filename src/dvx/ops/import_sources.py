"""Imported data from its source: another repository's remote, read into the local store.

Owns the roots that are made of a part of a tracked folder, and what happens where the own remote lacks an import. Must
not write pointers or the workspace.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from dvx.core.errors import DataMissing, DvxError, NotFound, PathRefused, UsageError
from dvx.core.ids import short_git_id
from dvx.core.shell_words import quote
from dvx.formats.manifest import Entry
from dvx.formats.placement import Placement, Run
from dvx.formats.pointer import Pointer
from dvx.ops.fetch import fetch
from dvx.ops.foreign import Foreign, near, open_foreign
from dvx.ops.project import Project
from dvx.ops.rehearsal import Rehearsed
from dvx.ops.sources import expect_roots, missing_on_remote, stored_placements
from dvx.ops.trees import Tree
from dvx.ops.written_out import check_link
from dvx.repo.git_address import parse_git_address
from dvx.repo.imports import IMPORT_TABLE, ImportSource, import_source, without_import
from dvx.repo.pointers import TrackedPointer
from dvx.repo.targets import Target, is_pattern
from dvx.repo.trust import announce_repository
from dvx.store.byte_range import read_bytes
from dvx.store.manifests import ManifestWriter
from dvx.store.runs import RunCutter
from dvx.store.store import Store
from dvx.store.translate import RootData, make_placement, translate_runs

# No remote can have this name, so nothing in a configuration is hidden by it.
SOURCE_NAME: Final = "source of an import"

_Found = tuple[int, str, Entry]


def bring_path(project: Project, foreign: Foreign, path: str, *, remote_name: str | None) -> Pointer:
    """Bring the data at one path of another repository into the local store; returns a pointer without `[import]`.

    A path inside a tracked folder becomes a root of its own. Raises NotFound, UsageError (kind `not-one-path`),
    DataMissing, PathRefused for links that need more than the part, and what reading a remote raises.
    """
    target = one_target(foreign, path)
    with _source_store(project, foreign, target.tracked, remote_name) as store:
        if project.rehearsal is None:
            fetch(project, [target], remote_name=SOURCE_NAME)
        else:
            _foresee(project, target)
        if target.inside:
            return _Part(project, store, target).add()
    pointer = target.tracked.pointer
    return Pointer(pointer.kind, pointer.id, pointer.size, pointer.files, _only_mode(pointer))


def _foresee(project: Project, target: Target) -> None:
    """Say what would be fetched, and read the listing, which a rehearsal keeps in its temporary folder."""
    try:
        fetch(project, [target], remote_name=SOURCE_NAME)
    except Rehearsed as plan:
        project.foretold += plan.steps
    tracked = target.tracked
    with project.pages(SOURCE_NAME) as pages:
        for _ in Tree("", tracked.path, tracked.pointer, target.inside).entries(pages):
            pass


def bring_missing_imports(project: Project, targets: Sequence[Target], *, remote_name: str | None) -> None:
    """Bring imported roots that neither the local store nor the own remote has from their sources, whole.

    A source that cannot be read is told about with a note; the caller then finds the data missing.
    """
    wanted: dict[tuple[str, str], list[tuple[TrackedPointer, ImportSource]]] = {}
    for tracked in _lacking(project, targets, remote_name):
        source = import_source(tracked.pointer, name=tracked.pointer_path)
        if source is not None:
            wanted.setdefault((source.repository, source.commit), []).append((tracked, source))
    for imports in wanted.values():
        try:
            _bring_group(project, imports)
        except DvxError as error:
            project.reporter.note(f"cannot read the source of `{imports[0][0].path}`: {error.what}")


def _lacking(project: Project, targets: Sequence[Target], remote_name: str | None) -> list[TrackedPointer]:
    imported = {
        target.tracked.pointer.id: target.tracked
        for target in targets
        if IMPORT_TABLE in target.tracked.pointer.extra
        and target.tracked.pointer.id not in project.asked_imports
    }
    project.asked_imports.update(imported)
    if not imported:
        return []
    stored = stored_placements(project, list(imported), remote_name=remote_name)
    return [tracked for root, tracked in imported.items() if root not in stored]


def _bring_group(project: Project, imports: Sequence[tuple[TrackedPointer, ImportSource]]) -> None:
    tracked, source = imports[0]
    address = parse_git_address(source.repository, base_dir=project.repository.root)
    remembers = project.rehearsal is None
    notice = announce_repository(
        address.shown, pointer_path=tracked.pointer_path, env=project.env, remembers=remembers
    )
    if notice is not None:
        project.reporter.note(notice)
    tests = [near(each.path) for _, each in imports]
    with open_foreign(
        address,
        source.commit,
        is_wanted=lambda path: any(test(path) for test in tests),
        env=project.env,
        overrides={},
        reporter=project.reporter,
        may_ask=False,
        is_typed=False,
        rehearses=project.rehearsal is not None,
    ) as foreign:
        for tracked, source in imports:
            pointer = bring_path(project, foreign, source.path, remote_name=None)
            project.reporter.note(f"took `{tracked.path}` from its source {address.shown}")
            if pointer.id != tracked.pointer.id:
                project.reporter.note(
                    f"`{source.path}` at commit {short_git_id(source.commit)} of {address.shown} is not what "
                    f"`{tracked.pointer_path}` names"
                )


def one_target(foreign: Foreign, path: str) -> Target:
    """The tracked path, or path inside of one, that can be imported. Raises NotFound, UsageError (`not-one-path`)."""
    targets = foreign.targets(path)
    target = targets[0] if len(targets) == 1 else None
    is_named = target is not None and path in (target.tracked.path, target.tracked.pointer_path)
    if target is None or not (is_named or (target.inside and not is_pattern(path))):
        raise UsageError(
            f"`{path or '.'}` in `{foreign.address.shown}` is not one tracked path",
            affected="nothing was written",
            hints=["name tracked data, or a path inside of it; import several one by one"],
            kind="not-one-path",
        )
    # The source of the source is nothing to ask: its remote has what was pushed there.
    return replace(target, tracked=replace(target.tracked, pointer=without_import(target.tracked.pointer)))


@contextmanager
def _source_store(
    project: Project, foreign: Foreign, tracked: TrackedPointer, remote_name: str | None
) -> Iterator[Store]:
    """The store of the source, with this repository's index, as the remote SOURCE_NAME."""
    store = foreign.store(tracked, remote_name)
    temporary_folder = project.local.temporary_folder
    mine = Store(store.backend, project.index, store.id, temporary_folder=temporary_folder, is_remote=True)
    with project.lending(SOURCE_NAME, mine):
        yield mine


def _only_mode(pointer: Pointer) -> dict[str, object]:
    return {"executable": True} if pointer.extra.get("executable") is True else {}


@dataclass(frozen=True, slots=True)
class _Part:
    """A file or folder inside a tracked folder whose chunks are in the local store by now.

    In a rehearsal they are at the source.
    """

    project: Project
    source: Store
    target: Target

    def add(self) -> Pointer:
        """Make it a root of the local store."""
        tracked = self.target.tracked
        tree = Tree("", tracked.path, tracked.pointer, self.target.inside)
        with self.project.pages(SOURCE_NAME) as pages:
            found = list(tree.entries(pages))
        top = f"{tracked.path}/{self.target.inside[0]}"
        if not found:
            raise NotFound(
                f"`{top}` is not in the tracked folder `{tracked.path}` of the source",
                affected="nothing was written",
                hints=[f"import the whole folder: `dvx import REPO {quote(tracked.path)}`"],
                kind="not-tracked",
            )
        start, end = found[0][0], found[-1][0] + found[-1][2].size
        runs = self._runs(start, end)
        self._check_links(found, top, runs, start)
        if [name for _, name, _ in found] == [top] and found[0][2].kind != "directory":
            return self._add_file(found[0][2], runs)
        return self._add_folder(found, top, runs)

    def _runs(self, start: int, end: int) -> tuple[Run, ...]:
        root = self.target.tracked.pointer.id
        expect_roots(self.source, [self.target.tracked])
        placements = self.source.placements([root], jobs=self.project.transfers).get(root, [])
        for placement in placements:
            with suppress(DataMissing):
                cut = RunCutter(placement.runs, self.source.pack_index).cut(start, end)
                if self.project.rehearsal is not None:
                    return tuple(cut)
                return translate_runs(cut, self.source.pack_index, self.project.local)
        raise missing_on_remote([self.target.tracked], self.source)

    @property
    def _store(self) -> Store:
        """The store that the runs are about."""
        return self.project.local if self.project.rehearsal is None else self.source

    def _check_links(self, found: Sequence[_Found], top: str, runs: Sequence[Run], start: int) -> None:
        for offset, name, entry in found:
            if entry.kind != "symlink":
                continue
            first, last = offset - start, offset - start + entry.size
            data = read_bytes(self._store, runs, file_start=first, file_end=last, start=first, end=last)
            if name == top:
                raise PathRefused(
                    f"`{top}` is a symlink, which cannot be tracked alone",
                    affected="nothing was written",
                    hints=["import what it points to, or the folder around it"],
                    kind="symlink-target",
                )
            check_link(name[len(top) + 1 :], b"".join(data))

    def _add_file(self, entry: Entry, runs: tuple[Run, ...]) -> Pointer:
        self._record(RootData(entry.id, "file", entry.size), runs)
        extra: dict[str, object] = {"executable": True} if entry.kind == "executable" else {}
        return Pointer("file", entry.id, entry.size, None, extra)

    def _add_folder(self, found: Sequence[_Found], top: str, runs: tuple[Run, ...]) -> Pointer:
        writer = ManifestWriter(self.project.local)
        try:
            # An empty folder that is imported itself has no entry below it.
            below = [(name[len(top) + 1 :], entry) for _, name, entry in found if name != top]
            writer.add_all([Entry(name, entry.kind, entry.size, entry.id) for name, entry in below])
            written = writer.finish()
        finally:
            writer.close()
        self._record(RootData(written.root, "directory", written.size), runs, written.page_packs)
        return Pointer("directory", written.root, written.size, written.files)

    def _record(self, data: RootData, runs: tuple[Run, ...], pages: tuple[bytes, ...] = ()) -> None:
        local = self.project.local
        if self.project.rehearsal is not None:
            return
        if not local.complete_placements([data.id], jobs=self.project.jobs):
            placement: Placement = make_placement(local, data, runs=runs, pages=pages)
            local.add_record(placement)
