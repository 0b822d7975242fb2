"""Installing and removing the Git hooks of dvx as one step that can be done again: a kill half way is finished.

Owns the step. What an install consists of is dvx.ops.hooks.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from dvx.core.progress import NullReporter
from dvx.ops.config_changes import brief_lock
from dvx.ops.hooks import HooksChange, install_hooks, uninstall_hooks
from dvx.ops.intentions import carry_out
from dvx.ops.project import Project
from dvx.ops.rehearsal import Rehearsed
from dvx.repo.config_block import drop_stale_lock
from dvx.repo.hook_place import config_path
from dvx.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class SetUpHooks:
    """Install or uninstall. `interpreter` is the Python that the hooks start, "" for an uninstall."""

    interpreter: str
    as_files: bool
    changes: list[HooksChange] = field(default_factory=list, compare=False)
    seals: ClassVar[bool] = True

    def apply(self, project: Project, *, since_ns: int | None) -> None:
        """Do all of it; what is done already stays."""
        repository = project.repository
        if since_ns is not None:
            for of_worktree in (False, True):
                drop_stale_lock(config_path(repository, of_worktree=of_worktree))
        if self.interpreter:
            change = install_hooks(repository, interpreter=self.interpreter, as_files=self.as_files)
        else:
            change = uninstall_hooks(repository)
        self.changes.append(change)

    def undo(self, project: Project) -> None:
        """An install that was refused half way is finished or taken out by the next one."""

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {"do": "hooks", "interpreter": self.interpreter, "as_files": self.as_files}

    def folders(self) -> list[str]:
        """All that is written is in the Git directory, which is looked at anyway."""
        return []


def set_up_hooks(
    repository: Repository, *, interpreter: str, as_files: bool = False, env: Mapping[str, str]
) -> HooksChange:
    """Install the hooks, or uninstall them where `interpreter` is "". Raises GitError, LocalDiskError, Busy."""
    step = SetUpHooks(interpreter, as_files)
    with Project(repository, env=env, overrides={}, reporter=NullReporter()) as project, brief_lock(project):
        command = ["hooks", "install" if interpreter else "uninstall", *(["--files"] if as_files else [])]
        carry_out(project, command, [step], affected="run the same command again")
        if not interpreter:
            _drop_state(repository)
    return step.changes[-1]


def rehearse_hooks(repository: Repository, *, interpreter: str, as_files: bool = False) -> NoReturn:
    """Tell what set_up_hooks would do: raises Rehearsed."""
    foretold: list[str] = []
    if interpreter:
        install_hooks(repository, interpreter=interpreter, as_files=as_files, foretold=foretold)
    else:
        uninstall_hooks(repository, foretold=foretold)
    raise Rehearsed(foretold)


def _drop_state(repository: Repository) -> None:
    """Remove the folder of dvx if there is nothing in it but the lock: nothing was ever added here."""
    folder = os.path.dirname(repository.lock_path)
    with suppress(OSError):
        if os.listdir(folder) == [os.path.basename(repository.lock_path)]:
            os.unlink(repository.lock_path)
            os.rmdir(folder)
