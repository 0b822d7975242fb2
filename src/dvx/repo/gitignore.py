"""The lines in `.gitignore` that keep tracked data out of Git.

Owns one anchored line for each tracked path, in the `.gitignore` beside the data or in one above it, and leaves every
other byte of that file as it is. Must not stage the file.
"""

import codecs
import os
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from dvx.core.errors import PathRefused
from dvx.core.shell_words import quote
from dvx.core.text_marks import UTF8_MARK
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.repo.committed_files import read_committed_file, writable_place
from dvx.repo.git import Git
from dvx.repo.repository import Repository

_SPECIAL: Final = frozenset("\\*?[")
GITIGNORE: Final = ".gitignore"
# Git reads none that is larger.
_MAX_BYTES: Final = 100 * 1024 * 1024
_NOT_UTF8: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class IgnoreLine(NamedTuple):
    """A line and the `.gitignore` that it belongs to, relative to the root."""

    file: str
    text: str


def ignore_line(data_path: str) -> IgnoreLine:
    """Return the line for `data_path` in the `.gitignore` beside it."""
    return next(ignore_lines(data_path))


def ignore_lines(data_path: str) -> Iterator[IgnoreLine]:
    """Yield the lines that each hide `data_path`, from the `.gitignore` beside it to the topmost.

    A line is `/` and the path from there, with what Git would take for a pattern escaped. The slash anchors it, so
    that a leading `#` or `!` needs no escape.
    """
    folder, _, name = data_path.rpartition("/")
    while True:
        yield IgnoreLine(f"{folder}/{GITIGNORE}" if folder else GITIGNORE, "/" + _escaped(name))
        if not folder:
            return
        folder, _, above = folder.rpartition("/")
        name = f"{above}/{name}"


def _escaped(name: str) -> str:
    escaped = "".join("\\" + sign if sign in _SPECIAL else sign for sign in name)
    kept = escaped.rstrip(" ")
    spaces = len(escaped) - len(kept)  # Git drops spaces at the end unless each is escaped
    return kept + "\\ " * spaces


def has_ignore(repo: Repository, line: IgnoreLine) -> bool:
    """Whether the line is there. Raises PathRefused for a `.gitignore` that is a symbolic link, LocalDiskError."""
    return os.fsencode(line.text) in _lines(_read(repo, line.file))


def written_line(repo: Repository, data_path: str) -> IgnoreLine | None:
    """Return the line of `data_path` that is there, the nearest one; None without one."""
    return next((line for line in ignore_lines(data_path) if has_ignore(repo, line)), None)


def visible_lines(git: Git, lines: Mapping[str, IgnoreLine]) -> dict[str, IgnoreLine]:
    """Replace lines (by data path) whose `.gitignore` Git does not see: by one above, by none where none is needed.

    Raises GitError.
    """
    hidden = _hidden(git, [line.file for path in lines for line in ignore_lines(path)])
    ignored = git.check_ignored([path for path, line in lines.items() if line.file in hidden])
    seen: dict[str, IgnoreLine] = {}
    for path, line in lines.items():
        if line.file in hidden and path in ignored:
            continue
        seen[path] = next((each for each in ignore_lines(path) if each.file not in hidden), line)
    return seen


def _hidden(git: Git, files: Collection[str]) -> set[str]:
    hidden = git.check_ignored(list(dict.fromkeys(files)))
    return hidden - git.is_tracked(sorted(hidden))


def add_ignore(repo: Repository, line: IgnoreLine) -> bool:
    """Write a line at the end of its file, with the line ending that the file uses; False if it was there.

    Raises PathRefused when `.gitignore` is a symbolic link (Git reads none through one), and LocalDiskError.
    """
    data = _read(repo, line.file)
    text = os.fsencode(line.text)
    if text in _lines(data):
        return False
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    separator = ending if data and not data.endswith(b"\n") else b""
    write_atomic(writable_place(repo, line.file), data + separator + text + ending)
    return True


def remove_ignore(repo: Repository, line: IgnoreLine) -> bool:
    """Take a line out; False if it was not there. A file that held nothing else is deleted."""
    data = _read(repo, line.file)
    text = os.fsencode(line.text)
    mark = UTF8_MARK if data.startswith(UTF8_MARK) else b""
    before = data[len(mark) :].split(b"\n")
    kept = [each for each in before if each.rstrip(b"\r") != text]
    if len(kept) == len(before):
        return False
    rest = b"\n".join(kept)
    place = writable_place(repo, line.file)
    if rest:
        write_atomic(place, mark + rest)
    else:
        with disk_errors(place, "remove"):
            os.unlink(place)
    return True


def _lines(data: bytes) -> list[bytes]:
    # Git passes over a byte order mark, too.
    return [line.rstrip(b"\r") for line in data.removeprefix(UTF8_MARK).split(b"\n")]


def _read(repo: Repository, path: str) -> bytes:
    place = repo.absolute(path)
    if os.path.islink(place):
        raise PathRefused(
            f"`{path}` is a symbolic link, and Git reads no ignore rules through one",
            hints=[f"replace it by a file: `rm {quote(path)}`"],
            kind="symlinked-gitignore",
        )
    data = read_committed_file(repo, path, limit_bytes=_MAX_BYTES) or b""
    if len(data) > _MAX_BYTES or data.startswith(_NOT_UTF8):
        problem = f"more than {_MAX_BYTES} bytes" if len(data) > _MAX_BYTES else "UTF-16 text"
        raise PathRefused(
            f"`{path}` is {problem}, and Git reads no ignore rules from such a file",
            hints=["save it as UTF-8 text in an editor"],
            kind="bad-gitignore",
        )
    return data
