"""`dvx init`: make a Git repository ready for dvx.

Owns which files that takes. Running it again changes nothing.
"""

from dataclasses import dataclass
from typing import Final

from dvx.core.text_marks import UTF8_MARK
from dvx.ops.config_changes import brief_lock, write_committed
from dvx.ops.project import Project
from dvx.ops.remotes import Options, plan_remote
from dvx.repo.committed_files import read_committed_file, writable_place
from dvx.repo.config import COMMITTED, MAX_CONFIG_BYTES

CONFIG_TEMPLATE = b"""\
# Settings of dvx for everybody who uses this repository: `dvx config list` shows them all.
# Settings of this clone alone go to the local file: `dvx config set --local KEY VALUE`.
"""
ATTRIBUTES_LINE = b"*.dvx text eol=lf"
_ATTRIBUTES: Final = ".gitattributes"
# Git itself reads none that is larger.
_MAX_ATTRIBUTES_BYTES: Final = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class InitResult:
    """What an init did: files that are new or changed, relative to the repository, and the remote it added."""

    changed: tuple[str, ...]
    remote: str | None
    was_initialised: bool


def initialise(
    project: Project, *, remote_url: str | None, remote_options: Options | None = None
) -> InitResult:
    """Write `.dvx/config.toml` and the `.gitattributes` line for pointers where they are missing, and stage them.

    `remote_options` are those of the remote `origin`, which gets the address `remote_url`.
    """
    repository = project.repository
    was_initialised = repository.is_initialised
    changes: dict[str, tuple[bytes | None, bytes]] = {}
    remote = None
    config = read_committed_file(repository, COMMITTED, limit_bytes=MAX_CONFIG_BYTES)
    after = config if was_initialised and config is not None else CONFIG_TEMPLATE
    command = ("init", *(("--remote", remote_url) if remote_url is not None else ()))
    if command in project.finished:  # it was interrupted, and is finished by now
        return InitResult((COMMITTED,), "origin" if remote_url is not None else None, was_initialised=False)
    if remote_url is not None:
        remote = "origin"
        new = plan_remote(
            project,
            remote,
            remote_url,
            options=remote_options or {},
            force=was_initialised,
            local=False,
            make_default=True,
        )
        after = new.edit(after, repository.config_path)
    if not was_initialised or remote_url is not None:
        writable_place(repository, COMMITTED)
        changes[COMMITTED] = (config, after)
    attributes = read_committed_file(repository, _ATTRIBUTES, limit_bytes=_MAX_ATTRIBUTES_BYTES)
    if _with_line(attributes or b"") != (attributes or b""):
        writable_place(repository, _ATTRIBUTES)
        changes[_ATTRIBUTES] = (attributes, _with_line(attributes or b""))
    if changes:
        with brief_lock(project):
            write_committed(project, changes, command=command)
    changed = list(changes)
    return InitResult(tuple(changed), remote, was_initialised)


def _with_line(data: bytes) -> bytes:
    """What `.gitattributes` holds, with the line for pointers."""
    if ATTRIBUTES_LINE in [line.strip() for line in data.removeprefix(UTF8_MARK).splitlines()]:
        return data
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    separator = ending if data and not data.endswith(b"\n") else b""
    return data + separator + ATTRIBUTES_LINE + ending
