"""`dvx remote`: add, remove, choose and check remotes.

Owns what a valid remote is and where it is written. Must not move data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dvx.backends.backend import Backend
from dvx.backends.location import check_options, parse_location
from dvx.backends.probe import ProbeFinding, probe_backend
from dvx.core.errors import NotFound, UsageError
from dvx.ops.config_changes import change_committed, change_local
from dvx.ops.project import Project
from dvx.ops.rehearsal import tell_foretold
from dvx.ops.remote_places import check_place
from dvx.repo.config_edit import with_value, without_value
from dvx.repo.remotes import remote_names
from dvx.repo.settings import check_remote_name
from dvx.store.marker import marker_problem, renew_marker

Options = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `dvx remote check` found; `is_renewed` says that the marker was written."""

    name: str
    location: str
    findings: tuple[ProbeFinding, ...]
    is_renewed: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether everything that dvx needs works."""
        return all(finding.ok for finding in self.findings if finding.required)


@dataclass(frozen=True, slots=True)
class NewRemote:
    """A remote that may be added: what its configuration file becomes, and its address as it will be used."""

    edit: Callable[[bytes, str], bytes]
    location: str


def add_remote(
    project: Project, name: str, url: str, *, options: Options, force: bool, local: bool, make_default: bool
) -> str:
    """Write a remote to the committed (or local) configuration; returns its address as it will be used.

    Raises as plan_remote.
    """
    command = ("remote", "add", name, url)
    if command in project.finished:
        force = True  # the same command was interrupted, and is finished by now
    new = plan_remote(
        project, name, url, options=options, force=force, local=local, make_default=make_default
    )
    _change(project, new.edit, command=command, local=local)
    return new.location


def plan_remote(
    project: Project, name: str, url: str, *, options: Options, force: bool, local: bool, make_default: bool
) -> NewRemote:
    """Check a remote, and tell what adding it changes.

    Raises UsageError for a bad name, address or option, and for a name that is taken unless `force` is set.
    """
    check_remote_name(name)
    repository = project.repository
    location = parse_location(url, base_dir=repository.base_folder)
    check_options(location, options)
    check_place(project, location, name=name)
    known = remote_names(project.config)
    if name in known and not force:
        raise UsageError(
            f"there is a remote `{name}` already",
            affected="nothing was changed",
            hints=[f"replace it: `dvx remote add --force {name} {url}`", "or choose another name"],
        )
    if name in known:
        project.index.know_store(location.url, None)
    is_default = make_default or not known

    def edit(data: bytes, path: str) -> bytes:
        if name in known:
            data = _without(data, f"remote.{name}", path=path)
        values = {f"remote.{name}.url": url} | {
            f"remote.{name}.{key}": _text(options[key]) for key in options
        }
        for key, value in (values | ({"core.remote": name} if is_default else {})).items():
            data = with_value(data, key, value, path=path, committed=not local)
        return data

    return NewRemote(edit, location.url)


def _text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def check_setting(project: Project, key: str, value: str) -> None:
    """Refuse what `add_remote` would refuse, for an address that is written as a setting."""
    section, _, rest = key.partition(".")
    name, _, option = rest.rpartition(".")
    if section == "remote" and option == "url":
        check_place(project, parse_location(value, base_dir=project.repository.root), name=name)


def remove_remote(project: Project, name: str) -> None:
    """Remove a remote from the configuration; the data there is not touched."""
    repository = project.repository
    command = ("remote", "remove", name)
    if command in project.finished:
        return  # the same command was interrupted, and is finished by now
    if name not in remote_names(project.config):
        raise NotFound(
            f"there is no remote `{name}`", hints=["list them: `dvx remote list`"], kind="unknown-remote"
        )
    is_default = project.config.text("core.remote") == name

    def edit(data: bytes, path: str) -> bytes:
        data = _without(data, f"remote.{name}", path=path)
        return _without(data, "core.remote", path=path) if is_default else data

    for path in filter(None, (repository.local_config_path, repository.worktree_config_path)):
        change_local(project, path, partial(edit, path=path), command=command)
    _change(project, edit, command=command, local=False)


def choose_remote(project: Project, name: str, *, local: bool) -> None:
    """Make a remote the default."""
    project.remote_config(name)

    def edit(data: bytes, path: str) -> bytes:
        return with_value(data, "core.remote", name, path=path, committed=not local)

    _change(project, edit, command=["remote", "default", name], local=local)


def check_remote(project: Project, name: str | None, *, repairs: bool = False) -> CheckReport:
    """Try everything that dvx does with a store on small objects of its own, and remove them.

    With `repairs`, a marker that is missing or damaged is written again where all of that works.
    """
    remote = project.remote_config(name)
    project.check_place(remote)
    backend = project.open_backend(remote)
    try:
        report = CheckReport(remote.name, backend.location, tuple(probe_backend(backend)))
        if not report.is_usable:
            return report
        is_renewed = repairs and _renew(project, backend)
        problem = marker_problem(backend)
        detail = problem or (
            "its marker was written again" if is_renewed else "its marker is as it should be"
        )
        marker = ProbeFinding("marker", ok=problem is None, detail=detail, required=True)
        return replace(report, findings=(*report.findings, marker), is_renewed=is_renewed)
    finally:
        backend.close()


def _renew(project: Project, backend: Backend) -> bool:
    store_id = renew_marker(backend, known_id=project.index.known_store(backend.location))
    if store_id is not None:
        project.index.know_store(backend.location, store_id)
    return store_id is not None


def _change(
    project: Project, edit: Callable[[bytes, str], bytes], *, command: Sequence[str], local: bool
) -> None:
    repository = project.repository
    if not local:
        place = repository.config_path
        change_committed(project, lambda data: edit(data, place), command=command)
        return
    place = repository.local_config_path
    change_local(project, place, lambda data: edit(data, place), command=command)
    tell_foretold(project)


def _without(data: bytes, key: str, *, path: str) -> bytes:
    try:
        return without_value(data, key, path=path)
    except NotFound:
        return data
