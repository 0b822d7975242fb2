"""Whether a remote has everything that pointers name, without downloading the data.

Owns the report. Existence and sizes are dvx.store.presence, the sampled reading is dvx.store.sampling. Must not write
to the remote.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dvx.backends.backend import ObjectNotFound
from dvx.core.errors import DataMissing, DvxError
from dvx.ops.project import Project
from dvx.ops.sources import root_data
from dvx.repo.pointers import TrackedPointer
from dvx.store.presence import Presence, PresenceState, find_presence, is_damage
from dvx.store.sampling import Sample, Sampled, read_sample
from dvx.store.store import Store


@dataclass(slots=True)
class RootCheck:
    """One tracked path on a remote. `problem` says what a sampled reading found wrong, `hints` what mends it."""

    tracked: TrackedPointer
    state: PresenceState
    packs: int = 0
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    sampled: Sampled | None = None
    problem: str | None = None
    hints: tuple[str, ...] = ()


@dataclass(slots=True)
class RemoteCheck:
    """A remote by name and address (as configured: it may hold a password), and what it has of each path."""

    name: str
    url: str
    roots: list[RootCheck] = field(default_factory=list)
    objects: int = 0
    size_bytes: int = 0

    def lacking(self, *states: PresenceState) -> list[RootCheck]:
        """The paths in any of these states."""
        return [root for root in self.roots if root.state in states]


def verify_remote(
    project: Project, tracked: Sequence[TrackedPointer], *, remote_name: str | None, sample: Sample | None
) -> RemoteCheck:
    """Ask a remote for every object of every root. A remote that was never pushed to has nothing.

    Raises NotFound where no remote is configured, CredentialsError, BackendUnreachable, and DataMissing (kind
    "store-vanished").
    """
    config = project.remote_config(remote_name)
    check = RemoteCheck(config.name, config.url)
    roots = list({item.pointer.id: root_data(item) for item in tracked}.values())
    try:
        remote = project.remote(remote_name, roots=[root.id for root in roots])
    except DataMissing as error:
        if error.kind != "empty-remote":
            raise
        check.roots = [RootCheck(item, PresenceState.ABSENT) for item in tracked]
        return check
    found = find_presence(remote, roots, jobs=project.transfers)
    _count_objects(check, found)
    checks: dict[bytes, RootCheck] = {}
    for item in tracked:
        root = item.pointer.id
        if root not in checks:
            checks[root] = _check_root(project, remote, item, found[root], sample)
        check.roots.append(replace(checks[root], tracked=item))
    return check


def _count_objects(check: RemoteCheck, found: dict[bytes, Presence]) -> None:
    packs = {
        pack.name: pack.size
        for presence in found.values()
        if presence.placement is not None
        for pack in presence.placement.packs
    }
    check.objects, check.size_bytes = len(packs), sum(packs.values())


def _check_root(
    project: Project, remote: Store, tracked: TrackedPointer, presence: Presence, sample: Sample | None
) -> RootCheck:
    check = RootCheck(tracked, presence.state, presence.packs, presence.missing, presence.damaged)
    if sample is None or presence.placement is None or presence.state is not PresenceState.COMPLETE:
        return check
    try:
        check.sampled = read_sample(remote, presence.placement, sample, jobs=project.transfers)
    except ObjectNotFound as error:
        check.state, check.problem = PresenceState.INCOMPLETE, error.what
    except DvxError as error:
        if not is_damage(error):
            raise
        check.state, check.problem, check.hints = PresenceState.DAMAGED, error.what, error.hints
    return check
