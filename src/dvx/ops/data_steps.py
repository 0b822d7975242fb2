"""The steps that change data in the workspace: remove it, or bring it to a pointer. They cannot be undone.

Owns what is left alone where an interrupted command is finished later: whatever somebody changed since then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dvx.core.errors import DvxError, name_some
from dvx.core.paths import check_stored_path
from dvx.core.shell_words import quote
from dvx.disk.walk import WalkEntry
from dvx.formats.pointer import format_pointer, parse_pointer
from dvx.ops.checkout import TreeChange, plan_checkout, run_checkout
from dvx.ops.differences import find_differences
from dvx.ops.project import Project
from dvx.ops.removal import delete_files
from dvx.ops.selection import tracked_tree, trees_to_check_out
from dvx.ops.sources import DataSource, local_sources, missing_locally, partial_local_runs
from dvx.ops.steps import Step
from dvx.repo.pointers import TrackedPointer, pointer_path_of
from dvx.repo.targets import Target


@dataclass(frozen=True, slots=True)
class RemoveData:
    """Remove the data of a pointer. `newest_ns` is the time of its newest file when that was decided.

    `files` is what was found then, and is not written down: a command that is finished later looks again.
    """

    tracked: TrackedPointer
    newest_ns: int
    files: Mapping[str, WalkEntry] = field(default_factory=dict, compare=False)
    seals: ClassVar[bool] = True

    def apply(self, project: Project, *, since_ns: int | None) -> None:
        """Remove the files, and later those that are not newer than they were."""
        if since_ns is None:
            self._say_kept(project, delete_files(project, [*self.files], self.files))
            return
        tree = tracked_tree(project, self.tracked)
        with project.local_pages() as pages:
            found = list(tree.walk(tree.ignoring(pages)))
        kept = {path for path, entry in found if entry.kind != "directory" and newest(entry) > self.newest_ns}
        # The folder itself, too: its files may all have been removed before.
        seen = dict(found)
        again = delete_files(project, [*(path for path in seen if path not in kept), tree.path], seen)
        self._say_kept(project, [*kept, *again])

    def _say_kept(self, project: Project, kept: Iterable[str]) -> None:
        if names := sorted(kept):
            project.reporter.note(f"{name_some(names)}: changed since, and left in the workspace")

    def undo(self, project: Project) -> None:
        """Nothing can bring it back but `dvx pull`."""

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {"do": "remove-data", "target": _target_fields(Target(self.tracked)), "newest": self.newest_ns}

    def folders(self) -> list[str]:
        """Removing leaves nothing."""
        return []


@dataclass(frozen=True, slots=True)
class CheckOut:
    """Bring the workspace to pointers. `run` does it for the command itself, and is not written down."""

    targets: tuple[Target, ...]
    is_forced: bool
    run: Callable[[], object] = field(compare=False)
    seals: ClassVar[bool] = True

    def apply(self, project: Project, *, since_ns: int | None) -> None:
        """Write the data; later from the local store, and without giving up what was changed since."""
        if since_ns is None:
            self.run()
            return
        for target in self.targets:
            try:
                self._finish(project, target, since_ns)
            except DvxError as error:
                path = target.tracked.path
                hint = f"`dvx checkout {quote(path)}` tells more"
                project.reporter.note(f"`{path}` was not checked out: {error.what}; {hint}")

    def _finish(self, project: Project, target: Target, since_ns: int) -> None:
        source = local_sources(project, [target.tracked]).get(target.tracked.pointer.id)
        trees = trees_to_check_out(project, [target], keeps_parts=True)
        if source is None and not trees[0].wanted:
            raise missing_locally([target.tracked])
        with project.local_pages() as pages:
            is_forced = self.is_forced and not any(
                each.found is not None and newest(each.found) > since_ns
                for each in find_differences(project, trees[0], pages)
                if each.found is not None
            )
            plan = plan_checkout(project, trees, force=is_forced, pages=pages)

        def find_source(change: TreeChange) -> DataSource:
            found = source or partial_local_runs(project, change.tracked, None, change.write.spans())
            if found is None:
                raise missing_locally([change.tracked])
            return found

        run_checkout(project, plan, find_source)

    def undo(self, project: Project) -> None:
        """What was there before is in the stores, and `dvx checkout` knows what it was."""

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        targets = [_target_fields(target) for target in self.targets]
        return {"do": "check-out", "targets": targets, "forced": self.is_forced}

    def folders(self) -> list[str]:
        """Beside the data; what is in it, is searched as a tree."""
        return [target.tracked.path.rpartition("/")[0] for target in self.targets]


def newest(entry: WalkEntry) -> int:
    """The later of the two times of a file: a copy can bring an old time of writing along."""
    return max(entry.mtime_ns, entry.ctime_ns)


def data_step_from(kind: str, fields: Mapping[str, Any]) -> Step:
    """Read one step; raises as dvx.ops.steps.step_from."""
    if kind == "remove-data":
        return RemoveData(_target(fields["target"]).tracked, int(fields["newest"]))
    if kind == "check-out":
        return CheckOut(tuple(map(_target, fields["targets"])), bool(fields["forced"]), run=_is_not_run)
    raise ValueError(f"no step is called {kind!r}")


def _target_fields(target: Target) -> dict[str, Any]:
    pointer = format_pointer(target.tracked.pointer).decode("utf-8")
    return {"path": target.tracked.path, "pointer": pointer, "inside": list(target.inside)}


def _target(fields: Mapping[str, Any]) -> Target:
    path = fields["path"]
    check_stored_path(path)
    pointer = parse_pointer(fields["pointer"].encode("utf-8"), name=path)
    return Target(TrackedPointer(path, pointer_path_of(path), pointer), tuple(map(str, fields["inside"])))


def _is_not_run() -> None:
    """Stands for the command that was interrupted."""
