"""The lines in `.gitignore` that keep tracked data out of Git.

Owns one anchored line for each tracked path, in the `.gitignore` beside the data, and leaves every other byte
of that file as it is. Must not stage the file.
"""

import os
from typing import Final

from dvx.core.errors import PathRefused
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.repo.repository import Repository

_SPECIAL: Final = frozenset("\\*?[")
GITIGNORE: Final = ".gitignore"


def ignore_line(data_path: str) -> tuple[str, str]:
    """Return the path of the `.gitignore` (relative to the root) and the line for `data_path`.

    The line is `/` and the name, with what Git would take for a pattern escaped. The slash anchors it, so
    that a leading `#` or `!` needs no escape.
    """
    folder, _, name = data_path.rpartition("/")
    escaped = "".join("\\" + sign if sign in _SPECIAL else sign for sign in name)
    kept = escaped.rstrip(" ")
    spaces = len(escaped) - len(kept)  # Git drops spaces at the end unless each is escaped
    return (f"{folder}/{GITIGNORE}" if folder else GITIGNORE), "/" + kept + "\\ " * spaces


def add_ignore(repo: Repository, data_path: str) -> str | None:
    """Make Git ignore `data_path`; return the path of the changed `.gitignore`, None if nothing changed.

    The line goes at the end, with the line ending that the file uses. Raises PathRefused when `.gitignore` is
    a symbolic link (Git reads none through one), and LocalDiskError.
    """
    path, text = ignore_line(data_path)
    data = _read(repo, path)
    line = os.fsencode(text)
    if line in _lines(data):
        return None
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    separator = ending if data and not data.endswith(b"\n") else b""
    write_atomic(repo.absolute(path), data + separator + line + ending)
    return path


def remove_ignore(repo: Repository, data_path: str) -> str | None:
    """Take the line of `data_path` out; return the path of the changed `.gitignore`, None if there was none.

    A file that held nothing else is deleted.
    """
    path, text = ignore_line(data_path)
    data = _read(repo, path)
    line = os.fsencode(text)
    before = data.split(b"\n")
    kept = [each for each in before if each.rstrip(b"\r") != line]
    if len(kept) == len(before):
        return None
    rest = b"\n".join(kept)
    place = repo.absolute(path)
    if rest:
        write_atomic(place, rest)
    else:
        with disk_errors(place, "remove"):
            os.unlink(place)
    return path


def _lines(data: bytes) -> list[bytes]:
    return [line.rstrip(b"\r") for line in data.split(b"\n")]


def _read(repo: Repository, path: str) -> bytes:
    place = repo.absolute(path)
    if os.path.islink(place):
        raise PathRefused(
            f"`{path}` is a symbolic link, and Git reads no ignore rules through one",
            hints=[f"replace it by a file: `rm {path}`"],
            kind="symlinked-gitignore",
        )
    with disk_errors(place, "read"):
        try:
            with open(place, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""
