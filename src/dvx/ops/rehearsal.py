"""`--dry-run`: what a command would do, from the plan that it has made, at the moment before it would begin.

Owns the words for plans, and how a command ends that only rehearses. Changes nothing: caches are copies in a temporary
folder (Project.rehearsal), and locks are not taken.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.add_targets import AddPlan
    from dvx.ops.checkout import CheckoutPlan
    from dvx.ops.fetch import FetchPlan
    from dvx.ops.project import Project
    from dvx.ops.push import PushPlan
    from dvx.ops.steps import Step
    from dvx.ops.written_out import OutPlan
    from dvx.repo.pointers import TrackedPointer
    from dvx.repo.targets import Target

# Of the files of a directory; more are counted.
_MOST_NAMED = 20


class Rehearsed(Exception):
    """The plan is made and would now be carried out; `steps` say what that is."""

    def __init__(self, steps: Iterable[str]) -> None:
        self.steps = tuple(steps)
        super().__init__("; ".join(self.steps))


def tell_foretold(project: "Project") -> None:
    """End a command that only rehearses and has foretold something; others, and those with nothing to do, go on."""
    if project.foretold:
        raise Rehearsed(project.foretold)


def scratch_copy(path: str, folder: str) -> str:
    """A copy of a cache in `folder`, which may be changed; the path of the copy."""
    copy = os.path.join(folder, os.path.basename(path))
    for ending in ("", "-wal"):  # what SQLite has not taken into the file itself is in the second
        if os.path.exists(path + ending) and not os.path.exists(copy + ending):
            shutil.copyfile(path + ending, copy + ending)
    return copy


def steps_of_add(plan: "AddPlan") -> Iterator[str]:
    """What would be stored, and which pointers would be written."""
    for target in plan.targets:
        what = "new" if target.pointer is None else "again, as far as it changed"
        names = (
            f" ({', '.join(f'`{name}`' for name in sorted(target.named)[:_MOST_NAMED])})"
            if target.named
            else ""
        )
        yield f"store `{target.path}`{names} and write `{target.path}.dvx` ({target.kind}, {what})"


def steps_of_push(plan: "PushPlan") -> Iterator[str]:
    """What would be sent."""
    if plan.transfer is not None and plan.transfer.roots:
        count = len(plan.transfer.roots)
        size = format_size(plan.transfer.size_bytes)
        yield f"push {count} version{'s' * (count != 1)} of data to `{plan.remote.location}`: {size} to send"
    for item in plan.missing:
        yield f"fail for `{item.path}`, whose data is neither here nor there"


def steps_of_first_push(tracked: "Sequence[TrackedPointer]", place: str) -> Iterator[str]:
    """What would be sent to a place that is no store yet."""
    yield f"make a store at `{place}`"
    size = sum(item.pointer.size for item in tracked)
    yield f"push {len({item.pointer.id for item in tracked})} versions of data to it, {format_size(size)} uncompressed"


def steps_of_fetch(plan: "FetchPlan") -> Iterator[str]:
    """What would be received."""
    if plan.remote is not None and plan.transfer.roots:
        count = len(plan.transfer.roots)
        yield f"fetch {count} version{'s' * (count != 1)} of data: {format_size(plan.transfer.size_bytes)} to receive"
    for item in plan.missing:
        yield f"fail for `{item.path}`, whose data the remote does not have"


def steps_of_pull(plan: "FetchPlan", targets: "Sequence[Target]") -> Iterator[str]:
    """What would be received, and then be checked out."""
    yield from steps_of_fetch(plan)
    names = [f"`{target.tracked.path}`" for target in targets]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    yield f"check out {', '.join(names[:_MOST_NAMED])}{more}"


def steps_of_checkout(plan: "CheckoutPlan") -> Iterator[str]:
    """Which files would be written and removed."""
    for change in plan.changes:
        if change.write:
            count = len(change.write)
            yield f"write {count} file{'s' * (count != 1)} of `{change.tree.path}`, {format_size(change.size_bytes)}"
        for path in change.remove[:_MOST_NAMED]:
            yield f"remove `{path}`"
        if len(change.remove) > _MOST_NAMED:
            yield f"remove {len(change.remove) - _MOST_NAMED} more of `{change.tree.path}`"


def steps_of_get(plans: "Sequence[OutPlan]", out: str) -> Iterator[str]:
    """Which files would be written below `out`, and which of them are there already."""
    files = [file for plan in plans for file in plan.write]
    if files:
        size = format_size(sum(plan.size_bytes for plan in plans))
        yield f"write {len(files)} file{'s' * (len(files) != 1)} below `{out}`, {size}"
    there = [file.path for file in files if os.path.lexists(os.path.join(out, file.path))]
    for path in there[:_MOST_NAMED]:
        yield f"replace `{os.path.join(out, path)}`"
    if len(there) > _MOST_NAMED:
        yield f"replace {len(there) - _MOST_NAMED} more"
    folders = {os.path.join(out, folder) for plan in plans for folder in plan.folders}
    count = sum(not os.path.isdir(folder) for folder in folders)
    if count:
        yield f"make {count} empty folder{'s' * (count != 1)} below `{out}`"


def steps_of_intention(steps: "Sequence[Step]") -> Iterator[str]:
    """What an intention would do, without what only dvx takes notice of."""
    from dvx.ops.data_steps import CheckOut, RemoveData
    from dvx.ops.steps import MoveData, SetIgnore, StageFiles, WriteFile

    for step in steps:
        match step:
            case MoveData():
                yield f"move `{step.source}` to `{step.target}`"
            case CheckOut():
                names = [f"`{target.tracked.path}`" for target in step.targets]
                more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
                yield f"check out {', '.join(names[:_MOST_NAMED])}{more}"
            case RemoveData():
                count = len(step.files)
                yield f"remove {count} file{'s' * (count != 1)} of `{step.tracked.path}` from the workspace"
            case WriteFile():
                yield f"{'remove' if step.after is None else 'write'} `{step.path}`"
            case SetIgnore():
                yield f"{'add a line to' if step.is_added else 'take a line out of'} `.gitignore`"
            case StageFiles():
                yield f"stage {', '.join(f'`{path}`' for path in step.paths[:_MOST_NAMED])}"
