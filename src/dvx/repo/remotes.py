"""The remotes that the configuration names.

Owns which remote a command uses and what its options are. Must not open a store: addresses are text here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dvx.backends.location import parse_location
from dvx.core.errors import NotFound, UsageError, name_some
from dvx.repo.config import COMMITTED, Config
from dvx.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """One remote. `url` has a scheme, or is the absolute path of a folder; `origin` says where it was set.

    An address that names neither is kept as it was written; whoever opens the remote refuses it.

    `options` holds those that are set, without `url`; `committed` names the keys, `url` among them, that
    come from the committed file.
    """

    name: str
    url: str
    options: Mapping[str, bool | str]
    origin: str
    committed: frozenset[str] = field(default_factory=frozenset)


def remote_names(config: Config) -> list[str]:
    """Return the names of all remotes, those that cannot be used among them, sorted."""
    return sorted(
        {key.split(".")[1] for key in (*config.values, *config.problems) if key.startswith("remote.")}
    )


def default_remote(config: Config, repo: Repository, name: str | None = None) -> RemoteConfig:
    """Return the remote `name`; without a name `core.remote`, else the only one, else `origin`.

    A relative folder is relative to the top of the main work tree. Raises NotFound of kind `no-remote` or
    `unknown-remote`, and UsageError: of kind `remote-not-chosen`, `remote-without-url` for one that has options only,
    `bad-setting` for one whose options cannot be used.
    """
    known = remote_names(config)
    if not known:
        raise NotFound(
            "no remote is configured",
            hints=["add one: `dvx remote add origin URL` (s3://bucket/prefix or a folder)"],
            kind="no-remote",
        )
    wanted = name if name is not None else config.text("core.remote")
    if wanted is None and len(known) == 1:
        return _remote(config, repo, known[0])
    if wanted is None and "origin" not in known:
        raise UsageError(
            f"there are several remotes, {name_some(known)}, and none is the default",
            hints=[f"name one, or choose the default: `dvx remote default {known[0]}`"],
            kind="remote-not-chosen",
        )
    wanted = wanted if wanted is not None else "origin"
    if wanted not in known:
        raise NotFound(
            f"there is no remote `{wanted}`; known are {name_some(known)}",
            hints=["list them: `dvx remote list`", f"add it: `dvx remote add {wanted} URL`"],
            kind="unknown-remote",
        )
    return _remote(config, repo, wanted)


def _remote(config: Config, repo: Repository, name: str) -> RemoteConfig:
    prefix = f"remote.{name}."
    for key, problem in config.problems.items():
        if key.startswith(prefix):
            raise problem
    found = {key[len(prefix) :]: value for key, value in config.values.items() if key.startswith(prefix)}
    url = found.pop("url", None)
    if not isinstance(url, str):
        raise UsageError(
            f"the remote `{name}` has options but no url",
            hints=[f"set it: `dvx config set {prefix}url URL`", f"or remove it: `dvx remote remove {name}`"],
            kind="remote-without-url",
        )
    committed = {option for option in ("url", *found) if config.origins[prefix + option] == COMMITTED}
    return RemoteConfig(
        name=name,
        url=_resolved(url, repo),
        options={option: value if isinstance(value, bool) else str(value) for option, value in found.items()},
        origin=config.origins[prefix + "url"],
        committed=frozenset(committed),
    )


def _resolved(url: str, repo: Repository) -> str:
    if "://" in url:
        return url
    try:
        return parse_location(url, base_dir=repo.base_folder).url
    except UsageError:
        return url
