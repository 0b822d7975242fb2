"""`dvx clone`: a Git clone that is ready to work with.

Owns the clone itself and whether its remote can be used. Hooks and the pull are steps of their own, so that a failure
of one of them leaves the clone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from dvx.core.errors import PathRefused
from dvx.ops.project import Project
from dvx.repo.git_address import GitAddress, folder_name
from dvx.repo.git_clone import run_clone


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """What to clone: `branch` None is the default one, `depth` None the whole history."""

    address: GitAddress
    branch: str | None = None
    depth: int | None = None


def clone_repository(
    request: CloneRequest,
    name: str | None,
    *,
    folder: str,
    env: Mapping[str, str],
    is_quiet: bool,
    may_ask: bool,
) -> str:
    """Clone into `name` (relative to `folder`; None: as Git names it) and return its absolute path.

    Git's progress goes to standard error. Raises PathRefused for a folder that is in use, GitError.
    """
    name = name if name is not None else folder_name(request.address)
    place = os.path.abspath(os.path.join(folder, os.path.expanduser(name)))
    if os.path.lexists(place) and not (os.path.isdir(place) and not os.listdir(place)):
        raise PathRefused(
            f"`{name}` is there already and not an empty folder",
            affected="nothing was cloned",
            hints=[f"choose another folder: `dvx clone {request.address.shown} FOLDER`"],
            kind="folder-in-use",
        )
    run_clone(
        request.address,
        place,
        branch=request.branch,
        depth=request.depth,
        cwd=folder,
        env=env,
        is_quiet=is_quiet,
        may_ask=may_ask,
    )
    return place


def check_access(project: Project, remote_name: str | None) -> str:
    """Open the remote, for which address and credentials have to be right, and return where it is."""
    return project.remote(remote_name).location
