"""The settings that dvx knows: their names, types, defaults and meanings.

Owns the table, the reading of a value from text or TOML, and what may not be in a committed file. Must not
open a file; `config` does.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from dvx.core.errors import DvxError, NotFound, UsageError

Value = bool | int | str

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_REMOTE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SECRET_WORDS: Final = ("access_key", "secret", "token", "password")
_URL_PASSWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*:[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `env` is its environment variable; `least` bounds a number from below.

    A setting that is not `shared` concerns one machine and is refused in the committed file.
    """

    name: str
    type: Literal["bool", "int", "text"]
    default: Value | None
    meaning: str
    env: str
    choices: tuple[str, ...] = ()
    least: int = 0
    shared: bool = True


def _cores() -> int:
    """Count the cores this process may use (a container often has fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


SETTINGS: Final = (
    Setting("core.autostage", "bool", True, "stage pointers and .gitignore after `dvx add`", "DVX_AUTOSTAGE"),
    Setting("core.jobs", "int", _cores(), "things to do at once (default: cores)", "DVX_JOBS", least=1),
    Setting("core.remote", "text", None, "the remote that commands use when none is named", "DVX_REMOTE"),
    Setting(
        "core.lock_timeout_s", "int", 30, "seconds to wait for another dvx command", "DVX_LOCK_TIMEOUT_S"
    ),
    Setting(
        "core.portable", "text", "warn", "what to do about names that Windows cannot hold", "DVX_PORTABLE",
        choices=("warn", "refuse", "allow"),
    ),
    Setting("core.progress", "bool", True, "show the progress of long work", "DVX_PROGRESS"),
    # Not shared: a cloned repository must not choose which folder of the machine is written to.
    Setting("store.path", "text", None, "folder of the local store", "DVX_STORE_PATH", shared=False),
    Setting(
        "store.compression", "text", "auto", "what to compress", "DVX_STORE_COMPRESSION",
        choices=("auto", "none"),
    ),
    Setting(
        "network.retry_deadline_s", "int", 300, "seconds to keep trying a store that fails",
        "DVX_NETWORK_RETRY_DEADLINE_S",
    ),
    Setting(
        "hooks.push", "text", "block", "what `git push` does when data is not on the remote", "DVX_HOOKS_PUSH",
        choices=("block", "push", "warn"),
    ),
    Setting(
        "hooks.stale_metadata", "text", "warn",
        "what `git commit` does when a pointer has older parameters or metrics than their files",
        "DVX_HOOKS_STALE_METADATA", choices=("off", "warn", "block"),
    ),
    Setting("hooks.fetch", "bool", False, "fetch data after `git switch` and the like", "DVX_HOOKS_FETCH"),
    Setting("params.files", "text", None, "files of parameters, by commas; `*` is a pattern", "DVX_PARAMS_FILES"),
    Setting("metrics.files", "text", None, "files of metrics, by commas; `*` is a pattern", "DVX_METRICS_FILES"),
)  # fmt: skip

# Options of a remote: `remote.<name>.<option>`, or DVX_REMOTE_<NAME>_<OPTION>.
REMOTE_OPTIONS: Final = (
    Setting("url", "text", None, "where the store is: s3://bucket/prefix, a folder, file:///folder", "URL"),
    Setting("endpoint", "text", None, "address of a server that speaks S3", "ENDPOINT"),
    Setting("region", "text", None, "region of the bucket", "REGION"),
    Setting("profile", "text", None, "profile in the AWS configuration that has the credentials", "PROFILE"),
    Setting(
        "addressing", "text", None, "bucket in the path or in the host name", "ADDRESSING",
        choices=("auto", "path", "virtual"),
    ),
    Setting(
        "checksum", "text", None, "when to send checksums", "CHECKSUM",
        choices=("auto", "when_required", "when_supported"),
    ),
    Setting("anonymous", "bool", None, "read without credentials", "ANONYMOUS"),
    Setting("storage_class", "text", None, "storage class of new objects", "STORAGE_CLASS"),
    Setting("sse", "text", None, "encryption at the server: AES256 or aws:kms", "SSE"),
    Setting("sse_kms_key_id", "text", None, "key for aws:kms", "SSE_KMS_KEY_ID"),
)  # fmt: skip


# `[metrics.direction]` has one line for each metric, whose name may have dots: "val.x" = "lower".
DIRECTION_PREFIX: Final = "metrics.direction."
_DIRECTION: Final = Setting(
    "metrics.direction",
    "text",
    None,
    "which value of a metric is better",
    "",
    choices=("lower", "higher", "none"),
)


def find_setting(key: str) -> Setting:
    """Return the setting that `key` names.

    Raises NotFound (kind `unknown-setting`) naming similar ones, UsageError for a name that no remote can have.
    """
    found = known_setting(key)
    if found is not None:
        return found
    name = key.partition(".")[2].rpartition(".")[0]
    if key.startswith("remote.") and name:
        check_remote_name(name)
    raise _unknown(key, name)


def known_setting(key: str) -> Setting | None:
    """As find_setting; None for what it refuses."""
    for setting in SETTINGS:
        if setting.name == key:
            return setting
    if key.startswith(DIRECTION_PREFIX) and len(key) > len(DIRECTION_PREFIX):
        return _DIRECTION
    section, _, rest = key.partition(".")
    name, _, option_name = rest.rpartition(".")
    if section == "remote" and _REMOTE_NAME.fullmatch(name):
        return next((option for option in REMOTE_OPTIONS if option.name == option_name), None)
    return None


def key_parts(key: str) -> list[str]:
    """Split a key into the names of its tables and its own; the name of a metric stays whole."""
    if key.startswith(DIRECTION_PREFIX):
        return [*DIRECTION_PREFIX.split(".")[:-1], key[len(DIRECTION_PREFIX) :]]
    return key.split(".")


def check_remote_name(name: str) -> None:
    """Raise UsageError unless `name` has 1 to 64 letters, digits, `-` and `_`, the first no sign."""
    if not _REMOTE_NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a remote",
            hints=["use letters, digits, `-` and `_`: `dvx remote add origin URL`"],
            kind="bad-remote-name",
        )


def parse_value(setting: Setting, raw: object, *, key: str, origin: str, hint: str | None = None) -> Value:
    """Read a value from TOML (already typed) or from text. Raises UsageError (kind `bad-setting`).

    `hint` says how to change it where it is; the default is for the committed file.
    """
    value = _of_type(setting, raw)
    problem = None
    if value is None or (setting.type == "text" and not value):
        problem = {"bool": "true or false", "int": "a whole number", "text": "text"}[setting.type]
    elif setting.choices and value not in setting.choices:
        problem = "one of " + ", ".join(f"`{choice}`" for choice in setting.choices)
    elif setting.type == "int" and isinstance(value, int) and not setting.least <= value < 2**31:
        problem = f"a number of at least {setting.least}"
    if value is None or problem is not None:
        raise UsageError(
            f"`{key}` must be {problem}, and {origin} has {_shown(raw)}",
            hints=[hint or f"set it: `dvx config set {key} {example_value(setting)}`"],
            kind="bad-setting",
        )
    return value


def _shown(raw: object) -> str:
    """The start of a value; a number may have more digits than Python turns into text."""
    return f"{raw:#x}"[:80] if isinstance(raw, int) and abs(raw) >= 2**64 else repr(str(raw)[:80])


def example_value(setting: Setting) -> str:
    """A value that the setting can have, for a command that a person can run."""
    if setting.choices:
        return setting.choices[0]
    if setting.default is not None:
        return str(setting.default).lower()
    return "true" if setting.type == "bool" else "VALUE"


def check_shareable(key: str, value: object, *, origin: str) -> None:
    """Refuse what must not be in a committed file: secrets, and settings of one machine.

    Raises UsageError of kind `secret-in-config` or `not-shared`. The secret is not repeated in the message.
    """
    if is_secret(key, value):
        raise UsageError(
            f"`{key}` in {origin} holds a secret; everybody who can read the repository would have it",
            affected="nothing was used or changed; if it was pushed before, change the secret",
            hints=[
                "keep it out of the file: `aws configure --profile NAME`, "
                "then `dvx config set remote.REMOTE.profile NAME`",
                "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
            ],
            kind="secret-in-config",
        )
    if any(setting.name == key and not setting.shared for setting in SETTINGS):
        raise UsageError(
            f"`{key}` in {origin} concerns one machine and is not read from a committed file",
            hints=[f"set it for this clone only: `dvx config set --local {key} VALUE`"],
            kind="not-shared",
        )


def is_secret(key: str, value: object) -> bool:
    """Tell whether a key names a credential, or a value is an address with a password in it."""
    if key.startswith(DIRECTION_PREFIX):
        return False  # a metric may count tokens
    last = key.rpartition(".")[2].lower().replace("-", "_")
    if any(word in last for word in _SECRET_WORDS):
        return True
    return isinstance(value, str) and _URL_PASSWORD.match(value) is not None


def _of_type(setting: Setting, raw: object) -> Value | None:
    if setting.type == "bool":
        if isinstance(raw, str):
            return True if raw.lower() in _TRUE else False if raw.lower() in _FALSE else None
        return raw if isinstance(raw, bool) else None
    if setting.type == "int":
        if isinstance(raw, str):
            return int(raw) if re.fullmatch(r"-?[0-9]{1,12}", raw.strip()) else None
        return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
    return raw if isinstance(raw, str) else None


def _unknown(key: str, remote: str) -> DvxError:
    known: Iterable[str] = [setting.name for setting in SETTINGS]
    known = [*known, *(f"remote.{remote or 'origin'}.{option.name}" for option in REMOTE_OPTIONS)]
    from difflib import get_close_matches  # 5 ms, and only a mistake needs it

    near = get_close_matches(key, known, n=3, cutoff=0.6)
    hints = [f"did you mean {' or '.join(f'`{name}`' for name in near)}?"] if near else []
    return NotFound(
        f"there is no setting `{key[:80]}`",
        hints=[*hints, "list all settings: `dvx config list`"],
        kind="unknown-setting",
    )
