"""Hook files in the hooks folder of a repository: written beside, and in front of, what is there.

Owns moving an existing hook aside, calling it first, and putting it back with its bytes and its mode. Never
overwrites or removes a file that dvx did not write, nor one that somebody edited since.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dvx.disk.atomic import disk_errors, write_atomic
from dvx.repo.hook_scripts import (
    Chained,
    Hook,
    WrittenHook,
    calls_dvx,
    read_script,
    script_of,
    shell_for,
    wants_own_folder,
    written_by,
)

CHAINED_SUFFIX: Final = ".dvx-chained"
_CHAINED_FOLDER: Final = "dvx-chained"
# Where other tools put a hook that they find in their place: the pre-commit framework (which calls it), lefthook.
_CALLED_SUFFIX: Final = ".legacy"
_DISPLACED_SUFFIXES: Final = (_CALLED_SUFFIX, ".old")
_MAX_HOOK_BYTES: Final = 1 << 20
_MODE: Final = 0o755


class HookState(StrEnum):
    """How a hook of dvx stands."""

    INSTALLED = "installed"
    MISSING = "missing"
    EDITED = "edited"  # ours, with changes that somebody made
    REPLACED = "replaced"  # somebody put another hook in its place
    CALLED = "called"  # a hook of somebody else runs `dvx hooks run`
    DISABLED = "disabled"  # hook.<name>.enabled is false


@dataclass(frozen=True, slots=True)
class FoundHook:
    """One hook as it stands. `path` is the file Git runs; `by` names the tool of a hook that is not from dvx.

    `chained` is the path of the hook that runs first, None where there is none, and `chained_by` its tool.
    """

    name: str
    state: HookState
    path: str
    by: str = ""
    chained: str | None = None
    chained_by: str = ""
    interpreter: str | None = None


def look_at(folder: str, name: str) -> FoundHook:
    """Tell how the hook `name` stands in `folder`, an absolute path. Raises LocalDiskError."""
    path = os.path.join(folder, name)
    data = read_hook(path)
    script = None if data is None else read_script(data)
    if script is not None:
        state = HookState.INSTALLED if script.is_intact else HookState.EDITED
        return found_script(path, script, state)
    if data is None:
        return FoundHook(name, HookState.MISSING, path)
    by = written_by(data)
    displaced = _displaced(path)
    if displaced is not None and displaced.endswith(_CALLED_SUFFIX):
        return FoundHook(name, HookState.CALLED, path, by, interpreter=_interpreter_of(displaced))
    if calls_dvx(data, name):
        return FoundHook(name, HookState.CALLED, path, by)
    is_replaced = displaced is not None or any(_waiting(path))
    return FoundHook(name, HookState.REPLACED if is_replaced else HookState.MISSING, path, by)


def found_script(path: str, script: WrittenHook, state: HookState) -> FoundHook:
    """Describe a script of dvx at `path`. Raises LocalDiskError."""
    chained = script.hook.chained
    place = None if chained is None else _place_of(path, chained)
    data = None if place is None else read_hook(place)
    return FoundHook(
        name=script.hook.name,
        state=state,
        path=path,
        chained=place if data is not None else None,
        chained_by="" if data is None else written_by(data),
        interpreter=script.hook.interpreter,
    )


def install_file(
    folder: str, name: str, *, interpreter: str, made_folder: bool, foretold: list[str] | None = None
) -> bool:
    """Put the hook of dvx in front of what is there; False if nothing had to change.

    A hook that somebody edited, or that calls dvx itself, stays as it is. Raises LocalDiskError; an
    interruption leaves the hook that was there in force. With `foretold`, here and below, nothing is written, and
    that list is told what would be.
    """
    found = look_at(folder, name)
    path = found.path
    if found.state is HookState.CALLED:
        return _refresh(path + _CALLED_SUFFIX, interpreter, foretold)
    if found.state is HookState.EDITED:
        return False
    if found.state is HookState.INSTALLED:
        return _refresh(path, interpreter, foretold)
    if foretold is not None:
        foretold.append(f"write `{path}`" + (", before the hook that is there" if found.by else ""))
        return True
    displaced = _displaced(path)
    if displaced is not None:
        take_back(displaced)
    chained = _chain(path)
    hook = Hook(name, interpreter, chained, made_folder)
    write_atomic(path, script_of(hook), mode=_MODE)
    return True


def uninstall_file(folder: str, name: str, *, foretold: list[str] | None = None) -> tuple[bool, list[str]]:
    """Put back what was there before. Returns whether anything changed, and what was left and why, as sentences.

    Raises LocalDiskError.
    """
    found = look_at(folder, name)
    if foretold is not None:
        return _foretell_uninstall(found, foretold), []
    if found.state is HookState.INSTALLED:
        take_back(found.path)
        return True, []
    if found.state is HookState.EDITED:
        return False, [f"`{found.path}` was edited after dvx wrote it and stays as it is"]
    displaced = _displaced(found.path)
    changed = displaced is not None and take_back(displaced)
    waiting = list(_waiting(found.path))
    if waiting and _is_same_file(
        found.path, waiting[0]
    ):  # an install was interrupted before it wrote its hook
        with disk_errors(waiting[0], "remove"):
            os.unlink(waiting[0])
        return True, []
    if found.by and waiting:
        text = f"`{found.path}` is now from {found.by} and stays; the hook that was there before is `{waiting[0]}`"
        return changed, [text]
    if waiting:  # somebody removed the hook of dvx and left the one behind it
        _move(waiting[0], found.path)
        return True, []
    return changed, []


def _foretell_uninstall(found: FoundHook, foretold: list[str]) -> bool:
    """Whether an uninstall would take anything out here, or put back what waits for it."""
    waiting = [*_waiting(found.path)]
    if found.state is not HookState.INSTALLED and waiting and _is_same_file(found.path, waiting[0]):
        foretold.append(f"remove `{waiting[0]}`")  # of an install that was interrupted
        return True
    if found.state is HookState.EDITED or (found.by and waiting):
        return False
    displaced = _displaced(found.path)
    if found.state is HookState.INSTALLED:
        foretold.append(
            f"take the hook out of `{found.path}`" + (" and put back the one before" if waiting else "")
        )
    elif displaced is not None:
        foretold.append(f"take out `{displaced}`")
    elif waiting:
        foretold.append(f"put `{waiting[0]}` back as `{found.path}`")
    return found.state is HookState.INSTALLED or displaced is not None or bool(waiting)


def take_back(path: str) -> bool:
    """Replace a script of dvx by the hook that it had moved aside, or remove it. False if it was edited."""
    data = read_hook(path)
    script = None if data is None else read_script(data)
    if script is None or not script.is_intact:
        return False
    chained = script.hook.chained
    place = None if chained is None or not chained.is_beside else _place_of(path, chained)
    if place is not None and os.path.lexists(place):
        _move(place, path)
    else:
        with disk_errors(path, "remove"):
            os.unlink(path)
    if script.hook.made_folder:
        with suppress(OSError):  # in use by now
            os.rmdir(os.path.dirname(path))
    return True


def read_hook(path: str) -> bytes | None:
    """The content of a hook, of a long one its start; None where there is no file. Raises LocalDiskError."""
    with disk_errors(path, "read"):
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return b"" if os.path.islink(path) else None
            with open(path, "rb") as file:
                return file.read(_MAX_HOOK_BYTES)
        except FileNotFoundError:
            return b"" if os.path.islink(path) else None


def _refresh(path: str, interpreter: str, foretold: list[str] | None) -> bool:
    """Bring a script of dvx up to date with this dvx and its interpreter."""
    data = read_hook(path)
    script = None if data is None else read_script(data)
    if script is None or not script.is_intact:
        return False
    old = script.hook
    wanted = script_of(Hook(old.name, interpreter, old.chained, old.made_folder))
    if wanted == data and os.access(path, os.X_OK):
        return False
    if foretold is not None:
        foretold.append(f"write `{path}`")
        return True
    write_atomic(path, wanted, mode=_MODE)
    return True


def _chain(path: str) -> Chained | None:
    """Give the hook at `path` a second name, which it keeps when `path` is replaced; None where there is none."""
    data = read_hook(path)
    if data is None:
        left = next(_waiting(path), None)  # an interrupted install, or somebody removed the hook of dvx
        return None if left is None else _chained_at(path, left, read_hook(left) or b"")
    place = _free_name(path, in_folder=wants_own_folder(data))
    with disk_errors(place, "write"):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not _is_same_file(path, place):
            _second_name(path, place)
    return _chained_at(path, place, data)


def _chained_at(path: str, place: str, data: bytes) -> Chained:
    relative = os.path.relpath(place, os.path.dirname(path)).replace(os.sep, "/")
    is_beside = os.path.dirname(place) == os.path.dirname(path)
    return Chained(relative, is_beside=True, shell=shell_for(data) if is_beside else "")


def _second_name(path: str, place: str) -> None:
    try:
        os.link(path, place, follow_symlinks=False)
    except (
        OSError,
        NotImplementedError,
    ):  # no hard links here: the hook is away until the new one is written
        os.rename(path, place)


def _free_name(path: str, *, in_folder: bool) -> str:
    folder, name = os.path.split(path)
    number = 1
    while True:
        mark = "" if number == 1 else f"-{number}"
        place = path + CHAINED_SUFFIX + mark
        if in_folder:
            place = os.path.join(folder, _CHAINED_FOLDER + mark, name)
        if not os.path.lexists(place) or _is_same_file(path, place):
            return place
        number += 1


def _waiting(path: str) -> Iterator[str]:
    """Hooks that were moved aside for `path`."""
    folder, name = os.path.split(path)
    for place in (path + CHAINED_SUFFIX, os.path.join(folder, _CHAINED_FOLDER, name)):
        if os.path.lexists(place):
            yield place


def _displaced(path: str) -> str | None:
    """Where another tool moved the hook of dvx that was at `path`; None where it did not."""
    for suffix in _DISPLACED_SUFFIXES:
        data = read_hook(path + suffix)
        if data is not None and read_script(data) is not None:
            return path + suffix
    return None


def _interpreter_of(path: str) -> str | None:
    script = read_script(read_hook(path) or b"")
    return None if script is None else script.hook.interpreter


def _place_of(path: str, chained: Chained) -> str:
    """Where a chained hook is; a path relative to the work tree stays relative."""
    return os.path.join(os.path.dirname(path), chained.path) if chained.is_beside else chained.path


def _move(source: str, target: str) -> None:
    with disk_errors(target, "write"):
        os.replace(source, target)
    folder = os.path.dirname(source)
    if folder != os.path.dirname(target):
        with suppress(OSError):  # other hooks are in it
            os.rmdir(folder)


def _is_same_file(path: str, other: str) -> bool:
    try:
        first, second = os.lstat(path), os.lstat(other)
    except OSError:
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
