"""`dvx clone`: a Git clone that is ready to work with.

Owns the clone itself and whether its remote can be used. Hooks and the pull are steps of their own, so that a failure
of one of them leaves the clone.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dvx.core.errors import DvxError, PathRefused
from dvx.core.ids import short_git_id
from dvx.core.sizes import format_size
from dvx.ops.foreign import Foreign, clean_path
from dvx.ops.project import Project
from dvx.repo.git_address import GitAddress, folder_name
from dvx.repo.git_clone import run_clone
from dvx.repo.imports import IMPORT_TABLE


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
    place = _free_place(request, name, folder)
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


def _free_place(request: CloneRequest, name: str | None, folder: str) -> str:
    name = name if name is not None else folder_name(request.address)
    place = os.path.abspath(os.path.join(folder, os.path.expanduser(name)))
    if os.path.lexists(place) and not (os.path.isdir(place) and not os.listdir(place)):
        raise PathRefused(
            f"`{name}` is there already and not an empty folder",
            affected="nothing was cloned",
            hints=[f"choose another folder: `dvx clone {request.address.shown} FOLDER`"],
            kind="folder-in-use",
        )
    return place


def rehearse_clone(
    request: CloneRequest,
    name: str | None,
    targets: Sequence[str],
    *,
    folder: str,
    foreign: Foreign,
    remote_name: str | None,
) -> Iterator[str]:
    """What a clone would do, told from the commit that it would check out. Raises as clone_repository."""
    place = _free_place(request, name, folder)
    yield f"clone commit {short_git_id(foreign.commit)} of `{request.address.shown}` into `{place}`"
    yield "install the hooks of dvx there"
    if not foreign.pointers and not targets:
        return
    try:
        chosen = [target for path in targets or [""] for target in foreign.targets(clean_path(path))]
        if not all(IMPORT_TABLE in target.tracked.pointer.extra for target in chosen):
            check_access(foreign.project, remote_name)
    except DvxError as error:
        yield f"fail to pull the data: {error.what}"
        return
    pointers = {target.tracked.path: target.tracked.pointer for target in chosen}
    size = format_size(sum(pointer.size for pointer in pointers.values()))
    within = " at most" if any(target.inside for target in chosen) else ""
    yield f"pull {len(pointers)} tracked path{'s' * (len(pointers) != 1)}, {size}{within}"


def check_access(project: Project, remote_name: str | None) -> str:
    """Open the remote, for which address and credentials have to be right, and return where it is."""
    return project.remote(remote_name).location
