"""Commands that change pointers, as one list of steps that is written down before the first of them.

Owns the order: write the intention, do the steps, remove it; and the undo where one of them is refused. What a killed
command leaves is finished by dvx.ops.recovery. Must not know what single steps do.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dvx.core.errors import DvxError
from dvx.core.paths import check_stored_path
from dvx.ops.project import Project
from dvx.ops.steps import Remember, StageFiles, Step, step_from
from dvx.repo.intention_file import remove_intention, write_intention


@dataclass(frozen=True, slots=True)
class Intention:
    """What one command is about to do.

    `command` is the command line that says the same, `trees` are data paths in whose folders it may leave temporary
    files, `head` is the branch or commit that it is about.
    """

    command: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    trees: tuple[str, ...] = ()
    head: str = ""

    def fields(self) -> dict[str, Any]:
        """The form in the intention file."""
        return {
            "command": list(self.command),
            "steps": [step.fields() for step in self.steps],
            "trees": list(self.trees),
            "head": self.head,
        }


def intention_from(fields: Mapping[str, Any]) -> Intention:
    """Read an intention. Raises ValueError, KeyError, TypeError, AttributeError or DvxError for what no dvx wrote."""
    trees = tuple(map(str, fields["trees"]))
    for tree in trees:
        check_stored_path(tree)
    steps = tuple(step_from(step) for step in fields["steps"])
    return Intention(tuple(map(str, fields["command"])), steps, trees, str(fields["head"]))


def carry_out(
    project: Project,
    command: Sequence[str],
    steps: Sequence[Step],
    *,
    affected: str,
    trees: Sequence[str] = (),
) -> None:
    """Do all of `steps`. Call it with the lock of the workspace held.

    Where one is refused, those before it are undone, as far as they can be, and its error is raised, with `affected`
    if nothing is left of it.
    """
    if project.rehearsal is not None:
        from dvx.ops.rehearsal import Rehearsed, steps_of_intention  # only for `--dry-run`

        project.foretold += steps_of_intention(steps)
        raise Rehearsed(project.foretold)
    if all(isinstance(step, StageFiles | Remember) for step in steps):
        for step in steps:  # the files are as they shall be, so running the command again is all it takes
            step.apply(project, since_ns=None)
        return
    intention = Intention(tuple(command), tuple(steps), tuple(trees), head_of(project))
    with _written(project, intention):
        _do(project, intention.steps, affected=affected)


@contextmanager
def _written(project: Project, intention: Intention) -> Iterator[None]:
    path = project.repository.intention_path
    write_intention(path, intention.fields(), durable=True)
    project.has_intention = True
    try:
        yield
    except _Unfinished as error:
        raise error.cause from None
    except BaseException:
        remove_intention(path)
        raise
    else:
        remove_intention(path)
    finally:
        project.has_intention = False


class _Unfinished(BaseException):
    """The command ends, and what it was about to do is left to the next one."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


def _do(project: Project, steps: Sequence[Step], *, affected: str) -> None:
    for count, step in enumerate(steps):
        try:
            step.apply(project, since_ns=None)
        except BaseException as error:
            sealed = max((number for number in range(count) if steps[number].seals), default=-1)
            undo_steps(project, [each for each in steps[sealed + 1 : count + 1] if not each.seals])
            if sealed >= 0 and not isinstance(error, DvxError):
                raise _Unfinished(error) from error
            if sealed < 0 and isinstance(error, DvxError):
                error.affected = affected
            raise


def undo_steps(project: Project, steps: Sequence[Step]) -> list[DvxError]:
    """Undo steps, the last one first; returns what was refused."""
    refused = []
    for step in reversed(steps):
        try:
            step.undo(project)
        except DvxError as error:
            refused.append(error)
    return refused


def head_of(project: Project) -> str:
    """What HEAD says: the name of a branch, or a commit. An intention is about the branch that it was written on."""
    with suppress(OSError), open(os.path.join(project.repository.git_dir, "HEAD"), "rb") as file:
        return file.read(4096).decode("utf-8", "surrogateescape").strip()
    return ""
