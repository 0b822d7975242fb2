"""What a command that was killed leaves: its intention is finished or undone, its temporary files are removed.

Owns the choice between the two, and that an intention which cannot be followed stops no other command. Runs with the
lock of the workspace held, so that nobody else is in the middle of anything.
"""

import os
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress

from dvx.core.errors import Busy, DvxError, GitError
from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.ops.intentions import Intention, head_of, intention_from, undo_steps
from dvx.ops.project import Project
from dvx.ops.steps import StageFiles
from dvx.repo.intention_file import move_intention_aside, read_intention, remove_intention
from dvx.repo.repository import CONFIG_FOLDER


def finish_or_go_on(project: Project) -> None:
    """Finish what was interrupted, for a command of any kind: what is in the way is said, and the command goes on.

    Another command that holds the lock is not dead. Git itself may hold its index for as long as a hook runs.
    """
    if os.path.lexists(os.path.join(project.repository.git_dir, "index.lock")):
        return
    try:
        with project.workspace_lock(at_most_s=0):
            pass
    except Busy:
        return
    except DvxError as error:
        project.reporter.note(f"an interrupted command could not be finished: {error.what}")


def finish_interrupted(project: Project) -> None:
    """Finish or undo the intention that is there, with the lock held.

    Raises GitError (kind `index-locked`) where Git's index is held by another command; then it stays for the next.
    """
    path = project.repository.intention_path
    read = _read(project, path)
    if read is not None:
        intention, since_ns = read
        _remove_temporaries(project, intention)
        project.has_intention = True
        try:
            _settle(project, intention, since_ns)
        finally:
            project.has_intention = False
    remove_intention(path)


def _read(project: Project, path: str) -> tuple[Intention, int] | None:
    try:
        read = read_intention(path)
        return None if read is None else (intention_from(read[0]), read[1])
    except (DvxError, ValueError, KeyError, TypeError, AttributeError):
        aside = move_intention_aside(path)
        project.reporter.note(f"a record of an interrupted command cannot be read; it is now `{aside}`")
        return None


def _settle(project: Project, intention: Intention, since_ns: int) -> None:
    if not intention.steps:
        return
    shown = f"`dvx {shlex.join(intention.command)}`"
    if intention.head != head_of(project):
        _undo(project, intention)
        project.reporter.note(f"{shown} was interrupted on another branch; what it had begun is undone")
        return
    try:
        for step in intention.steps:
            step.apply(project, since_ns=since_ns)
    except DvxError as error:
        if isinstance(error, GitError) and error.kind == "index-locked":
            raise
        _undo(project, intention)
        project.reporter.note(f"{shown} was interrupted, and is undone: {error.what}")
        return
    project.finished.append(intention.command)
    project.reporter.note(f"{shown} was interrupted; it is finished now")


def _undo(project: Project, intention: Intention) -> None:
    files = [step for step in intention.steps if not isinstance(step, StageFiles)]
    staging = [step for step in intention.steps if isinstance(step, StageFiles)]
    # Staging last: it takes what the files are by then.
    for error in [*undo_steps(project, files), *undo_steps(project, staging)]:
        project.reporter.note(f"{error.what}; it was left as it is")


# Temporary files


def _remove_temporaries(project: Project, intention: Intention) -> None:
    folders = {folder for step in intention.steps for folder in step.folders()} | {"", CONFIG_FOLDER}
    folders.update(tree.rpartition("/")[0] for tree in intention.trees)
    found = [name for folder in folders for name in _temporaries_in(project, folder)]
    found += [name for tree in intention.trees for name in _temporaries_below(project, tree)]
    with WorkspaceWriter(project.repository.root) as writer:
        for name in found:
            with suppress(DvxError):  # a leftover that cannot be removed is no reason to fail
                writer.remove_leftover(name)
    remove_temporaries_of_git(project.repository.git_dir, project.repository.common_dir)


def _temporaries_in(project: Project, folder: str) -> list[str]:
    names = _temporary_names(project.repository.absolute(folder))
    return [f"{folder}/{name}" if folder else name for name in names]


def _temporaries_below(project: Project, tree: str) -> Iterable[str]:
    root = project.repository.root
    for folder, names, files in os.walk(project.repository.absolute(tree)):
        for name in (*names, *files):
            if name.startswith(TEMPORARY_PREFIX):
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
        names[:] = [name for name in names if name != ".git" and not name.startswith(TEMPORARY_PREFIX)]


def remove_temporaries_of_git(*git_dirs: str) -> None:
    """Remove what was left in the folders of Git that dvx writes to."""
    for git_dir in dict.fromkeys(git_dirs):
        for part in ((), ("dvx",), ("dvx", "hooks"), ("hooks",), ("info",), ("dvx", "merge")):
            folder = os.path.join(git_dir, *part)
            for name in _temporary_names(folder):
                with suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _temporary_names(folder: str) -> Sequence[str]:
    try:
        return [name for name in os.listdir(folder) if name.startswith(TEMPORARY_PREFIX)]
    except OSError:
        return []
