"""What every use case needs of one clone: its configuration, local store, remotes, caches and lock.

Owns opening and closing them, each only when it is first asked for. Must not hold logic of a use case.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from dvx.core.errors import DvxError, IntegrityError, NotFound, UsageError
from dvx.core.progress import Reporter
from dvx.disk.atomic import disk_errors
from dvx.repo.config import Config, load_config
from dvx.repo.git import Git
from dvx.repo.repository import Repository

if TYPE_CHECKING:
    from dvx.backends.backend import Backend
    from dvx.backends.location import Location
    from dvx.ops.failures import Failures
    from dvx.repo.extents import Extents
    from dvx.repo.remotes import RemoteConfig
    from dvx.repo.stat_cache import StatCache
    from dvx.store.index import ChunkIndex
    from dvx.store.page_reader import PageReader
    from dvx.store.store import Store

# Uploads and downloads wait for the network, so more of them than cores are in flight.
_TRANSFERS_PER_CORE: Final = 4
# Threads that cut, hash and compress give the interpreter lock up every few microseconds and need it back soon;
# with Python's 5 ms an add takes a fifth longer.
_SWITCH_INTERVAL_S: Final = 0.0005
_RETRY_NOTE_EVERY_S: Final = 10.0
_MIN_TRANSFERS: Final = 8
_MAX_TRANSFERS: Final = 32


class Project:
    """One clone, opened for one command. Use as a context manager, from one thread."""

    def __init__(
        self,
        repository: Repository,
        *,
        env: Mapping[str, str],
        overrides: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        """`overrides` are settings given as flags."""
        self.repository = repository
        self.env = env
        self.reporter = reporter
        # Hooks that run with every Git command turn this off: then the local store alone counts.
        self.asks_remotes = True
        self._overrides = overrides
        self._switch_interval_s = sys.getswitchinterval()
        self._stores: dict[str, Store] = {}
        self._backends: dict[str, Backend] = {}
        self._opening = threading.RLock()
        self._retry_said_s = -_RETRY_NOTE_EVERY_S
        self._lent: dict[str, Store] = {}
        # Imported roots that were looked for at their sources by this command.
        self.asked_imports: set[bytes] = set()
        self.rehearsal: str | None = None  # where a command that only rehearses has its caches
        self.foretold: list[str] = []  # what it would have done so far
        # Whether this command has written down what it is about to do (dvx.ops.intentions).
        self.has_intention = False
        # Command lines of interrupted commands that this one has finished.
        self.finished: list[tuple[str, ...]] = []

    def __enter__(self) -> Self:
        self._switch_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        sys.setswitchinterval(self._switch_interval_s)
        unused = [backend for name, backend in self._backends.items() if name not in self._stores]
        for backend in [*unused, *(store.backend for store in self._stores.values())]:
            backend.close()
        for name in ("index", "stat_cache"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def failures(self) -> "Failures":
        """What goes wrong with single paths while the command goes on with the others."""
        from dvx.ops.failures import Failures  # a status of clean data has none

        return Failures()

    @cached_property
    def config(self) -> Config:
        """The settings in force."""
        return load_config(self.repository, env=self.env, overrides=self._overrides)

    @cached_property
    def ignores_mode(self) -> bool:
        """Whether the executable bits of the disk mean nothing, so that those of the pointers count."""
        if os.name == "nt":
            return True  # it has no such bits
        from dvx.repo.file_mode import ignores_file_mode  # not for commands that look at no workspace

        place = self.repository
        return ignores_file_mode(self.git, place.git_dir, place.common_dir, env=self.env)

    @cached_property
    def git(self) -> Git:
        """Git in the work tree."""
        return Git(self.repository.root)

    @cached_property
    def stat_cache(self) -> "StatCache":
        """What the files of this work tree were when they were last read or written."""
        from dvx.repo.stat_cache import StatCache  # 5 ms, with SQLite, that the pre-push hook does without

        on_move = self._mark_moved if self.rehearsal is None else None
        return StatCache.open(self._cache(self.repository.stat_path), on_move=on_move)

    @cached_property
    def extents(self) -> "Extents":
        """What of each tracked directory is wanted here."""
        from dvx.repo.extents import Extents  # not for commands that look at no workspace

        return Extents.of(self.repository, on_move=self._mark_moved)

    def _cache(self, path: str) -> str:
        if self.rehearsal is None:
            return path
        from dvx.ops.rehearsal import scratch_copy  # only for `--dry-run`

        return scratch_copy(path, self.rehearsal)

    def _mark_moved(self) -> None:
        from dvx.repo.followed import mark_moved  # a status moves nothing

        mark_moved(self.repository)

    @property
    def jobs(self) -> int:
        """Threads for work that keeps a core busy."""
        return self.config.number("core.jobs")

    @property
    def transfers(self) -> int:
        """Requests in flight to a remote."""
        if self.config.origin("core.jobs") != "default":
            return self.jobs
        return max(_MIN_TRANSFERS, min(_MAX_TRANSFERS, self.jobs * _TRANSFERS_PER_CORE))

    @cached_property
    def index(self) -> "ChunkIndex":
        """The chunk index, shared by the worktrees of the repository."""
        from dvx.store.index import (
            ChunkIndex,  # blake3, zstd and the chunker: not for commands that read no data
        )

        return ChunkIndex(self._cache(self.repository.index_path))

    @property
    def store_path(self) -> str:
        """The folder of the local store; a command that only rehearses makes none."""
        configured = os.path.expanduser(self.config.text("store.path") or self.repository.default_store_path)
        place = os.path.join(self.repository.base_folder, configured)
        return place if self.rehearsal is None or os.path.isdir(place) else f"{self.rehearsal}/store"

    @property
    def has_local_roots(self) -> bool:
        """Whether the local store has data that a pointer could name; in CI, one that a cache restored has."""
        path = os.path.join(self.store_path, "roots")
        return os.path.isdir(path) and bool(os.listdir(path))

    @cached_property
    def local(self) -> "Store":
        """The local store, made if need be."""
        from dvx.store.store import open_store

        folder = os.path.join(self.rehearsal or self.store_path, "tmp")
        backend = self._local_backend()
        store = open_store(backend, self.index, temporary_folder=folder, create=True, is_remote=False)
        self._stores["."] = store
        if not self.index.has_learnt(store.id):
            from dvx.store.learning import learn_packs  # once in the life of an index

            learn_packs(store, jobs=self.jobs)
        return store

    @property
    def foretells(self) -> list[str] | None:
        """What collects the changes that a rehearsal would make; None where they are made."""
        return self.foretold if self.rehearsal is not None else None

    def _local_backend(self) -> "Backend":
        if self.rehearsal is None:
            from dvx.backends.folder import FolderBackend

            return FolderBackend(self.store_path)
        from dvx.backends.overlay import OverlayBackend  # only for `--dry-run`

        return OverlayBackend(self.store_path, os.path.join(self.rehearsal, "written"))

    def remote_config(self, name: str | None) -> "RemoteConfig":
        """The named remote, or the default one. NotFound (kind `offline`) where no remote may be asked."""
        if not self.asks_remotes:
            raise NotFound("no remote is asked here", kind="offline")
        from dvx.repo.remotes import default_remote  # 1 ms that commands without a remote do not need

        return default_remote(self.config, self.repository, name)

    def remote(self, name: str | None, *, create: bool = False, roots: Sequence[bytes] = ()) -> "Store":
        """Open a remote store; `create` writes its marker if the place is still empty.

        `roots` are those whose records will be wanted next: where the store is not open yet, that saves a round trip.
        After `prepare_remote` this may be called from any thread.
        """
        from dvx.store.store import open_store

        if name is not None and name in self._lent:
            return self._lent[name]
        remote = self.remote_config(name)
        with self._opening:
            if remote.name not in self._stores:
                if create := create and self.rehearsal is None:
                    self.check_place(remote)
                self._stores[remote.name] = open_store(
                    self._backend(remote),
                    self.index,
                    temporary_folder=os.path.join(self.rehearsal or self.store_path, "tmp"),
                    create=create,
                    roots=roots,
                    name=remote.name,
                )
            return self._stores[remote.name]

    def prepare_remote(self, name: str | None) -> None:
        """Get ready to open a remote, without a request: clients of S3 are made in the main thread only."""
        self._backend(self.remote_config(name))

    def _backend(self, remote: "RemoteConfig") -> "Backend":
        with self._opening:
            if remote.name not in self._backends:
                self._backends[remote.name] = self.open_backend(remote)
            return self._backends[remote.name]

    @contextmanager
    def lending(self, name: str, store: "Store") -> Iterator[None]:
        """Let `store` be the remote `name`, which no configuration can have, for the length of the context."""
        self._lent[name] = store
        try:
            yield
        finally:
            del self._lent[name]

    @property
    def shown_root(self) -> str:
        """What messages call the repository."""
        return self.repository.root

    def check_place(self, remote: "RemoteConfig") -> None:
        """Raise PathRefused for a remote that is a folder among what the repository itself keeps."""
        location = self._location(remote)
        if location.kind != "folder":
            return
        from dvx.ops.remote_places import check_place  # for what writes to folders only

        check_place(self, location, name=remote.name)

    def _location(self, remote: "RemoteConfig") -> "Location":
        from dvx.backends.location import parse_location

        try:
            return parse_location(remote.url, base_dir=self.repository.base_folder)
        except UsageError as error:
            error.what = f"remote `{remote.name}` in {remote.origin}: {error.what}"
            error.affected = "nothing was read or written there"
            error.hints = (*error.hints, f"set it: `dvx remote add --force {remote.name} ADDRESS`")
            raise

    def open_backend(self, remote: "RemoteConfig") -> "Backend":
        """The backend of a remote; says so once when a committed address is used here for the first time."""
        from dvx.backends.location import open_backend
        from dvx.repo.trust import announce_endpoint

        location = self._location(remote)
        shown = replace(self.repository, root=self.shown_root)
        notice = announce_endpoint(shown, remote, env=self.env, remembers=self.rehearsal is None)
        if notice:
            self.reporter.note(notice)
        deadline_s = float(self.config.number("network.retry_deadline_s"))

        def say_retry(error: DvxError, left_s: float) -> None:
            # Many threads may fail many times a second; a person wants to know now and then.
            if time.monotonic() - self._retry_said_s >= _RETRY_NOTE_EVERY_S:
                self._retry_said_s = time.monotonic()
                self.reporter.note(f"{error.what}; trying again for up to {left_s:.0f} s")

        return open_backend(
            location, remote.options, jobs=self.transfers, deadline_s=deadline_s, on_retry=say_retry
        )

    def pages(self, remote_name: str | None = None) -> "PageReader":
        """A reader of manifests that asks the remote for pages which are not here."""
        from dvx.store.page_reader import PageReader

        def open_remote() -> "Store | None":
            if remote_name in self._lent:
                return self.remote(remote_name)
            try:
                self.remote_config(remote_name)
            except (NotFound, UsageError):
                return None
            return self.remote(remote_name)

        return PageReader(lambda: self.local, open_remote)

    def local_pages(self) -> "PageReader":
        """A reader of manifests that asks no remote."""
        from dvx.store.page_reader import PageReader

        return PageReader(lambda: self.local, lambda: None)

    @contextmanager
    def setting_damage_aside(self) -> Iterator[None]:
        """If damage is found in a pack of the local store, move the pack away, so that it can be fetched again.

        The pack is kept under `damaged/` in the store; the error goes on to the caller.
        """
        try:
            yield
        except IntegrityError as error:
            from dvx.store.damage import DamagedPack

            if isinstance(error, DamagedPack) and error.pack and not error.is_remote and not self.rehearsal:
                self._set_aside(error.pack)
            raise

    def _set_aside(self, pack: bytes) -> None:
        from dvx.formats.layout import pack_key

        source = os.path.join(self.store_path, *pack_key(pack).split("/"))
        folder = os.path.join(self.store_path, "damaged")
        with disk_errors(source, "move"):
            os.makedirs(folder, exist_ok=True)
            with suppress(FileNotFoundError):  # another command found it, too
                os.replace(source, os.path.join(folder, pack.hex()))
        self.index.drop_hold(self.local.id, [pack])

    @contextmanager
    def workspace_lock(self, *, at_most_s: float | None = None) -> Iterator[None]:
        """Hold the lock of commands that change the work tree; Busy after `core.lock_timeout_s`, or `at_most_s`.

        What a command that was killed has left is finished first. Raises GitError where that has to wait for Git.
        """
        with self._lock(self.repository.lock_path, "the workspace", at_most_s=at_most_s):
            if os.path.lexists(self.repository.intention_path) and self.rehearsal is None:
                from dvx.ops.recovery import finish_interrupted  # only after a kill

                finish_interrupted(self)
            yield

    @contextmanager
    def push_lock(self, remote: "RemoteConfig", *, at_most_s: float | None = None) -> Iterator[None]:
        """Hold the lock of pushes from this repository to one remote; waits as workspace_lock does."""
        path = os.path.join(self.repository.state_dir, f"push-{remote.name.encode().hex()[:64]}.lock")
        with self._lock(path, f"the remote `{remote.name}`", at_most_s=at_most_s):
            yield

    @contextmanager
    def _lock(self, path: str, what: str, *, at_most_s: float | None = None) -> Iterator[None]:
        if self.rehearsal is not None:
            yield
            return
        with disk_errors(os.path.dirname(path), "create"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        timeout_s = float(self.config.number("core.lock_timeout_s"))
        if at_most_s is not None:
            timeout_s = min(timeout_s, at_most_s)

        def say_wait() -> None:
            self.reporter.note(f"waiting for another dvx command that uses {what}")

        from dvx.disk.lock import hold_lock  # 0.7 ms that a status does without

        with hold_lock(path, timeout_s=timeout_s, describe=what, on_wait=say_wait if timeout_s else None):
            yield
