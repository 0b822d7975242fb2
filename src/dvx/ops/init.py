"""`dvx init`: make a Git repository ready for dvx.

Owns which files that takes. Running it again changes nothing.
"""

import os
from dataclasses import dataclass

from dvx.disk.atomic import disk_errors, write_atomic
from dvx.ops.project import Project
from dvx.ops.remotes import add_remote
from dvx.ops.tracking import stage

CONFIG_TEMPLATE = b"""\
# Settings of dvx for everybody who uses this repository: `dvx config list` shows them all.
# Settings of this clone alone go to the local file: `dvx config set --local KEY VALUE`.
"""
ATTRIBUTES_LINE = b"*.dvx text eol=lf"


@dataclass(frozen=True, slots=True)
class InitResult:
    """What an init did: files that are new or changed, relative to the repository, and the remote it added."""

    changed: tuple[str, ...]
    remote: str | None
    was_initialised: bool


def initialise(project: Project, *, remote_url: str | None) -> InitResult:
    """Write `.dvx/config.toml` and the `.gitattributes` line for pointers where they are missing, and stage them."""
    repository = project.repository
    was_initialised = repository.is_initialised
    changed: list[str] = []
    if not was_initialised:
        with disk_errors(repository.config_dir, "create"):
            os.makedirs(repository.config_dir, exist_ok=True)
        write_atomic(repository.config_path, CONFIG_TEMPLATE)
        changed.append(".dvx/config.toml")
    if _add_attributes(repository.absolute(".gitattributes")):
        changed.append(".gitattributes")
    remote = None
    if remote_url is not None:
        remote = "origin"
        add_remote(
            project, remote, remote_url, options={}, force=was_initialised, local=False, make_default=True
        )
        if ".dvx/config.toml" not in changed:
            changed.append(".dvx/config.toml")
    stage(project, changed)
    return InitResult(tuple(changed), remote, was_initialised)


def _add_attributes(path: str) -> bool:
    with disk_errors(path, "read"):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            data = b""
    if ATTRIBUTES_LINE in [line.strip() for line in data.splitlines()]:
        return False
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    separator = ending if data and not data.endswith(b"\n") else b""
    write_atomic(path, data + separator + ATTRIBUTES_LINE + ending)
    return True
