"""One target of an add on its way: what is read, what is taken from the version before, and its new manifest.

Owns what of the version before can be kept. In which order stores, records and pointers are written is dvx.ops.add.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from dvx.core.ids import hash_bytes
from dvx.disk.atomic import disk_errors
from dvx.disk.reading import Source
from dvx.disk.symlinks import check_symlink_target
from dvx.disk.walk import WalkEntry, WalkRow
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.pointer import KIND_DIRECTORY, Pointer
from dvx.ops.absent_ground import AbsentGround
from dvx.ops.add_targets import AddTarget
from dvx.ops.content import ContentIds
from dvx.ops.far_packs import RootRecord, find_pack_index, record_root, require_record
from dvx.ops.leaf_parts import LeafToCompare, SameLeaf, SameLines
from dvx.ops.leaf_walk import read_leaf
from dvx.ops.page_marks import MarkLearner, PageMarks
from dvx.ops.parts import extent_of_add
from dvx.ops.project import Project
from dvx.ops.stretches import KeptEntries, Stretch
from dvx.ops.trees import Pair
from dvx.repo.extents import Extent
from dvx.repo.imports import IMPORT_TABLE, without_import
from dvx.repo.pointers import TrackedPointer, pointer_path_of
from dvx.store.ingest import Item, Stored
from dvx.store.manifests import ManifestWriter
from dvx.store.pack_sink import SealedListener
from dvx.store.page_reader import PageReader
from dvx.store.root_layout import RootLayout
from dvx.store.runs import RunCutter
from dvx.store.translate import RootData

# Unchanged files go through the ingester in stretches: one step for each costs 9 microseconds a file.
_KEPT_AT_ONCE: Final = 2048


@dataclass(frozen=True, slots=True)
class AddedPath:
    """The outcome for one tracked path. `absent` counts files that the new version has and the workspace never had."""

    path: str
    pointer: Pointer
    is_changed: bool
    absent: int = 0


class Step(NamedTuple):
    """The token that goes through the ingester: which target, and the entry once it is known."""

    target: "Adding"
    path: str
    kind: str
    entry: Entry | None


class Kept(NamedTuple):
    """The token of a stretch of unchanged files, in path order."""

    target: "Adding"
    stretch: Stretch


class Adding:
    """One target on its way: its stream of items, its layout and, for a directory, its manifest."""

    def __init__(self, project: Project, target: AddTarget, on_sealed: SealedListener | None) -> None:
        self.project = project
        self.target = target
        self.layout = RootLayout()
        self.ids = ContentIds(project.stat_cache, project.repository.root, target.path)
        is_directory = target.kind == "directory"
        self.manifest = ManifestWriter(project.local, on_sealed=on_sealed) if is_directory else None
        self._record = self._old_record()
        self.old = self._record.placement if self._record is not None else None
        self.marks = PageMarks(project.stat_cache, target.path)
        self._learner = MarkLearner(self.marks)
        self._pages: PageReader | None = None
        self._cutter: RunCutter | None = None
        # Leaves carried over without a look at their files, and the files in old leaves that were read.
        self._uncounted: list[ChildPage] = []
        self._counted_files = 0
        self.file_id: bytes | None = None
        self.size = 0
        self.is_executable = False
        self.names: list[str] = []
        # Paths of a directory that came to be here, and what is kept of it without being here.
        self.here: list[str] = []
        self._tree = target.old_tree()
        self._ground = AbsentGround(target)

    def _old_record(self) -> RootRecord | None:
        """The record of the version before, as far as its data can be kept. Where it has to be, it must be there."""
        target, pointer = self.target, self.target.pointer
        if pointer is None:
            return None
        if pointer.kind == target.kind == KIND_DIRECTORY and target.keeps_rest:
            return require_record(
                self.project, TrackedPointer(target.path, pointer_path_of(target.path), pointer)
            )
        near = self.project.local.complete_placements([pointer.id], jobs=self.project.jobs).get(pointer.id)
        return RootRecord(near, True) if near is not None else None

    # Items for the ingester, in path order

    def items(self, pages: PageReader) -> Iterator[Item]:
        """Yield what has to be read, and what can be taken from the version before."""
        self._pages = pages
        kept = Stretch()
        for part in self.target.parts(pages, self.marks, with_entries=self.old is not None):
            if not isinstance(part, LeafToCompare):
                size = part.leaf.size if isinstance(part, SameLeaf) else part.lines.size
                if kept.held >= _KEPT_AT_ONCE or not kept.takes(part.offset, size):
                    yield from self._keep(kept)
                    kept = Stretch()
                kept.add(part)
                continue
            self._counted_files += _count_files(part.entries)
            self.ids.expect(part.spans)
            for pair in part.pairs:
                entry = pair.entry
                self._note_here(pair)
                if entry is None or not self._is_unchanged(pair, entry):
                    yield from self._keep(kept)
                    kept = Stretch()
                    yield from self._read(pair, pages)
                    continue
                if kept.held >= _KEPT_AT_ONCE or not kept.takes(pair.offset, entry.size):
                    yield from self._keep(kept)
                    kept = Stretch()
                kept.add_entry(pair.offset, entry, self._state(entry, pair.found))
        yield from self._keep(kept)

    def _note_here(self, pair: Pair) -> None:
        """Collect what is here, and named, but not known to be."""
        part = self.target.part
        if part is not None and pair.found is not None and self.target.is_named(pair.path):
            inner = self._inner(pair.path)
            if not part.has(inner):
                self.here.append(inner)

    def _keep(self, kept: Stretch) -> Iterator[Item]:
        if not kept.pieces:
            return
        if self._cutter is None:
            assert self.old is not None
            self._cutter = RunCutter(self.old.runs, partial(find_pack_index, self.project))
        yield Item(self.layout, Kept(self, kept), reuse=tuple(self._cutter.cut(kept.start, kept.end)))

    def _state(self, entry: Entry, found: WalkEntry | None) -> WalkRow | None:
        """What the walk found for an entry that is kept; None where it looked at nothing, or at something else."""
        if found is None or found.kind != entry.kind:
            return None
        return entry.path, found.kind, found.size, found.mtime_ns, found.ctime_ns, found.inode

    def _is_unchanged(self, pair: Pair, entry: Entry) -> bool:
        found = pair.found
        if not self.target.is_named(pair.path):
            return True
        if found is None and self.target.is_absent(pair.path):
            return self._ground.keeps(pair.path, entry)
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

    def _read(self, pair: Pair, pages: PageReader) -> Iterator[Item]:
        found = pair.found
        if found is None or not self.target.is_named(pair.path):
            return
        if self._tree.is_folder_of_absent(pair, pages):
            return
        self._note_name(pair.path)
        if found.kind == "directory":
            entry = Entry(self._inner(pair.path), "directory", 0, hash_bytes(b""))
            yield Item(self.layout, Step(self, pair.path, "directory", entry))
            return
        inline = self._link_content(pair.path) if found.kind == "symlink" else None
        size = found.size if inline is None else len(inline)
        source = Source(self._absolute(pair.path), pair.path, size, inline)
        yield Item(self.layout, Step(self, pair.path, found.kind, None), source=source)

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

    def accept_kept(self, stretch: Stretch) -> None:
        """Take what did not change."""
        if self.manifest is not None:
            leaves = [piece.leaf.id for piece in stretch.pieces if isinstance(piece, SameLeaf)]
            self.manifest.expect_leaves(leaves)
        for piece in stretch.pieces:
            if isinstance(piece, KeptEntries):
                self._accept_entries(piece)
            elif isinstance(piece, SameLines):
                assert self.manifest is not None
                self._learner.take_files(piece.rows)
                self._learner.learn(self.manifest.add_lines(piece.lines))
            else:
                assert self.manifest is not None
                self._add_leaf(self.manifest, piece)

    def _accept_entries(self, kept: KeptEntries) -> None:
        if self.manifest is not None:
            self._add_entries(self.manifest, kept.entries, kept.states)
            return
        for entry in kept.entries:
            self._accept_file(entry)

    def _add_leaf(self, manifest: ManifestWriter, same: SameLeaf) -> None:
        """Carry a leaf over as it is, or entry by entry where it is cut in another way here."""
        if manifest.carries(same.leaf, is_ended=same.is_ended):
            if same.files is None:
                self._uncounted.append(same.leaf)
            self._learner.learn(manifest.add_leaf(same.leaf, files=same.files or 0))
            return
        entries = self._read_leaf(same.leaf)
        self._counted_files += _count_files(entries)
        self._add_entries(manifest, entries, [None] * len(entries))

    def _read_leaf(self, leaf: ChildPage) -> tuple[Entry, ...]:
        assert self._pages is not None
        return read_leaf(self.target.old_tree(), self._pages, leaf)

    def _uncounted_files(self) -> int:
        """How many entries of the leaves that nobody looked at are files: the old pointer's without those read."""
        if not self._uncounted:
            return 0
        pointer = self.target.pointer
        files = (pointer.files or 0) - self._counted_files if pointer is not None else -1
        if 0 <= files <= sum(leaf.entries for leaf in self._uncounted):
            return files
        return sum(_count_files(self._read_leaf(leaf)) for leaf in self._uncounted)  # the pointer is wrong

    def _add_entries(
        self, manifest: ManifestWriter, entries: Sequence[Entry], states: Sequence[WalkRow | None]
    ) -> None:
        self._learner.take(entries, states)
        self._learner.learn(manifest.add_all(entries))

    def accept(self, step: Step, stored: Stored) -> None:
        """Take the outcome of one item."""
        entry = step.entry
        if entry is None:
            assert stored.id is not None
            assert stored.stat is not None
            entry = Entry(self._inner(step.path), step.kind, stored.stat.size, stored.id)
            self.ids.remember(step.path, step.kind, stored.stat, stored.id)
        if self.manifest is not None:
            self._add_entries(self.manifest, [entry], [_state_read(entry, step.kind, stored)])
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
            files = written.files + self._uncounted_files()
            pointer = Pointer("directory", written.root, written.size, files, extra)
        else:
            assert self.file_id is not None
            if self.is_executable:
                extra["executable"] = True
            pointer = Pointer("file", self.file_id, self.size, None, extra)
        pointer = self._without_source(pointer)
        self._write_record(pointer, pages)
        return AddedPath(self.target.path, pointer, pointer != self.target.pointer, self._ground.files)

    def extent(self, root: bytes) -> Extent:
        """What is here of a directory after this add, which made `root`."""
        return extent_of_add(
            self.project,
            self.target.path,
            before=self.target.pointer,
            root=root,
            is_all=not self.target.named,
            here=self.here,
            kept=self._ground.paths,
        )

    def _without_source(self, pointer: Pointer) -> Pointer:
        """Changed data is no longer what the source of an import has."""
        before = self.target.pointer
        if before is None or IMPORT_TABLE not in pointer.extra or pointer.id == before.id:
            return pointer
        self.project.reporter.note(
            f"`{self.target.path}` was changed, so its pointer no longer names an import"
        )
        return without_import(pointer)

    def _write_record(self, pointer: Pointer, pages: tuple[bytes, ...]) -> None:
        data = RootData(pointer.id, pointer.kind, pointer.size)
        far = self._record.far if self._record is not None else {}
        record_root(self.project, data, runs=self.layout.runs.finish(), pages=pages, far=far)

    def save_cache(self) -> None:
        """Remember what was learnt of the files."""
        self.ids.save()
        self.marks.save(keep_unused=bool(self.target.named))

    def close(self) -> None:
        """Drop what was not finished."""
        if self.manifest is not None:
            self.manifest.close()


def _state_read(entry: Entry, kind: str, stored: Stored) -> WalkRow:
    """What the walk says of a file in the state in which it was read; of a directory only that it is there."""
    stat = stored.stat
    if stat is None:
        return entry.path, "directory", 0, 0, 0, 0
    return entry.path, kind, stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode  # type: ignore[return-value]


def _count_files(entries: Sequence[Entry]) -> int:
    return sum([entry.kind != "directory" for entry in entries])


def _link_bytes(path: str) -> bytes:
    with disk_errors(path, "read"):
        return os.fsencode(os.readlink(path))
