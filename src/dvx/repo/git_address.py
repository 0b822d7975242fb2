"""Addresses of Git repositories, as a person or a pointer names them.

Owns what is accepted, how an address is shown and recorded without its password, and where a local one is. Must not
run Git.
"""

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from dvx.core.errors import UsageError

# Every other form could start a program (`ext::`, `fd::`) or is not known to Git without one.
SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file", "git+ssh", "ssh+git"})
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TRANSPORT: Final = re.compile(r"[A-Za-z0-9+.-]+::")
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_MAX_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class GitAddress:
    """One repository.

    `url` is what Git is given: absolute where it is a path. `shown` is for messages and pointers: as it was typed,
    without secrets. `place` is the folder where it is on this machine, or None; `is_path` tells that it was given as
    a path, not as a URL.
    """

    url: str
    shown: str
    place: str | None = None
    is_path: bool = False

    def redact(self, text: str) -> str:
        """A message of Git without the secrets of the address."""
        return text.replace(self.url, self.shown) if self.url != self.shown and not self.is_path else text


def parse_git_address(text: str, *, base_dir: str) -> GitAddress:
    """Read an address; a relative path counts from `base_dir`.

    Raises UsageError (kind `bad-repository`) for what is no address, and for forms that would make Git start a program.
    """
    if not text.strip() or len(text) > _MAX_CHARACTERS or not text.isprintable():
        raise _bad(text, "it is empty, too long, or has control characters")
    if text.startswith("-"):
        raise _bad(text, "it starts with `-`")
    if os.path.isdir(os.path.join(base_dir, os.path.expanduser(text))):
        return _path(text, base_dir)
    if _TRANSPORT.match(text):
        raise _bad(text, "`TRANSPORT::ADDRESS` would start a program")
    match = _SCHEME.match(text)
    if match is not None:
        return _parse_url(text, match[1].lower())
    host, colon, _ = text.partition(":")
    if not colon or "/" in host or _DRIVE.match(text):
        return _path(text, base_dir)
    if host.rpartition("@")[2].startswith("-") or not host:
        raise _bad(text, "its host starts with `-` or is missing")
    return GitAddress(text, text)


def folder_name(address: GitAddress) -> str:
    """The name of the folder that a clone goes to, as Git chooses it. Raises UsageError where there is none."""
    path = address.shown.replace("\\", "/").rstrip("/").removesuffix("/.git").rstrip("/")
    if not address.is_path and _SCHEME.match(path):
        path = path.partition("://")[2].partition("/")[2]
    name = re.split(r"[/:]", path)[-1].removesuffix(".git")
    if address.is_path and name in ("", ".", ".."):
        name = os.path.basename(address.url.rstrip("/"))
    if name in ("", ".", "..") or name.startswith("-"):
        raise UsageError(
            f"`{address.shown}` does not tell the name of a folder",
            hints=["name one: `dvx clone URL FOLDER`"],
            kind="bad-repository",
        )
    return name


def _path(text: str, base_dir: str) -> GitAddress:
    place = os.path.abspath(os.path.join(base_dir, os.path.expanduser(text)))
    return GitAddress(place, text, place, is_path=True)


def _parse_url(text: str, scheme: str) -> GitAddress:
    if scheme not in SCHEMES:
        raise _bad(text, f"dvx does not know the scheme `{scheme}://`")
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        raise _bad(text, str(error)) from error
    if scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise _bad(text, "a file URL holds an absolute path and no host: `file:///FOLDER`")
        return GitAddress(text, text, os.path.abspath(unquote(parts.path)))
    if not host or host.startswith("-") or parts.netloc.startswith("-"):
        raise _bad(text, "its host is missing or starts with `-`")
    return GitAddress(text, _without_secret(text, scheme, parts.netloc))


def _without_secret(text: str, scheme: str, netloc: str) -> str:
    """Drop the password; with http also the user, because tokens are written in its place."""
    user, at, host = netloc.rpartition("@")
    if not at:
        return text
    kept = "" if scheme in ("http", "https") else f"{user.partition(':')[0]}@"
    return text.replace(f"//{netloc}", f"//{kept}{host}", 1)


def _bad(text: str, why: str) -> UsageError:
    shown = re.sub(r"//[^/@]*@", "//", text[:120])
    return UsageError(
        f"{shown!a} is not an address of a Git repository that dvx reads: {why}",
        affected="nothing was read or written",
        hints=["use `https://HOST/REPOSITORY`, `ssh://HOST/REPOSITORY`, `HOST:REPOSITORY` or a path"],
        kind="bad-repository",
    )
