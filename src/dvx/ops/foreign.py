"""Another repository, opened for reading at one commit: its pointers, its remote, its listings.

Owns the choice of the store that its data is read from, and the temporary folder that everything is kept in. Must not
write anything that outlives the context, and never changes the other repository.
"""

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from dvx.backends.folder import FolderBackend
from dvx.core.errors import DataMissing, GitError, NotFound, UsageError, name_some
from dvx.core.ids import short_git_id
from dvx.core.progress import Reporter
from dvx.disk.temporary import temporary_folder
from dvx.formats.layout import MARKER_KEY
from dvx.formats.placement import Placement
from dvx.ops.project import Project
from dvx.ops.sources import DataSource, Span, check_fits, expect_roots, remote_source
from dvx.repo.git_address import GitAddress
from dvx.repo.git_source import SourceCommit, open_commit
from dvx.repo.pointers import TrackedPointer
from dvx.repo.remotes import RemoteConfig, default_remote
from dvx.repo.repository import Repository
from dvx.repo.targets import Target, is_pattern, resolve_targets
from dvx.store.index import ChunkIndex
from dvx.store.page_reader import PageReader
from dvx.store.runs import packs_within
from dvx.store.store import Store, open_store

IsWanted = Callable[[str], bool]


class ForeignProject(Project):
    """What is needed of the other repository, with caches in a temporary folder."""

    def __init__(
        self,
        source: SourceCommit,
        folder: str,
        *,
        env: Mapping[str, str],
        overrides: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        """`folder` has the committed configuration in it, if there is one."""
        state = os.path.join(folder, "state")
        repository = Repository(root=folder, git_dir=state, common_dir=state)
        super().__init__(repository, env=env, overrides=overrides, reporter=reporter)
        self._source = source

    @cached_property
    def index(self) -> ChunkIndex:
        """The chunk index, which nobody needs after this command: it is not flushed to the disk."""
        return ChunkIndex(self.repository.index_path, durable=False)

    @property
    def store_path(self) -> str:
        """The folder of the listings that were read; settings for the person's own stores do not count here."""
        return self.repository.default_store_path

    def tracked_paths(self) -> list[str]:
        """All data paths of that repository at the commit."""
        return self._source.tracked_paths()

    @property
    def shown_root(self) -> str:
        """What messages call the repository."""
        return self._source.address.shown

    def remote_config(self, name: str | None) -> RemoteConfig:
        """The named remote of that repository, or its default one; relative folders count from where it is."""
        place = self._source.place
        try:
            base = Repository(root=place or self.repository.root, git_dir="", common_dir="")
            remote = default_remote(self.config, base, name)
        except NotFound as error:
            raise NotFound(
                f"{error.what} in `{self.shown_root}` at commit {short_git_id(self._source.commit)}",
                affected="no data was read",
                hints=["name one for this command: `DVX_REMOTE_ORIGIN_URL=s3://BUCKET/PREFIX dvx ...`"],
                kind=error.kind,
            ) from error
        url = self.config.text(f"remote.{remote.name}.url") or ""
        if place is None and "://" not in url and not os.path.isabs(os.path.expanduser(url)):
            raise UsageError(
                f"the remote `{remote.name}` of `{self.shown_root}` is the folder `{url}` relative to the "
                "repository, which is not on this machine",
                affected="no data was read",
                hints=[f"say where it is here: `DVX_REMOTE_{remote.name.upper()}_URL=FOLDER dvx ...`"],
                kind="remote-not-here",
            )
        return remote


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another repository at a commit. `pointers` are those that were wanted, by path."""

    address: GitAddress
    commit: str
    pointers: Sequence[TrackedPointer]
    project: ForeignProject
    own_store: Store | None

    def targets(self, path: str) -> list[Target]:
        """What `path` means there, as a target of `dvx pull` does. Raises NotFound (kind `not-tracked`)."""
        try:
            return resolve_targets(self.pointers, [path] if path else [])
        except NotFound as error:
            raise NotFound(
                f"`{path}` is not tracked by dvx in `{self.address.shown}` at commit {short_git_id(self.commit)}",
                affected="nothing was written",
                hints=[hint for hint in error.hints if hint.startswith("did you mean")]
                or [self._tracked_hint(path)],
                kind=error.kind,
            ) from error

    def _tracked_hint(self, path: str) -> str:
        paths = self.project.tracked_paths()
        if not paths:
            return "no data is tracked there at that commit; name another one: `--rev REV`"
        similar = get_close_matches(path, paths, n=3)
        return (
            f"did you mean {name_some(similar)}?" if similar else f"what is tracked there: {name_some(paths)}"
        )

    def store(self, tracked: TrackedPointer, remote_name: str | None) -> Store:
        """The store to read a root from: that of a repository on this machine if it has all of it, else the remote.

        A remote that is named is taken in any case.
        """
        return self.stores([tracked], remote_name)[0]

    def stores(self, tracked: Sequence[TrackedPointer], remote_name: str | None) -> list[Store]:
        """The store of each root, as `store` says."""
        roots = list(dict.fromkeys(each.pointer.id for each in tracked))
        complete: dict[bytes, Placement] = {}
        if self.own_store is not None and remote_name is None:
            expect_roots(self.own_store, tracked)
            complete = self.own_store.complete_placements(roots, jobs=self.project.jobs)
        rest = [root for root in roots if root not in complete]
        found = []
        for each in tracked:
            if each.pointer.id in complete and self.own_store is not None:
                check_fits(complete[each.pointer.id], each)
                found.append(self.own_store)
            else:
                found.append(self.project.remote(remote_name, roots=rest))
        return found

    def pages(self, store: Store) -> PageReader:
        """A reader of the listings in `store`; use as a context manager."""
        return PageReader(self.project.local, lambda: store)

    def source(self, tracked: TrackedPointer, store: Store) -> DataSource:
        """Where to read the data of a pointer from, without looking at indexes of packs. Raises DataMissing."""
        return remote_source(self.project, tracked, store, spans=())

    def sources(self, wanted: Sequence[tuple[TrackedPointer, Store, Sequence[Span]]]) -> list[DataSource]:
        """Where to read each root from, for these spans of its stream; asked for together. Raises DataMissing."""
        jobs = self.project.transfers
        placements: dict[tuple[int, bytes], list[Placement]] = {}
        for store in {id(store): store for _, store, _ in wanted}.values():
            expect_roots(store, (each for each, own, _ in wanted if own is store))
            roots = list(dict.fromkeys(each.pointer.id for each, own, _ in wanted if own is store))
            for root, found in store.placements(roots, jobs=jobs).items():
                placements[id(store), root] = found
        sources = [
            self._chosen(each, store, placements.get((id(store), each.pointer.id), []))
            for each, store, _ in wanted
        ]
        packs: dict[int, tuple[Store, set[bytes]]] = {}
        for (_, store, spans), source in zip(wanted, sources, strict=True):
            packs.setdefault(id(store), (store, set()))[1].update(packs_within(source.runs, spans))
        for store, names in packs.values():
            store.load_pack_indexes(names, jobs=jobs)
        return sources

    def _chosen(self, tracked: TrackedPointer, store: Store, found: Sequence[Placement]) -> DataSource:
        if len(found) != 1:  # every pack is looked for before one of several is taken
            return remote_source(self.project, tracked, store, spans=(), careful=True)
        check_fits(found[0], tracked)
        return DataSource(store, found[0].runs)


def clean_path(path: str) -> str:
    """A path in another repository as a target: without `./`, doubled and final slashes; "" is everything."""
    cleaned = posixpath.normpath(path)
    return "" if cleaned == "." else cleaned


def near(path: str) -> IsWanted:
    """The data paths that a target may mean: itself, those below it, and those around it."""
    if not path or is_pattern(path):
        return lambda _: True
    return lambda data_path: (
        path in (data_path, data_path + ".dvx")
        or data_path.startswith(path + "/")
        or path.startswith(data_path + "/")
    )


@contextmanager
def open_foreign(
    address: GitAddress,
    rev: str | None,
    *,
    is_wanted: IsWanted,
    env: Mapping[str, str],
    overrides: Mapping[str, str],
    reporter: Reporter,
    may_ask: bool,
    is_typed: bool,
    rehearses: bool = False,
) -> Iterator[Foreign]:
    """Open a repository at a revision (None: its default branch) for the length of the context.

    Only pointers whose data path `is_wanted` are read. `is_typed` tells that a person named the address just now; one
    that a pointer names is trusted less. With `rehearses`, nothing
    is remembered of it. Raises NotFound, UsageError, GitError and FormatError.
    """
    with temporary_folder("dvx-") as folder:
        objects = os.path.join(folder, "git")
        os.mkdir(objects)
        source = open_commit(address, rev, folder=objects, env=env, may_ask=may_ask, is_typed=is_typed)
        pointers, config = source.read(is_wanted)
        if config is not None:
            _write_config(folder, config)
        with ForeignProject(source, folder, env=env, overrides=overrides, reporter=reporter) as project:
            project.rehearsal = folder if rehearses else None
            own_store = _own_store(project, source)
            try:
                yield Foreign(address, source.commit, pointers, project, own_store)
            finally:
                if own_store is not None:
                    own_store.backend.close()


def _write_config(folder: str, config: bytes) -> None:
    os.mkdir(os.path.join(folder, ".dvx"))
    with open(os.path.join(folder, ".dvx", "config.toml"), "wb") as file:
        file.write(config)


def _own_store(project: ForeignProject, source: SourceCommit) -> Store | None:
    """The local store of a repository on this machine, which may have data that was not pushed."""
    if not source.address.is_path or source.place is None:
        return None
    try:
        common = os.fsdecode(source.git.run(["rev-parse", "--git-common-dir"]).rstrip(b"\r\n"))
    except GitError:
        return None
    path = os.path.join(source.address.place or "", common, "dvx", "store")
    if not os.path.isfile(os.path.join(path, *MARKER_KEY.split("/"))):
        return None
    try:
        return open_store(
            FolderBackend(path),
            project.index,
            temporary_folder=os.path.join(project.store_path, "tmp"),
            create=False,
        )
    except DataMissing:
        return None
