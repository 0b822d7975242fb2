"""Where a remote that is a folder may lie: not among what the repository itself keeps.

Owns the refusals. Must not make or open a folder: paths, pointers beside them and Git's ignore rules are looked at.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from dvx.backends.location import Location, parse_location
from dvx.core.errors import DvxError, PathRefused
from dvx.core.shell_words import quote
from dvx.formats.layout import MARKER_KEY
from dvx.ops.project import Project
from dvx.repo.pointers import POINTER_SUFFIX
from dvx.repo.remotes import remote_names
from dvx.repo.repository import Repository


def check_place(project: Project, location: Location, *, name: str) -> None:
    """Raise PathRefused (`remote-in-repository`) for a folder in which data would not be safe.

    That is one inside the Git directory, in or around the local store, in tracked data, or in the work tree where Git
    does not ignore it. A store that is in the work tree already may stay there.
    """
    if location.kind != "folder" or project.repository.is_bare:
        return
    repository = project.repository
    place = os.path.realpath(location.path)
    store = os.path.realpath(project.store_path)
    if _is_within(place, store) or _is_within(store, place):
        raise _refused(repository, name, location, "is the local store of this repository, or lies around it")
    if any(_is_within(place, folder) for folder in (repository.git_dir, repository.common_dir)):
        raise _refused(repository, name, location, "is inside the Git directory")
    if not _is_within(place, repository.root):
        return
    inner = os.path.relpath(place, repository.root).replace(os.sep, "/")
    tracked = _tracked_around(repository, inner)
    if tracked is not None:
        why = f"is inside the tracked data `{tracked}`, which would track itself"
        raise _refused(repository, name, location, why)
    is_new = not os.path.exists(os.path.join(place, MARKER_KEY))
    if inner == "." or (is_new and not project.git.check_ignored([f"{inner}/{MARKER_KEY}"])):
        raise _refused(
            repository,
            name,
            location,
            "is a folder in the work tree: nobody else would have it, and Git would commit it",
            *([f"or, for a copy on this machine only, let Git ignore it: add `/{inner}/` to `.gitignore`"]
              if inner != "." else []),
        )  # fmt: skip


def check_holds_no_remote(project: Project, paths: Sequence[str]) -> None:
    """Raise PathRefused (`remote-in-data`) if one of these paths is, or has inside, a remote that is a folder.

    The store would become data of itself, and change with every push of it.
    """
    folders = dict(_folder_remotes(project))
    for path in paths:
        place = os.path.realpath(project.repository.absolute(path))
        name = next((name for name, folder in folders.items() if _is_within(folder, place)), None)
        if name is not None:
            raise PathRefused(
                f"`{path}` cannot be added: the remote `{name}` is in it, at `{folders[name]}`",
                affected="nothing was added",
                hints=[
                    "add what is beside it, path by path",
                    f"or move the remote out of the repository, and name its new place: "
                    f"`dvx remote add --force {name} FOLDER`",
                ],
                kind="remote-in-data",
            )


def _folder_remotes(project: Project) -> Iterator[tuple[str, str]]:
    for name in remote_names(project.config):
        with suppress(DvxError):  # whoever uses this remote is told
            url = project.remote_config(name).url
            location = parse_location(url, base_dir=project.repository.base_folder)
            if location.kind == "folder":
                yield name, os.path.realpath(location.path)


def _is_within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip(os.sep) + os.sep)


def _tracked_around(repository: Repository, inner: str) -> str | None:
    """The tracked path that is `inner` or above it, if there is one."""
    names = inner.split("/")
    above = ["/".join(names[: count + 1]) for count in range(len(names))]
    return next((p for p in above if os.path.isfile(repository.absolute(p + POINTER_SUFFIX))), None)


def _refused(repository: Repository, name: str, location: Location, why: str, *hints: str) -> PathRefused:
    outside = quote(os.path.join(os.path.dirname(repository.root), "dvx-store"))
    return PathRefused(
        f"the remote `{name}` cannot be `{location.url}`: it {why}",
        affected="nothing was changed",
        hints=[
            f"name a bucket, or a folder outside of the repository: `dvx remote add --force {name} {outside}`",
            *hints,
        ],
        kind="remote-in-repository",
    )
