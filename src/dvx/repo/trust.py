"""Saying once where committed configuration sends data and credentials.

Owns the list of places that this user has already been told about. Must not refuse anything: the notice is
information, and printing it is up to the command line.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.disk.atomic import write_atomic
from dvx.disk.small_files import read_small_file
from dvx.disk.user_folders import user_state_folder
from dvx.repo.remotes import RemoteConfig
from dvx.repo.repository import Repository

# 1000 places of 65 bytes; the oldest are forgotten, which costs one more notice.
_MAX_PLACES: Final = 1000


def announce_endpoint(
    repo: Repository, remote: RemoteConfig, *, env: Mapping[str, str], remembers: bool = True
) -> str | None:
    """Return a sentence to print before the first use of a place that the committed file chose.

    None when the address is the user's own, or was announced before. The place is remembered in the user's
    state folder, unless `remembers` is unset; where that cannot be written, the notice comes again next time.
    """
    if remote.committed.isdisjoint({"url", "endpoint", "profile"}):
        return None
    return _sentence(repo, remote) if _is_new(_mark(remote), env, remembers=remembers) else None


def announce_repository(
    address: str, *, pointer_path: str, env: Mapping[str, str], remembers: bool = True
) -> str | None:
    """Return a sentence to print before the first use of a Git repository that a pointer chose, as above.

    `address` has no password in it.
    """
    mark = hashlib.sha256(f"git\0{address}".encode("utf-8", "surrogateescape")).hexdigest()
    if not _is_new(mark, env, remembers=remembers):
        return None
    return f"first use on this machine of the Git repository {address}, which `{pointer_path}` names as its source"


def _is_new(mark: str, env: Mapping[str, str], *, remembers: bool) -> bool:
    """Tell whether a place was not announced before, and remember it."""
    path = _state_path(env)
    seen = _seen(path) if path else []
    if mark in seen:
        return False
    if path and remembers:
        _remember(path, [*seen, mark][-_MAX_PLACES:])
    return True


def _sentence(repo: Repository, remote: RemoteConfig) -> str:
    endpoint = remote.options.get("endpoint")
    profile = remote.options.get("profile")
    at = f" at {endpoint}" if endpoint else ""
    using = f" with the credentials of profile `{profile}`" if profile else ""
    return (
        f"first use on this machine of {remote.url}{at}{using}, "
        f"which `.dvx/config.toml` of {repo.root} sets for remote `{remote.name}`"
    )


def _mark(remote: RemoteConfig) -> str:
    parts = (remote.url, remote.options.get("endpoint", ""), remote.options.get("profile", ""))
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogateescape")).hexdigest()


def _state_path(env: Mapping[str, str]) -> str | None:
    folder = user_state_folder(env)
    return os.path.join(folder, "announced-places") if folder else None


def _seen(path: str) -> list[str]:
    try:
        data = read_small_file(path, limit_bytes=(_MAX_PLACES + 1) * 65)
        return (data or b"").decode("ascii").split()
    except (LocalDiskError, PathRefused, ValueError):
        return []


def _remember(path: str, marks: list[str]) -> None:
    with suppress(OSError, LocalDiskError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_atomic(path, "".join(f"{mark}\n" for mark in marks).encode("ascii"), durable=False, mode=0o600)
