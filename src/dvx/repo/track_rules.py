"""The tables `[track."PATTERN"]` of the configuration: what is recorded with every add of matching data.

Owns their keys and the checks on them. They come with a cloned repository, so they may name files inside it only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from dvx.core.errors import DvxError, PathRefused, UsageError
from dvx.core.paths import check_stored_path
from dvx.repo.targets import matches_pattern
from dvx.repo.value_spec import ValueSpec, parse_spec

TRACK: Final = "track."
_OPTIONS: Final = ("params", "metrics", "from")
_EXAMPLE: Final = 'such as `[track."models/*.safetensors"]` with `params = ["params.yaml:train"]`'


@dataclass(frozen=True, slots=True)
class TrackRule:
    """What goes with the data paths that `pattern` matches: files of values, and the data they are made from.

    `problem` is why it cannot be used: an error for the data that it is about, and for no other.
    """

    pattern: str
    params: tuple[ValueSpec, ...] = ()
    metrics: tuple[ValueSpec, ...] = ()
    inputs: tuple[str, ...] = ()
    problem: DvxError | None = None

    def matches(self, path: str) -> bool:
        """Whether a data path is meant."""
        return matches_pattern(self.pattern, path)


class SplitRules(NamedTuple):
    """Settings, rules, and a sentence for each key of a rule that this dvx does not know."""

    settings: dict[str, object]
    rules: tuple[TrackRule, ...]
    unknown: tuple[str, ...]


def split_rules(found: Mapping[str, object], *, origin: str) -> SplitRules:
    """Part settings from rules; keys are `track.<pattern>.<option>`."""
    settings: dict[str, object] = {}
    tables: dict[str, dict[str, object]] = {}
    unknown: list[str] = []
    for key, value in found.items():
        if not key.startswith(TRACK):
            settings[key] = value
            continue
        pattern, _, option = key.removeprefix(TRACK).rpartition(".")
        if option in _OPTIONS and pattern:
            tables.setdefault(pattern, {})[option] = value
        else:
            known = ", ".join(f"`{name}`" for name in _OPTIONS)
            what = f"{origin} has `{key[:120]}`, which this dvx does not know and leaves out"
            unknown.append(f"{what}; known are {known}, {_EXAMPLE}")
    rules = tuple(_rule_or_problem(pattern, table, origin) for pattern, table in tables.items())
    return SplitRules(settings, rules, tuple(unknown))


def combined(rules: Iterable[TrackRule], path: str) -> TrackRule | None:
    """All rules that match a data path as one, in their order; None where there is none.

    Raises UsageError (kind `bad-setting`) if one of them cannot be used.
    """
    matching = [rule for rule in rules if rule.matches(path)]
    if not matching:
        return None
    for rule in matching:
        if rule.problem is not None:
            raise rule.problem
    return TrackRule(
        path,
        tuple(dict.fromkeys(spec for rule in matching for spec in rule.params)),
        tuple(dict.fromkeys(spec for rule in matching for spec in rule.metrics)),
        tuple(dict.fromkeys(name for rule in matching for name in rule.inputs if name != path)),
    )


def _rule_or_problem(pattern: str, table: Mapping[str, object], origin: str) -> TrackRule:
    try:
        return _rule(pattern, table, origin)
    except UsageError as error:
        return TrackRule(pattern, problem=error)


def _rule(pattern: str, table: Mapping[str, object], origin: str) -> TrackRule:
    lists = {
        option: _texts(f"{TRACK}{pattern}.{option}", table.get(option, []), origin) for option in _OPTIONS
    }
    for option, texts in lists.items():
        for text in texts:
            _check_inside(text if option == "from" else parse_spec(text).path, f"{pattern}.{option}", origin)
    return TrackRule(
        pattern,
        tuple(map(parse_spec, lists["params"])),
        tuple(map(parse_spec, lists["metrics"])),
        tuple(name.removesuffix(".dvx").rstrip("/") for name in lists["from"]),
    )


def _texts(key: str, value: object, origin: str) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
        return value
    raise _bad(key, origin, f"it must be a list of texts, {_EXAMPLE}")


def _check_inside(path: str, key: str, origin: str) -> None:
    try:
        check_stored_path(path.rstrip("/"))
    except PathRefused as error:
        raise _bad(f"{TRACK}{key}", origin, error.what) from error


def _bad(key: str, origin: str, why: str) -> UsageError:
    return UsageError(
        f"`{key[:120]}` in {origin} cannot be used: {why}",
        hints=["correct it in an editor: `.dvx/config.toml`"],
        kind="bad-setting",
    )
