"""The configuration in force: layers of settings and where each value comes from.

Owns the order of the layers (flag, environment, work tree, local, committed, user), reading the files, and what becomes
of a setting that cannot be used. Must not write (`config_edit` does), print, or run anything that a file names.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dvx.core.errors import DvxError, GitError, NotFound, UsageError
from dvx.core.text_marks import decode_text
from dvx.disk.small_files import read_small_file
from dvx.repo.committed_files import read_committed_file
from dvx.repo.repository import Repository
from dvx.repo.settings import (
    REMOTE_OPTIONS,
    SETTINGS,
    Value,
    check_shareable,
    example_value,
    find_setting,
    known_setting,
    parse_value,
)

if TYPE_CHECKING:
    from dvx.repo.track_rules import TrackRule

MAX_CONFIG_BYTES: Final = 1024 * 1024
_ENVIRONMENT_REMOTE: Final = "DVX_REMOTE_"
COMMITTED: Final = ".dvx/config.toml"
# Unknown settings that are named; a few show that dvx is too old, or where the mistake is.
_MOST_NAMED: Final = 10
# Errors that come from settings alone, and say nothing of the data.
CONFIG_KINDS: Final = frozenset(
    {"bad-config", "bad-setting", "not-a-regular-file", "not-shared", "secret-in-config", "symlink-out"}
)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings with their origins. Keys are `section.name` or `remote.<name>.<option>`.

    An origin is "flag", "environment variable NAME", ".dvx/config.toml" (the committed file), the path of
    another file, or "default". `rules` are the tables `[track]` of the committed file, then of the local ones.
    `problems` are settings whose value cannot be used: whoever asks for one gets the error. `unknown` says, a
    sentence each, what the files have that this dvx does not know.
    """

    values: Mapping[str, Value]
    origins: Mapping[str, str]
    rules: "tuple[TrackRule, ...]" = ()
    problems: Mapping[str, DvxError] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def get(self, key: str) -> Value | None:
        """Return the value in force, or the default.

        Raises NotFound for a key that does not exist, UsageError for a value that cannot be used.
        """
        setting = find_setting(key)
        if key in self.problems:
            raise self.problems[key]
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

    Without a repository only the user file, the environment and the flags count. What a file has that cannot be
    used, or that only a newer dvx knows, is noted in the answer. Raises UsageError for a bad value of the environment
    or a flag, bad TOML, and secrets in the committed file; PathRefused, LocalDiskError.
    """
    layers = _Layers()
    for path in _user_paths(env):
        layers.add_file(_name(path), _read(path), scope="--user ")
    if repo is not None:
        layers.add_file(COMMITTED, _read_committed(repo), is_committed=True)
        layers.add_file(_name(repo.local_config_path), _read(repo.local_config_path), scope="--local ")
        if repo.worktree_config_path is not None:
            layers.add_file(_name(repo.worktree_config_path), _read(repo.worktree_config_path))
    for key, variable, text in _environment(env, known=layers.values):
        layers.add_typed(key, text, origin=f"environment variable {variable}", variable=variable)
    for key, text in (overrides or {}).items():
        layers.add_typed(key, text, origin="flag")
    return Config(
        values=layers.values,
        origins=layers.origins,
        rules=tuple(layers.rules),
        problems=layers.problems,
        unknown=tuple(layers.unknown),
    )


class _Layers:
    """Settings as they are found, each layer over those before."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.origins: dict[str, str] = {}
        self.problems: dict[str, DvxError] = {}
        self.unknown: list[str] = []
        self.rules: list[TrackRule] = []

    def add_file(
        self, origin: str, found: Mapping[str, object], *, scope: str = "", is_committed: bool = False
    ) -> None:
        """Add a file; one bad line in it does not keep the others from being used.

        `scope` is the option of `dvx config set` for this file.
        """
        editable = is_committed or bool(scope)
        shown = f"`{origin}`"
        for key, raw in self._without_rules(found, origin=shown).items():
            try:
                if is_committed:
                    check_shareable(key, raw, origin=shown)
                setting = known_setting(key)
                if setting is None:
                    self._note_unknown(key, origin=shown)
                    continue
                hint = f"set it: `dvx config set {scope}{key} {example_value(setting)}`"
                if not editable:
                    hint = f"correct it in an editor: {shown}"
                self._set(key, parse_value(setting, raw, key=key, origin=shown, hint=hint), origin)
            except UsageError as error:
                if error.kind == "secret-in-config":
                    raise
                self.problems[key] = error

    def add_typed(self, key: str, text: str, *, origin: str, variable: str | None = None) -> None:
        """Add what was typed for this command, which fails at once if it cannot be used."""
        hint = f"give it such a value, or take it away: `unset {variable}`" if variable else None
        value = parse_value(find_setting(key), text, key=key, origin=origin, hint=hint)
        self._set(key, value, origin)

    def _set(self, key: str, value: Value, origin: str) -> None:
        self.values[key] = value
        self.origins[key] = origin
        self.problems.pop(key, None)

    def _note_unknown(self, key: str, *, origin: str) -> None:
        if len(self.unknown) >= _MOST_NAMED:
            return  # a file may have a hundred thousand, and looking for similar names takes its time
        near = ""
        try:
            find_setting(key)
        except (NotFound, UsageError) as error:
            near = next((f"; {hint}" for hint in error.hints if hint.startswith("did you mean")), "")
        what = f"{origin} has `{key[:80]}`, which this dvx does not know and leaves out"
        self.unknown.append(what + near)

    def _without_rules(self, found: Mapping[str, object], *, origin: str) -> Mapping[str, object]:
        if not any(key.startswith("track.") for key in found):
            return found
        from dvx.repo.track_rules import split_rules  # 15 ms for patterns, only where there are rules

        parts = split_rules(found, origin=origin)
        self.rules += parts.rules
        self.unknown += parts.unknown
        return parts.settings


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
        data = read_committed_file(repo, COMMITTED, limit_bytes=MAX_CONFIG_BYTES)
        return {} if data is None else _parse(data, COMMITTED)
    try:
        return _parse(repo.git().run(["cat-file", "blob", f"HEAD:{COMMITTED}"]), f"HEAD:{COMMITTED}")
    except GitError:
        return {}


def _read(path: str) -> dict[str, object]:
    data = read_small_file(path, limit_bytes=MAX_CONFIG_BYTES)
    return {} if data is None else _parse(data, path)


def _parse(data: bytes, path: str) -> dict[str, object]:
    import tomli  # 7 ms that a clone without configuration does not need

    try:
        if len(data) > MAX_CONFIG_BYTES:
            raise ValueError(f"more than {MAX_CONFIG_BYTES} bytes")
        table = tomli.loads(decode_text(data))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"`{_name(path)}` is not valid TOML: {str(error)[:200]}",
            hints=[f"correct it in an editor: `{_name(path)}`"],
            kind="bad-config",
        ) from error
    return dict(_flat(table, ""))


def _flat(table: Mapping[str, object], prefix: str, depth: int = 3) -> Iterator[tuple[str, object]]:
    """Yield `a.b.c` keys; deeper tables come out as values, which no setting accepts,"""
    for key, value in table.items():
        if isinstance(value, dict) and depth > 1:
            yield from _flat(value, f"{prefix}{key}.", depth - 1)
        else:
            yield prefix + key, value
