"""Changes of the files in the work tree that set dvx up: the committed configuration, and `.gitattributes`.

Owns that such a change is written and staged as a whole, whatever interrupts it. Which values it sets is decided by
those who ask.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from dvx.core.errors import DvxError
from dvx.disk.lock import hold_lock
from dvx.disk.small_files import read_small_file
from dvx.ops.git_checks import check_stageable
from dvx.ops.intentions import carry_out
from dvx.ops.named_folders import naming_folders
from dvx.ops.project import Project
from dvx.ops.steps import StageFiles, Step, WriteFile
from dvx.repo.committed_files import writable_place
from dvx.repo.config import COMMITTED, MAX_CONFIG_BYTES
from dvx.repo.config_edit import save_config

_UNTOUCHED: Final = "nothing was changed"
# The configured time may be what is being corrected.
_LOCK_WAIT_S: Final = 60.0


def change_committed(
    project: Project, edit: Callable[[bytes], bytes], *, command: Sequence[str], is_patient: bool = False
) -> None:
    """Give the committed configuration the bytes that `edit` makes of those it has, and stage it.

    Raises what `edit` raises, and before anything is written GitError and UsageError where Git would not stage the
    file; with `is_patient` it is written all the same, and not staged.
    """
    with brief_lock(project):
        if tuple(command) in project.finished:
            return  # the same command was interrupted, and is finished by now
        place = writable_place(project.repository, COMMITTED)
        before = read_small_file(place, limit_bytes=MAX_CONFIG_BYTES)
        write_committed(
            project, {COMMITTED: (before, edit(before or b""))}, command=command, is_patient=is_patient
        )


def change_local(
    project: Project, path: str, edit: Callable[[bytes], bytes], *, command: Sequence[str]
) -> None:
    """Give a configuration file of this clone the bytes that `edit` makes of those it has; raises what that raises."""
    with brief_lock(project):
        before = read_small_file(path, limit_bytes=MAX_CONFIG_BYTES) or b""
        after = edit(before)
        if after == before:
            return
        if project.foretells is not None:
            save_config(path, after, foretold=project.foretells)
            return
        with naming_folders(project, command[0]):
            save_config(path, after)


def write_committed(
    project: Project,
    changes: Mapping[str, tuple[bytes | None, bytes]],
    *,
    command: Sequence[str],
    is_patient: bool = False,
    staged: Sequence[str] = (),
) -> None:
    """Write files (path to bytes before and after) and stage them, and `staged` with them; with the lock held."""
    steps: list[Step] = [WriteFile(path, old, new) for path, (old, new) in changes.items() if old != new]
    paths = tuple(dict.fromkeys([*changes, *staged]))
    try:
        check_stageable(project, paths, affected=_UNTOUCHED)
        steps.append(StageFiles(paths))
    except DvxError:
        if not is_patient:
            raise
    carry_out(project, command, steps, affected=_UNTOUCHED)


@contextmanager
def brief_lock(project: Project) -> Iterator[None]:
    """Hold the lock of the workspace, without a look at the settings. What was interrupted is finished first."""
    if project.rehearsal is not None:
        yield
        return
    repository = project.repository
    with hold_lock(repository.lock_path, timeout_s=_LOCK_WAIT_S, describe="the workspace"):
        if os.path.lexists(repository.intention_path):
            from dvx.ops.recovery import finish_interrupted  # only after a kill

            with suppress(DvxError):  # left to a command that cannot go on without it
                finish_interrupted(project)
        yield
