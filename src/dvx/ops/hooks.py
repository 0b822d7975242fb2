"""`dvx hooks install`, `uninstall` and `status`: which way to add hooks, and how they stand.

Owns the choice between entries in Git's configuration, files in the hooks folder and a folder of dvx that runs what
was there. Must not decide what a hook does.
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from dvx.core.errors import name_some
from dvx.disk.atomic import disk_errors
from dvx.repo.drivers import driver_state, install_drivers, remove_drivers
from dvx.repo.hook_files import FoundHook, HookState, install_file, look_at, uninstall_file
from dvx.repo.hook_place import CONFIG_HOOKS_SINCE, HookPlace, find_place, git_version
from dvx.repo.hook_redirect import (
    install_by_config,
    install_redirect,
    is_by_config,
    is_redirect,
    look_at_own,
    not_forwarded,
    uninstall_own,
)
from dvx.repo.hook_scripts import HOOK_NAMES
from dvx.repo.repository import Repository

_WORKING = frozenset({HookState.INSTALLED, HookState.CALLED, HookState.EDITED})


class HookMode(StrEnum):
    """How Git finds the hooks of dvx."""

    CONFIG = "config"  # hook.dvx-NAME in the configuration
    FILES = "files"  # files in the hooks folder of the repository
    REDIRECT = (
        "redirect"  # core.hooksPath leads to a folder of dvx, which runs the hooks of the folder before
    )


@dataclass(frozen=True, slots=True)
class HooksReport:
    """How the hooks of dvx stand. `mode` is None where none is installed; `folder` is the hooks folder without
    dvx; `interpreter` is the Python that they start, `interpreter_exists` whether it is there. `has_drivers` says
    whether Git merges and shows pointers with dvx."""

    mode: HookMode | None
    folder: str
    git_version: tuple[int, ...]
    hooks: tuple[FoundHook, ...]
    interpreter: str | None
    interpreter_exists: bool
    has_drivers: bool
    problems: tuple[str, ...]

    @property
    def is_working(self) -> bool:
        """Whether every hook is in force."""
        return (
            self.mode is not None and all(hook.state in _WORKING for hook in self.hooks) and not self.problems
        )


@dataclass(frozen=True, slots=True)
class HooksChange:
    """What an install or uninstall did: whether anything changed, what was left and why, and how things stand."""

    changed: bool
    notes: tuple[str, ...]
    report: HooksReport


def install_hooks(
    repository: Repository,
    *,
    interpreter: str = sys.executable,
    as_files: bool = False,
    foretold: list[str] | None = None,
) -> HooksChange:
    """Install the hooks of dvx and its drivers for pointers, or bring them up to date; a second time changes nothing.

    What was there keeps running, before them. `as_files` writes files where this Git could read hooks from its
    configuration, for a repository that older Gits use as well. With `foretold` nothing is written, and that list is
    told what would be. Raises GitError, LocalDiskError, Busy.
    """
    place, version = find_place(repository), git_version(repository)
    mode = _mode_now(repository, place)
    wanted = _mode_wanted(place, version, now=mode, as_files=as_files)
    changed, notes = False, list[str]()
    if mode is not None and mode is not wanted:
        changed, notes = _remove_all(repository, place, foretold)
    if wanted is HookMode.CONFIG:
        changed = install_by_config(repository, place, interpreter=interpreter, foretold=foretold) or changed
    elif wanted is HookMode.REDIRECT:
        changed = install_redirect(repository, place, interpreter=interpreter, foretold=foretold) or changed
    else:
        changed = _install_files(place, interpreter, foretold) or changed
    changed = install_drivers(repository, interpreter=interpreter, foretold=foretold) or changed
    return HooksChange(changed, tuple(notes), read_hooks(repository))


def uninstall_hooks(repository: Repository, *, foretold: list[str] | None = None) -> HooksChange:
    """Take the hooks of dvx out and put back what was there before, byte for byte.

    A hook that somebody edited or replaced since stays and is named in `notes`. `foretold` as with install_hooks.
    Raises GitError, LocalDiskError, Busy.
    """
    # The drivers first: they were set after the hooks, and each gives back what was there before it.
    had_drivers = remove_drivers(repository, foretold=foretold)
    changed, notes = _remove_all(repository, find_place(repository), foretold)
    changed = had_drivers or changed
    for folder in {repository.git_dir, repository.common_dir} if foretold is None else ():
        state = os.path.join(folder, "dvx")
        with suppress(OSError):
            os.unlink(os.path.join(state, "followed"))  # what the guards compare with
        with suppress(OSError):  # the store is in it, unless nothing was ever added
            os.rmdir(state)
    return HooksChange(changed, tuple(notes), read_hooks(repository))


def read_hooks(repository: Repository) -> HooksReport:
    """Tell how the hooks stand. Raises GitError, LocalDiskError."""
    place, version = find_place(repository), git_version(repository)
    mode = _mode_now(repository, place)
    if mode is HookMode.CONFIG or mode is HookMode.REDIRECT:
        by_config = mode is HookMode.CONFIG
        hooks = [look_at_own(repository, place, name, by_config=by_config) for name in HOOK_NAMES]
    else:
        hooks = [look_at(place.folder, name) for name in HOOK_NAMES]
    interpreter = next((hook.interpreter for hook in hooks if hook.interpreter is not None), None)
    has_drivers = driver_state(repository).is_installed
    return HooksReport(
        mode=mode,
        folder=place.folder,
        git_version=version,
        hooks=tuple(hooks),
        interpreter=interpreter,
        interpreter_exists=interpreter is not None and os.access(interpreter, os.X_OK),
        has_drivers=has_drivers,
        problems=(
            *_problems(mode, version, hooks, interpreter),
            *(["Git does not merge pointers with dvx"] if mode is not None and not has_drivers else ()),
            *(_left_out(place) if mode is HookMode.REDIRECT else ()),
        ),
    )


def _mode_now(repository: Repository, place: HookPlace) -> HookMode | None:
    if is_by_config(repository):
        return HookMode.CONFIG
    if is_redirect(repository):
        return HookMode.REDIRECT
    found = [look_at(place.folder, name) for name in HOOK_NAMES]
    is_ours = any(hook.interpreter is not None or hook.state is HookState.REPLACED for hook in found)
    return HookMode.FILES if is_ours else None


def _mode_wanted(
    place: HookPlace, version: tuple[int, ...], *, now: HookMode | None, as_files: bool
) -> HookMode:
    in_files = HookMode.FILES if place.is_private else HookMode.REDIRECT
    if as_files or version < CONFIG_HOOKS_SINCE:
        return in_files
    # What was installed by an older Git works with this one.
    return in_files if now in (HookMode.FILES, HookMode.REDIRECT) else HookMode.CONFIG


def _install_files(place: HookPlace, interpreter: str, foretold: list[str] | None) -> bool:
    makes_folder = not os.path.isdir(place.folder)
    if makes_folder and foretold is None:
        with disk_errors(place.folder, "create"):
            os.makedirs(place.folder, exist_ok=True)
    changed = [
        install_file(place.folder, name, interpreter=interpreter, made_folder=makes_folder, foretold=foretold)
        for name in HOOK_NAMES
    ]
    return any(changed)


def _remove_all(
    repository: Repository, place: HookPlace, foretold: list[str] | None
) -> tuple[bool, list[str]]:
    changed, notes = uninstall_own(repository, place, foretold=foretold)
    # Also where core.hooksPath was set after the hooks were written to the folder that Git used before.
    folders = {os.path.join(repository.common_dir, "hooks"), *([place.folder] if place.is_private else [])}
    for folder in sorted(folders):
        for name in HOOK_NAMES:
            is_changed, left = uninstall_file(folder, name, foretold=foretold)
            changed = changed or is_changed
            notes += left
    return changed, notes


def _left_out(place: HookPlace) -> list[str]:
    names = not_forwarded(place)
    return (
        [f"hooks in `{place.folder}` that are newer than the install do not run: {name_some(names)}"]
        if names
        else []
    )


def _problems(
    mode: HookMode | None, version: tuple[int, ...], hooks: list[FoundHook], interpreter: str | None
) -> list[str]:
    problems = []
    if mode is HookMode.CONFIG and version < CONFIG_HOOKS_SINCE:
        shown = ".".join(map(str, version))
        problems.append(f"Git {shown} does not read hooks from its configuration; 2.54 and newer do")
    if interpreter is not None and not os.access(interpreter, os.X_OK):
        problems.append(f"the Python that the hooks start is gone: `{interpreter}`")
    stopped = [hook.name for hook in hooks if hook.state not in _WORKING]
    if mode is not None and stopped:
        problems.append(f"not in force: {name_some(stopped, limit=len(stopped))}")
    return problems
