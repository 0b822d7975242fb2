"""The configuration in force: five layers of settings and where each value comes from.

Owns the order of the layers (flag, environment, local, committed, user) and reading the files. Must not write
(`config_edit` does), print, or run anything that a file names.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dvx.core.errors import GitError, NotFound, UsageError
from dvx.disk.atomic import disk_errors
from dvx.repo.repository import Repository
from dvx.repo.settings import (
    REMOTE_OPTIONS,
    SETTINGS,
    Value,
    check_shareable,
    find_setting,
    parse_value,
)

if TYPE_CHECKING:
    from dvx.repo.track_rules import TrackRule

_MAX_CONFIG_BYTES: Final = 1024 * 1024
_ENVIRONMENT_REMOTE: Final = "DVX_REMOTE_"
COMMITTED: Final = ".dvx/config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings with their origins. Keys are `section.name` or `remote.<name>.<option>`.

    An origin is "flag", "environment variable NAME", ".dvx/config.toml" (the committed file), the path of
    another file, or "default". `rules` are the tables `[track]` of the committed file, then of the local one.
    """

    values: Mapping[str, Value]
    origins: Mapping[str, str]
    rules: "tuple[TrackRule, ...]" = ()

    def get(self, key: str) -> Value | None:
        """Return the value in force, or the default. Raises NotFound for a key that does not exist."""
        setting = find_setting(key)
        return self.values.get(key, setting.default)

    def origin(self, key: str) -> str:
        """Return where the value of `key` comes from. Raises NotFound for a key that does not exist."""
        find_setting(key)
        return self.origins.get(key, "default")

    def flag(self, key: str) -> bool:
        """Return a setting of type bool; one that is unset is false."""
        return bool(self.get(key))

    def number(self, key: str) -> int:
        """Return a setting of type int. Raises TypeError for a key of another type."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(key)
        return value

    def text(self, key: str) -> str | None:
        """Return a setting of type text, or None when it is unset."""
        value = self.get(key)
        return value if isinstance(value, str) else None


def load_config(
    repo: Repository | None, *, env: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> Config:
    """Read all layers; `overrides` are the flags of the command line, as text.

    Without a repository only the user file, the environment and the flags count. Raises UsageError or
    NotFound naming the file for unknown keys, bad values, bad TOML, and secrets in the committed file.
    """
    layers: list[tuple[str, Mapping[str, object]]] = [(_name(p), _read(p)) for p in _user_paths(env)]
    rules: tuple[TrackRule, ...] = ()
    if repo is not None:
        committed, rules = _split_rules(_read_committed(repo), origin=f"`{COMMITTED}`")
        for key, value in committed.items():
            check_shareable(key, value, origin=f"`{COMMITTED}`")
        local_name = _name(repo.local_config_path)
        local, more = _split_rules(_read(repo.local_config_path), origin=f"`{local_name}`")
        layers += [(COMMITTED, committed), (local_name, local)]
        rules += more
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for origin, found in layers:
        _apply(values, origins, origin=origin, found=found)
    for key, variable, text in _environment(env, known=values):
        _apply(values, origins, origin=f"environment variable {variable}", found={key: text})
    _apply(values, origins, origin="flag", found=overrides or {})
    return Config(values=values, origins=origins, rules=rules)


def user_config_path(env: Mapping[str, str]) -> str | None:
    """Return the file of the user's own settings, or None where there is no home."""
    return next(iter(_user_paths(env)), None)


def _user_paths(env: Mapping[str, str]) -> list[str]:
    if sys.platform == "win32":
        folder = env.get("APPDATA", "")
    else:
        home = env.get("HOME", "")
        folder = env.get("XDG_CONFIG_HOME", "") or (os.path.join(home, ".config") if home else "")
    return [os.path.join(folder, "dvx", "config.toml")] if os.path.isabs(folder) else []


def _split_rules(
    found: Mapping[str, object], *, origin: str
) -> "tuple[Mapping[str, object], tuple[TrackRule, ...]]":
    if not any(key.startswith("track.") for key in found):
        return found, ()
    from dvx.repo.track_rules import split_rules  # 15 ms for patterns, only where there are rules

    return split_rules(found, origin=origin)


def _apply(
    values: dict[str, Value], origins: dict[str, str], *, origin: str, found: Mapping[str, object]
) -> None:
    shown = origin if origin.startswith("environment") or origin == "flag" else f"`{origin}`"
    for key, raw in found.items():
        try:
            setting = find_setting(key)
        except (NotFound, UsageError) as error:
            raise type(error)(f"{shown}: {error.what}", hints=error.hints, kind=error.kind) from error
        values[key] = parse_value(setting, raw, key=key, origin=shown)
        origins[key] = origin


def _environment(env: Mapping[str, str], *, known: Mapping[str, Value]) -> Iterator[tuple[str, str, str]]:
    """Yield (key, variable, text) for each variable that sets something; empty ones set nothing."""
    for setting in SETTINGS:
        if env.get(setting.env):
            yield setting.name, setting.env, env[setting.env]
    variables = sorted(name for name in env if name.startswith(_ENVIRONMENT_REMOTE) and env[name])
    if not variables:
        return
    names = {
        key.split(".")[1].upper().replace("-", "_"): key.split(".")[1] for key in known if _of_remote(key)
    }
    options = {option.env: option.name for option in REMOTE_OPTIONS}
    # The longest option first, so that X_SSE_KMS_KEY_ID is the option of `x`, not part of a name.
    alternatives = "|".join(sorted(options, key=len, reverse=True))
    pattern = re.compile(f"{_ENVIRONMENT_REMOTE}([A-Za-z0-9_]+?)_({alternatives})")
    for variable in variables:
        match = pattern.fullmatch(variable)
        if match:
            name = names.get(match[1].upper(), match[1].lower())
            yield f"remote.{name}.{options[match[2]]}", variable, env[variable]


def _of_remote(key: str) -> bool:
    return key.startswith("remote.")


def _name(path: str) -> str:
    return path.replace(os.sep, "/")


def _read_committed(repo: Repository) -> dict[str, object]:
    """The committed file; without a work tree that of HEAD."""
    if not repo.is_bare:
        return _read(repo.config_path)
    try:
        return _parse(repo.git().run(["cat-file", "blob", f"HEAD:{COMMITTED}"]), f"HEAD:{COMMITTED}")
    except GitError:
        return {}


def _read(path: str) -> dict[str, object]:
    with disk_errors(path, "read"):
        try:
            with open(path, "rb") as file:
                data = file.read(_MAX_CONFIG_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return {}
    return _parse(data, path)


def _parse(data: bytes, path: str) -> dict[str, object]:
    import tomli  # 7 ms that a clone without configuration does not need

    try:
        if len(data) > _MAX_CONFIG_BYTES:
            raise ValueError(f"more than {_MAX_CONFIG_BYTES} bytes")
        table = tomli.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"`{_name(path)}` is not valid TOML: {str(error)[:200]}",
            hints=[f"correct it in an editor: `{_name(path)}`"],
            kind="bad-config",
        ) from error
    return dict(_flat(table, ""))


def _flat(table: Mapping[str, object], prefix: str, depth: int = 3) -> Iterator[tuple[str, object]]:
    """Yield `a.b.c` keys; deeper tables come out as values, which no setting accepts."""
    for key, value in table.items():
        if isinstance(value, dict) and depth > 1:
            yield from _flat(value, f"{prefix}{key}.", depth - 1)
        else:
            yield prefix + key, value
