"""`dvx add --push`: packs are uploaded while later ones are still being made, an ordinary push does the rest.

Owns when the early uploads start and end. What they bring about is only that the push finds most packs on the
remote: it asks for every object, writes the records last and looks for collections after them, as always.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from dvx.core.errors import Busy
from dvx.ops.add import AddResult
from dvx.ops.add_targets import AddPlan
from dvx.ops.project import Project
from dvx.ops.push import OLDER_VERSIONS, PushResult, learn_roots, push, push_locked
from dvx.repo.pointers import TrackedPointer, pointer_path_of
from dvx.repo.recent_pointers import older_roots
from dvx.store.early_upload import EarlyUploads
from dvx.store.pack_sink import SealedListener
from dvx.store.store import Store


@contextmanager
def pushing_ahead(project: Project, *, remote_name: str | None) -> Iterator["PushAhead"]:
    """Push what is added in the block while it is added; the caller ends with `PushAhead.finish`.

    A remote that is not set up is refused here, before anything is added. Leaving the block by an error ends the
    uploads; packs that went up stay, and the next push uses them.
    """
    remote = project.remote_config(remote_name)
    with ExitStack() as stack:
        try:
            stack.enter_context(project.push_lock(remote, at_most_s=0))
            is_locked = True
        except Busy:
            is_locked = False  # another push is under way; this one follows it when the add is done
        ahead = PushAhead(project, remote_name, is_locked=is_locked)
        try:
            yield ahead
        except BaseException as error:
            ahead.stop(waits=not isinstance(error, KeyboardInterrupt))
            raise
        ahead.stop(waits=True)


class PushAhead:
    """The push of one add."""

    def __init__(self, project: Project, remote_name: str | None, *, is_locked: bool) -> None:
        self._project = project
        self._remote_name = remote_name
        self._is_locked = is_locked
        self._uploads: EarlyUploads | None = None

    def start(self, plan: AddPlan) -> SealedListener | None:
        """Get ready for the packs of this add; returns what is to be told of them, if anything is."""
        if not self._is_locked:
            return None
        project = self._project
        local = project.local  # opened here: it is not made for being opened by a thread
        project.prepare_remote(self._remote_name)
        self._uploads = EarlyUploads(local, lambda: self._open_remote(plan), jobs=project.transfers)
        return self._uploads.take

    def _open_remote(self, plan: AddPlan) -> Store:
        """The remote, and what it has of earlier versions known, so that nothing of them is sent again."""
        project = self._project
        remote = project.remote(self._remote_name, create=True)
        older: list[bytes] = []
        before = [target.pointer.id for target in plan.targets if target.pointer is not None]
        local = project.local.complete_placements(before, jobs=1)
        for target in plan.targets:
            placement = local.get(target.pointer.id) if target.pointer is not None else None
            names = [pack.name for pack in placement.packs] if placement is not None else []
            if placement is None or len(remote.index.held_packs(remote.id, names)) < len(names):
                older.extend(older_roots(project.git, pointer_path_of(target.path), limit=OLDER_VERSIONS))
        learn_roots(project, remote, older)
        return remote

    def finish(self, result: AddResult) -> PushResult:
        """Wait for the uploads, then push the added paths. Raises what `push` raises; the add stays done."""
        tracked = [
            TrackedPointer(added.path, pointer_path_of(added.path), added.pointer) for added in result.added
        ]
        if self._uploads is None:
            return push(self._project, tracked, remote_name=self._remote_name)
        early = self._uploads.finish(self._project.reporter)
        pushed = push_locked(self._project, tracked, remote_name=self._remote_name)
        return replace(
            pushed, size_bytes=pushed.size_bytes + early.size_bytes, packs=pushed.packs + early.packs
        )

    def stop(self, *, waits: bool) -> None:
        """End the uploads; harmless when they have ended."""
        if self._uploads is not None:
            self._uploads.stop(waits=waits)
