"""Which paths dvx stores: the rules for names inside manifests and beside pointers.

Owns what is refused everywhere, what Windows could not hold, and which names collide on file systems that
ignore case. Works on text only; must not look at a disk.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dvx.core.errors import PathRefused

MAX_PATH_BYTES: Final = 4096
MAX_COMPONENT_BYTES: Final = 255

# Components of plain ASCII that start with a letter, digit or underscore and hold no `~` cannot be `.`, `..`
# or a spelling of `.git`. Nearly every path of a dataset passes here, in about 0.4 microseconds.
ORDINARY_PATH: Final = r"[A-Za-z0-9_][A-Za-z0-9_.,=+@#() -]*(?:/[A-Za-z0-9_][A-Za-z0-9_.,=+@#() -]*)*"
_ORDINARY: Final = re.compile(ORDINARY_PATH)
# Compiled when a path is not an ordinary one, which takes 4 ms that other commands save.
_CONTROL: Final = r"[\x00-\x1f\x7f]"
# NTFS ignores trailing spaces and dots and opens the stream after a colon; `git~1` is the short name that it
# gives to `.git` (Git: is_ntfs_dotgit).
_NTFS_DOT_GIT: Final = r"(?ias)(?:\.git|git~1)[ .]*(?::.*)?"
# Code points that HFS+ drops when it compares names (Git: next_hfs_char).
_HFS_IGNORED: Final = "[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]"
_RESERVED: Final = r'[<>:"|?*]'
_DEVICE: Final = r"(?is)(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³]) *(?:[.:].*)?"


def check_stored_path(path: str) -> None:
    """Refuse a path that is never safe in a manifest or as the name of a pointer.

    Raises PathRefused (kind `unsafe-path`) for an empty or absolute path, an empty component, `.` and `..`,
    any component that some file system takes for `.git`, control characters, a backslash, text that is not
    encodable as UTF-8, more than 4096 bytes in all or more than 255 in one component.
    """
    if len(path) <= MAX_COMPONENT_BYTES and _ORDINARY.fullmatch(path):
        return
    reason = _unsafe_reason(path)
    if reason is not None:
        raise PathRefused(
            f"the path {path[:200]!a} is not safe to store: {reason}",
            hints=["rename it, or leave it out with a line in `.dvxignore`"],
            kind="unsafe-path",
        )


def are_ordinary_names(prefix: str, names: Sequence[str]) -> bool:
    """Whether check_stored_path accepts `prefix` + each of the names of one folder for their letters alone.

    `prefix` is empty or a path with a slash behind it. False says nothing. Costs a tenth of asking for each.
    """
    if not names:
        return True
    if len(prefix) + max(map(len, names)) > MAX_COMPONENT_BYTES:
        return False
    # Names hold no slash, so together they look like one path.
    return _ORDINARY.fullmatch(prefix + "/".join(names)) is not None


def unportable_reason(path: str) -> str | None:
    """Say why Windows could not hold `path`, or return None.

    The path is one that check_stored_path accepts.
    """
    if path[1:2] == ":" and path[0].isascii() and path[0].isalpha():
        return "it starts with a drive letter"
    for component in path.split("/"):
        reserved = re.search(_RESERVED, component)
        if reserved:
            return f"`{reserved[0]}` is a reserved character on Windows"
        if component.endswith((".", " ")):
            return "Windows drops a dot or space at the end of a name"
        if re.fullmatch(_DEVICE, component):
            return f"`{component}` is the name of a device on Windows"
    return None


def case_collisions(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of the given paths that a file system without case (or normal form) would mix up.

    Two paths collide when they, or directories above them, differ but are equal after Unicode case folding
    and NFC. The earlier path comes first; a second spelling of one directory is reported once, by the first
    path that uses it.
    """
    pairs: list[tuple[str, str]] = []
    seen: dict[str, tuple[str, str]] = {}  # folded name -> (first spelling, path that used it)
    known: set[str] = set()
    for path in paths:
        for name in _new_names(path, known):
            known.add(name)
            spelling, owner = seen.setdefault(_folded(name), (name, path))
            if spelling != name:
                pairs.append((owner, path))
                break
    return pairs


def _new_names(path: str, known: set[str]) -> Iterator[str]:
    """Yield the directories above `path`, outermost first, then `path`; without the names already known."""
    names: list[str] = []
    while path and path not in known:
        names.append(path)
        path = path.rpartition("/")[0]
    return reversed(names)


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _unsafe_reason(path: str) -> str | None:
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if not encoded:
        return "it is empty"
    if len(encoded) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    if re.search(_CONTROL, path):
        return "it holds a control character"
    if "\\" in path:
        return "it holds a backslash"
    if path.startswith("/"):
        return "it is absolute"
    return next(filter(None, map(_unsafe_component_reason, path.split("/"))), None)


def _unsafe_component_reason(component: str) -> str | None:
    if component == "":
        return "it has an empty component"
    if component in (".", ".."):
        return f"it has the component `{component}`"
    if len(component.encode("utf-8")) > MAX_COMPONENT_BYTES:
        return f"it has a component longer than {MAX_COMPONENT_BYTES} bytes"
    if re.fullmatch(_NTFS_DOT_GIT, component) or re.sub(_HFS_IGNORED, "", component).lower() == ".git":
        return "it has a component that some file systems take for `.git`"
    return None
