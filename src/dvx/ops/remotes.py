"""`dvx remote`: add, remove, choose and check remotes.

Owns what a valid remote is and where it is written. Must not move data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dvx.backends.backend import Backend
from dvx.backends.location import check_options, parse_location
from dvx.backends.probe import ProbeFinding, probe_backend
from dvx.core.errors import NotFound, UsageError
from dvx.ops.project import Project
from dvx.ops.remote_places import check_place
from dvx.ops.tracking import stage
from dvx.repo.committed_files import writable_place
from dvx.repo.config import COMMITTED
from dvx.repo.config_edit import set_value, unset_value
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


def add_remote(
    project: Project, name: str, url: str, *, options: Options, force: bool, local: bool, make_default: bool
) -> str:
    """Write a remote to the committed (or local) configuration; returns its address as it will be used.

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
    path = repository.local_config_path if local else writable_place(repository, COMMITTED)
    if name in known:
        _drop(path, f"remote.{name}")
        project.index.know_store(location.url, None)
    set_value(path, f"remote.{name}.url", url, committed=not local)
    for option, value in options.items():
        text = str(value).lower() if isinstance(value, bool) else value
        set_value(path, f"remote.{name}.{option}", text, committed=not local)
    if make_default or not known:
        set_value(path, "core.remote", name, committed=not local)
    _stage_config(project, local=local)
    return location.url


def check_setting(project: Project, key: str, value: str) -> None:
    """Refuse what `add_remote` would refuse, for an address that is written as a setting."""
    section, _, rest = key.partition(".")
    name, _, option = rest.rpartition(".")
    if section == "remote" and option == "url":
        check_place(project, parse_location(value, base_dir=project.repository.root), name=name)


def remove_remote(project: Project, name: str) -> None:
    """Remove a remote from the configuration; the data there is not touched."""
    repository = project.repository
    if name not in remote_names(project.config):
        raise NotFound(
            f"there is no remote `{name}`", hints=["list them: `dvx remote list`"], kind="unknown-remote"
        )
    paths = (
        writable_place(repository, COMMITTED),
        repository.local_config_path,
        repository.worktree_config_path,
    )
    is_default = project.config.text("core.remote") == name
    for path in filter(None, paths):
        _drop(path, f"remote.{name}")
        if is_default:
            _drop(path, "core.remote")
    _stage_config(project, local=False)


def choose_remote(project: Project, name: str, *, local: bool) -> None:
    """Make a remote the default."""
    project.remote_config(name)
    repository = project.repository
    path = repository.local_config_path if local else writable_place(repository, COMMITTED)
    set_value(path, "core.remote", name, committed=not local)
    _stage_config(project, local=local)


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


def _drop(path: str, key: str) -> None:
    try:
        unset_value(path, key)
    except NotFound:
        return


def _stage_config(project: Project, *, local: bool) -> None:
    if not local:
        stage(project, [COMMITTED])
