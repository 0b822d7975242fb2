"""Files of parameters and metrics: from bytes and a name to flat values, of any revision.

Owns which name means which format, and the bounds on size. Each format is in a module of its own (`value_yaml`,
`value_python`, `value_env`, `value_rows`), folders that other tools write are in `value_layouts`. Reads bytes only:
must not open files, run anything, or know what the values are recorded in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dvx.core.errors import UsageError
from dvx.formats.metadata import Value
from dvx.repo.value_env import parse_env, parse_ini
from dvx.repo.value_flat import MAX_FILE_BYTES, decoded, flat_values, unreadable
from dvx.repo.value_flat import FileValues as FileValues
from dvx.repo.value_flat import LeftOut as LeftOut
from dvx.repo.value_python import parse_python
from dvx.repo.value_rows import (
    Series,
    last_cells,
    last_values,
    parse_json,
    parse_json_lines,
    parse_table,
    series_of_lists,
    series_of_rows,
)
from dvx.repo.value_trainer import is_trainer_state, trainer_series, trainer_values
from dvx.repo.value_yaml import parse_yaml

# People write parameters by hand: the largest files known are some KiB. YAML takes seconds for each MiB.
MAX_PARAMETER_BYTES: Final = 1024 * 1024

_Table = Mapping[object, object]
_SERIES_ENDS: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
_KNOWN: Final = ".yaml, .toml, .json, .jsonl, .csv, .tsv, .env, .ini or .py"


def read_values(
    data: bytes, name: str, *, keys: Sequence[str] = (), step: str | None = None
) -> Mapping[str, Value]:
    """Return the values that a file holds, by names with dots; `name` says the format.

    `keys` select names, and everything below them. `step` selects a row of a file that has steps: a value of its step
    column, or `COLUMN=VALUE`; the last values without it. What a pointer cannot hold is left out, and `keys` that
    are not there give nothing: `read_file_values` names both. Raises UsageError of kind `bad-value-file`,
    `unknown-value-format` or `no-such-step`.
    """
    return read_file_values(data, name, keys=keys, step=step).values


def read_file_values(
    data: bytes, name: str, *, keys: Sequence[str] = (), step: str | None = None
) -> FileValues:
    """As read_values, with what was left out and why, and the keys that are not there."""
    _check_size(data, name)
    if step is not None:
        return flat_values(last_values(read_series(data, name), step=step, name=name), keys=keys)
    base = _base(name)
    if base.endswith((".csv", ".tsv")):
        return flat_values(last_cells(data, name, delimiter=_delimiter(base)), keys=keys)
    if base.endswith(_SERIES_ENDS):
        return flat_values(last_values(read_series(data, name), step=None, name=name), keys=keys)
    if base.endswith(".json"):
        return flat_values(_json_values(data, name, has_keys=bool(keys)), keys=keys)
    return flat_values(_table_of(_parser(name)(data, name), name), keys=keys)


def read_series(data: bytes, name: str) -> Series:
    """Return what a file says step by step: CSV, TSV, JSON Lines, a list in JSON, or a trainer's state.

    Raises UsageError as read_values does; a JSON file without steps is refused as `no-such-step`.
    """
    _check_size(data, name)
    base = _base(name)
    if base.endswith((".csv", ".tsv")):
        return parse_table(data, name, delimiter=_delimiter(base))
    if base.endswith((".jsonl", ".ndjson")):
        return parse_json_lines(data, name)
    if base.endswith(".json"):
        found = parse_json(data, name)
        if isinstance(found, list):
            return series_of_rows(found, name)
        if is_trainer_state(found):
            return trainer_series(found, name)
        series = series_of_lists(found) if isinstance(found, Mapping) else None
        if series is not None:
            return series
    raise UsageError(
        f"`{name}` has no steps",
        hints=["name a CSV, TSV or JSON Lines file, or a `trainer_state.json`"],
        kind="no-such-step",
    )


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _delimiter(base: str) -> str:
    return "\t" if base.endswith(".tsv") else ","


def _check_size(data: bytes, name: str) -> None:
    is_long = _base(name).endswith((*_SERIES_ENDS, ".json"))
    limit = MAX_FILE_BYTES if is_long else MAX_PARAMETER_BYTES
    if len(data) > limit:
        raise unreadable(name, f"it has {len(data)} bytes, more than {limit}")


def _json_values(data: bytes, name: str, *, has_keys: bool) -> _Table:
    found = parse_json(data, name)
    if isinstance(found, list) and found:
        return last_values(series_of_rows(found, name), step=None, name=name)
    if is_trainer_state(found):
        return trainer_values(found, name, with_settings=has_keys)
    return _table_of(found, name)


def _parser(name: str) -> Callable[[bytes, str], object]:
    parser = _find_parser(_base(name))
    if parser is None:
        raise UsageError(
            f"`{name}` has a name that says no known format",
            affected="nothing was recorded",
            hints=[f"name a file that ends in {_KNOWN}"],
            kind="unknown-value-format",
        )
    return parser


def _find_parser(base: str) -> Callable[[bytes, str], object] | None:
    if base == ".env" or base.startswith(".env.") or base.endswith(".env"):
        return parse_env
    ends: dict[str, Callable[[bytes, str], object]] = {
        ".yaml": parse_yaml,
        ".yml": parse_yaml,
        ".toml": _parse_toml,
        ".ini": parse_ini,
        ".cfg": parse_ini,
        ".py": parse_python,
    }
    return ends.get(base[base.rfind(".") :]) if "." in base else None


def _parse_toml(data: bytes, name: str) -> object:
    import tomli  # 5 ms that other formats do not need

    try:
        return tomli.loads(decoded(data, name))
    except (ValueError, RecursionError) as error:
        raise unreadable(name, f"it is not TOML ({error})") from error


def _table_of(found: object, name: str) -> _Table:
    if found is None or found == []:
        return {}  # an empty file says nothing
    if not isinstance(found, Mapping):
        raise unreadable(name, "it holds no names with values")
    return found
