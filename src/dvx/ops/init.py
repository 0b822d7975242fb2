"""`dvx init`: make a Git repository ready for dvx.

Owns which files that takes. Running it again changes nothing.
"""

import os
from dataclasses import dataclass
from typing import Final

from dvx.core.text_marks import UTF8_MARK
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.ops.project import Project
from dvx.ops.remotes import Options, add_remote
from dvx.ops.tracking import stage
from dvx.repo.committed_files import read_committed_file, writable_place
from dvx.repo.config import COMMITTED
from dvx.repo.repository import Repository

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
    changed: list[str] = []
    config_place = writable_place(repository, COMMITTED) if not was_initialised or remote_url else ""
    attributes = read_committed_file(repository, _ATTRIBUTES, limit_bytes=_MAX_ATTRIBUTES_BYTES) or b""
    if not was_initialised:
        with disk_errors(repository.config_dir, "create"):
            os.makedirs(repository.config_dir, exist_ok=True)
        write_atomic(config_place, CONFIG_TEMPLATE)
        changed.append(COMMITTED)
    if _add_attributes(repository, attributes):
        changed.append(_ATTRIBUTES)
    remote = None
    if remote_url is not None:
        remote = "origin"
        add_remote(
            project,
            remote,
            remote_url,
            options=remote_options or {},
            force=was_initialised,
            local=False,
            make_default=True,
        )  # fmt: skip
        if COMMITTED not in changed:
            changed.append(COMMITTED)
    stage(project, changed)
    return InitResult(tuple(changed), remote, was_initialised)


def _add_attributes(repository: Repository, data: bytes) -> bool:
    """Add the line to what `.gitattributes` holds; False if it has it."""
    if ATTRIBUTES_LINE in [line.strip() for line in data.removeprefix(UTF8_MARK).splitlines()]:
        return False
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    separator = ending if data and not data.endswith(b"\n") else b""
    write_atomic(writable_place(repository, _ATTRIBUTES), data + separator + ATTRIBUTES_LINE + ending)
    return True
