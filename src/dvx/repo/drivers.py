"""Git's settings for pointers: the merge driver and the text that `git diff` shows.

Owns the section names, the shell lines that Git runs, and the marked block in `<common-dir>/info/attributes`.
Removing them gives back what was there, byte for byte where nobody else wrote in between. Must not know what the
commands do.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import GitError, PathRefused
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.disk.small_files import read_small_file
from dvx.repo.hook_scripts import NO_DVX, START
from dvx.repo.repository import Repository

_ATTRIBUTES: Final = b"*.dvx merge=dvx diff=dvx\n"
_BEGIN: Final = b"# >>> written by `dvx hooks install`"
_END: Final = b"# <<< written by `dvx hooks install`\n"
# Said in the first line of the block where the text before it had no line end of its own.
_JOINED: Final = b", end of line added before"
_BLOCK: Final = re.compile(
    rb"(?P<before>\n?)^" + re.escape(_BEGIN) + rb"(?P<joined>" + re.escape(_JOINED) + rb")?\n"
    rb".*?^" + re.escape(_END), re.MULTILINE | re.DOTALL,
)  # fmt: skip
# Four settings and the form of it; more is not ours.
_MAX_SAVED_BYTES: Final = 1024 * 1024
_KEYS: Final = ("merge.dvx.name", "merge.dvx.driver", "diff.dvx.textconv", "diff.dvx.cachetextconv")


@dataclass(frozen=True, slots=True)
class DriverState:
    """Which parts are in place. `is_current` says that they are exactly what `install_drivers` would write now."""

    has_merge: bool
    has_textconv: bool
    has_attributes: bool
    is_current: bool

    @property
    def is_installed(self) -> bool:
        """Whether Git uses dvx for merging and showing pointers."""
        return self.has_merge and self.has_textconv and self.has_attributes


def install_drivers(
    repository: Repository, *, interpreter: str = sys.executable, foretold: list[str] | None = None
) -> bool:
    """Set Git up to merge and show pointers with dvx in all work trees of the repository; False if it was already.

    `interpreter` is the Python that runs dvx; where it is gone, `dvx` on PATH is used, else lines are merged as
    text. With `foretold` nothing is written, and that list is told what would be. Raises GitError, LocalDiskError.
    """
    if driver_state(repository, interpreter=interpreter).is_current:
        return False
    if foretold is not None:
        foretold.append("let Git merge and show pointers with dvx")
        return True
    before, wanted = _settings(repository), _wanted(interpreter)
    if not os.path.exists(_saved_path(repository)):
        _save(repository, before)
    for key, value in wanted.items():
        repository.git().run(["config", "--local", "--replace-all", key, value])
    _write_block(repository)
    return True


def remove_drivers(repository: Repository, *, foretold: list[str] | None = None) -> bool:
    """Undo `install_drivers`; False if there was nothing to undo. `foretold` as there.

    Raises GitError, LocalDiskError.
    """
    saved = _load(repository)
    if foretold is not None:
        text = _read_attributes(repository) or b""
        is_there = saved is not None or _without_block(text) != text
        foretold += ["let Git merge and show pointers as text"] if is_there else []
        return is_there
    had_block = _remove_block(repository, keeps_file=saved is not None and saved.had_attributes)
    if saved is None:
        return had_block
    git, present = repository.git(), _settings(repository)
    for key in _KEYS:
        if key in saved.settings:
            git.run(["config", "--local", "--replace-all", key, saved.settings[key]])
        elif key in present:
            git.run(["config", "--local", "--unset-all", key])
    for section in ("merge.dvx", "diff.dvx"):
        if not any(key.startswith(f"{section}.") for key in _settings(repository)):
            with suppress(GitError):  # Git has removed the section together with its last key
                git.run(["config", "--local", "--remove-section", section])
    with disk_errors(_saved_path(repository), "remove"):
        os.unlink(_saved_path(repository))
    return True


def driver_state(repository: Repository, *, interpreter: str = sys.executable) -> DriverState:
    """Look at what is in place. Raises GitError, LocalDiskError."""
    found, wanted = _settings(repository), _wanted(interpreter)
    block = _BLOCK.search(_read_attributes(repository) or b"")
    return DriverState(
        has_merge="merge-driver" in found.get("merge.dvx.driver", ""),
        has_textconv="textconv" in found.get("diff.dvx.textconv", ""),
        has_attributes=block is not None and _ATTRIBUTES in block[0],
        is_current=block is not None
        and _ATTRIBUTES in block[0]
        and all(found.get(key) == value for key, value in wanted.items())
        and os.path.exists(_saved_path(repository)),
    )


def _wanted(interpreter: str) -> dict[str, str]:
    return {
        "merge.dvx.name": "dvx pointers",
        "merge.dvx.driver": _merge_line(interpreter),
        "diff.dvx.textconv": _textconv_line(interpreter),
        # What a pointer is shown as depends on which listings are in the local store, so a cache would go stale.
        "diff.dvx.cachetextconv": "false",
    }


def _run_line(interpreter: str) -> str:
    """A shell function that runs dvx: the interpreter that has it, else `dvx` on PATH, as the hooks do."""
    python = shlex.quote(interpreter.replace("\\", "/") if os.name == "nt" else interpreter)
    return (
        f"dvx_run() {{ code={NO_DVX}; "
        f'if [ -x {python} ]; then {python} -P -c {shlex.quote(START)} "$@"; code=$?; fi; '
        f"if [ $code -eq {NO_DVX} ]; then "
        'if command -v dvx >/dev/null 2>&1; then dvx "$@"; code=$?; else code=127; fi; fi; return $code; }'
    )


def _merge_line(interpreter: str) -> str:
    """Git replaces %O %A %B %L %P; the exit status says whether %A is merged (0) or in conflict (1).

    If dvx did not write a result, which shows by missing conflict markers, Git's own merge of lines does. A status
    above 128 would make Git give up the whole merge.
    """
    text_merge = "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B || exit 1"
    return (
        f"{_run_line(interpreter).replace('%', '%%')}; dvx_run merge-driver %O %A %B %L %P && exit 0; "
        "grep -q '^<' %A && exit 1; "
        f"echo 'dvx did not run; merged as text:' %P >&2; {text_merge}"
    )


def _textconv_line(interpreter: str) -> str:
    """Git appends the name of a file."""
    return (
        f'{_run_line(interpreter)}; dvx_text() {{ dvx_run textconv "$1" 2>/dev/null || cat "$1"; }}; dvx_text'
    )


def _settings(repository: Repository) -> dict[str, str]:
    """The settings of this repository's own configuration that concern the drivers."""
    found: dict[str, str] = {}
    answer = repository.git().run(["config", "--local", "-z", "--list"])
    for item in answer.decode("utf-8", "surrogateescape").split("\0"):
        key, _, value = item.partition("\n")
        if key.startswith(("merge.dvx.", "diff.dvx.")):
            found[key] = value
    return found


# What was there before, for `remove_drivers`


def _saved_path(repository: Repository) -> str:
    return os.path.join(repository.state_dir, "drivers.json")


def _save(repository: Repository, settings: Mapping[str, str]) -> None:
    path = _saved_path(repository)
    state = {
        "settings": {key: settings[key] for key in _KEYS if key in settings},
        "attributes": _read_attributes(repository) is not None,
    }
    with disk_errors(path, "write"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(path, json.dumps(state).encode("ascii"))


@dataclass(frozen=True, slots=True)
class _Saved:
    """The settings that `install_drivers` replaced, and whether there was a file of attributes."""

    settings: Mapping[str, str]
    had_attributes: bool


def _load(repository: Repository) -> _Saved | None:
    """None if `install_drivers` was not run."""
    try:
        data = read_small_file(_saved_path(repository), limit_bytes=_MAX_SAVED_BYTES)
        if data is None:
            return None
        state = json.loads(data)
        settings = {str(key): str(value) for key, value in state["settings"].items() if key in _KEYS}
        return _Saved(settings, bool(state["attributes"]))
    except (PathRefused, ValueError, KeyError, TypeError, AttributeError):
        return _Saved({}, False)  # damaged: nothing can be given back, but what dvx wrote can still go


# The block in info/attributes


def _attributes_path(repository: Repository) -> str:
    return os.path.realpath(os.path.join(repository.common_dir, "info", "attributes"))


def _read_attributes(repository: Repository) -> bytes | None:
    path = _attributes_path(repository)
    with disk_errors(path, "read"):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


def _write_block(repository: Repository) -> None:
    path = _attributes_path(repository)
    before = _without_block(_read_attributes(repository) or b"")
    is_joined = bool(before) and not before.endswith(b"\n")
    lines = [b"\n" if is_joined else b"", _BEGIN, _JOINED if is_joined else b"", b"\n", _ATTRIBUTES, _END]
    with disk_errors(path, "write"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(path, before + b"".join(lines))


def _remove_block(repository: Repository, *, keeps_file: bool) -> bool:
    path, text = _attributes_path(repository), _read_attributes(repository)
    rest = _without_block(text or b"")
    if text is None or rest == text:
        return False
    if rest or keeps_file:
        write_atomic(path, rest)
        return True
    with disk_errors(path, "remove"):
        os.unlink(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(path))
    return True


def _without_block(text: bytes) -> bytes:
    def left(match: re.Match[bytes]) -> bytes:
        is_last = match.end() == len(text)
        return b"" if match["joined"] and is_last else match["before"]

    return _BLOCK.sub(left, text)
