"""The file of rules, `.dvx/checks.toml`: text to plain values, each mistake refused with its line.

Owns the keys of a rule and what they may hold. Must not look at a pointer, a file or a revision: evaluating the rules
is dvx.ops.check.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from dvx.core.errors import DvxError, UsageError
from dvx.core.text_marks import decode_text
from dvx.formats.expressions import Expression, parse_expression

CHECKS_PATH: Final = ".dvx/checks.toml"
MAX_CHECKS_BYTES: Final = 256 * 1024
# A name stands in one line of a report and is a label of a sample.
_MAX_NAME_CHARACTERS: Final = 100
_KEYS: Final = ("path", "params", "metrics", "rule", "names", "forbid", "message", "severity", "new")
_BASE: Final = "base."
_FACTS: Final = frozenset({"size", "files"})
_TABLES: Final = ("params.", "metrics.", "meta.")


class Severity(StrEnum):
    """Whether a rule that does not hold fails the check."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """A file of parameters or metrics in Git; `keys` limit what is taken of it, none take all."""

    path: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One rule.

    It is about every pointer that `path` matches, or, where that is empty, about the values of the files `params`
    and `metrics`. `rule` has to be true of each; the name of every file has to match one of `names` and none of
    `forbid`. `passes_if_new`: holds for data that the base does not track.
    """

    name: str
    path: str = ""
    params: tuple[ValuesFile, ...] = ()
    metrics: tuple[ValuesFile, ...] = ()
    rule: Expression | None = None
    text: str = ""
    names: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    message: str = ""
    severity: Severity = Severity.ERROR
    passes_if_new: bool = False

    @property
    def needs_base(self) -> bool:
        """Whether it compares with another revision."""
        return self.rule is not None and any(name.startswith(_BASE) for name in self.rule.names)

    @property
    def looks_at_names(self) -> bool:
        """Whether listings of directories have to be read."""
        return bool(self.names or self.forbid)


def parse_checks(data: bytes, *, name: str = CHECKS_PATH) -> tuple[Check, ...]:
    """Read the rules, in the order of the file; `name` is what messages call it.

    Raises UsageError (kind `bad-checks`) with the line for everything that is not understood.
    """
    import tomli  # 5 ms that only this command needs

    try:
        if len(data) > MAX_CHECKS_BYTES:
            raise ValueError(f"it is larger than {MAX_CHECKS_BYTES} bytes")
        text = decode_text(data)
        document = tomli.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"`{name}` is not valid TOML: {str(error)[:200]}", name) from error
    return _Reader(name, text).read(document)


class _Reader:
    """Turns tables into rules; knows the text, so that it can say where a mistake is."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text

    def read(self, document: Mapping[str, object]) -> tuple[Check, ...]:
        for key in document:
            if key != "checks":
                self._refuse((key,), f"unknown key `{key}`; rules are tables `[checks.NAME]`")
        tables = document.get("checks", {})
        if not isinstance(tables, dict):
            self._refuse(("checks",), "rules are tables `[checks.NAME]`")
        return tuple(self._check(name, table) for name, table in tables.items())

    def _check(self, name: str, table: object) -> Check:
        at = ("checks", name)
        if not name or len(name) > _MAX_NAME_CHARACTERS or not name.isprintable():
            self._refuse(
                at, f"the name of a rule is printable text of up to {_MAX_NAME_CHARACTERS} characters"
            )
        if not isinstance(table, dict):
            self._refuse(at, f"rules are tables `[checks.NAME]`, and `{name}` is none")
        for key in table:
            if key not in _KEYS:
                self._refuse((*at, key), f"unknown key `{key}`; a rule has {', '.join(_KEYS)}")
        text = self._one(at, table, "rule")
        check = Check(
            name=name,
            path=self._one(at, table, "path").rstrip("/").removesuffix(".dvx"),
            params=self._files(at, table, "params"),
            metrics=self._files(at, table, "metrics"),
            rule=self._expression((*at, "rule"), text) if "rule" in table else None,
            text=text,
            names=self._several(at, table, "names"),
            forbid=self._several(at, table, "forbid"),
            message=self._one(at, table, "message"),
            severity=Severity(self._choice(at, table, "severity", ("error", "warning"))),
            passes_if_new=self._choice(at, table, "new", ("fail", "pass")) == "pass",
        )
        self._check_sense(at, check)
        return check

    def _check_sense(self, at: tuple[str, ...], check: Check) -> None:
        if bool(check.path) == bool(check.params or check.metrics):
            self._refuse(at, "a rule has either a `path` of tracked data, or `params` and `metrics` files")
        if check.rule is None and not check.looks_at_names:
            self._refuse(at, "a rule has at least one of `rule`, `names` and `forbid`")
        if check.looks_at_names and not check.path:
            self._refuse(at, "`names` and `forbid` are about the files of tracked data: they need a `path`")
        if check.passes_if_new and not (check.path and check.needs_base):
            self._refuse((*at, "new"), "`new` is for a rule with a `path` that compares with `base.`")
        for name in sorted(check.rule.names) if check.rule is not None else ():
            self._check_name((*at, "rule"), name, has_path=bool(check.path))

    def _check_name(self, at: tuple[str, ...], name: str, *, has_path: bool) -> None:
        plain = name.removeprefix(_BASE)
        if plain in _FACTS or plain.startswith("meta."):
            if not has_path:
                self._refuse(at, f"`{name}` is a fact of tracked data: it needs a `path`")
        elif not plain.startswith(_TABLES):
            self._refuse(
                at,
                f"`{name}` means nothing here; there are size, files, params.NAME, metrics.NAME, meta.NAME, and the"
                " same after `base.`",
            )

    def _expression(self, at: tuple[str, ...], text: str) -> Expression:
        try:
            return parse_expression(text)
        except DvxError as error:
            self._refuse(at, error.what, cause=error)

    def _files(self, at: tuple[str, ...], table: Mapping[str, object], key: str) -> tuple[ValuesFile, ...]:
        found = []
        for text in self._several(at, table, key):
            path, _, keys = text.partition(":")
            if not path or path.startswith("/") or ".." in path.split("/"):
                self._refuse(
                    (*at, key), f"`{text}` is not `FILE` or `FILE:KEY,KEY`, from the top of the repository"
                )
            found.append(ValuesFile(path, tuple(each.strip() for each in keys.split(",") if each.strip())))
        return tuple(found)

    def _one(self, at: tuple[str, ...], table: Mapping[str, object], key: str) -> str:
        value = table.get(key, "")
        if not isinstance(value, str) or (key in table and not value.strip()):
            self._refuse((*at, key), f"`{key}` is text between quotes")
        return value

    def _several(self, at: tuple[str, ...], table: Mapping[str, object], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or (key in table and not found):
            self._refuse((*at, key), f"`{key}` is text between quotes, or a list of such texts")
        if not all(isinstance(item, str) and item for item in found):
            self._refuse((*at, key), f"`{key}` is text between quotes, or a list of such texts")
        return tuple(found)

    def _choice(
        self, at: tuple[str, ...], table: Mapping[str, object], key: str, choices: tuple[str, ...]
    ) -> str:
        value = table.get(key, choices[0])
        if not isinstance(value, str) or value not in choices:
            self._refuse((*at, key), f"`{key}` is {' or '.join(f'`{choice}`' for choice in choices)}")
        return value

    def _refuse(self, at: tuple[str, ...], why: str, *, cause: Exception | None = None) -> NoReturn:
        place = f"in `{'.'.join(at[:2])}`: " if at[:1] == ("checks",) and len(at) > 1 else ""
        raise _bad(f"`{self._name}`, line {_line_of(self._text, at)}: {place}{why}", self._name) from cause


def _bad(what: str, name: str) -> UsageError:
    hints = [f"correct it in an editor: `{name}`", "what a rule may hold: docs/reference/checks.md"]
    return UsageError(what, affected="no rule was checked", hints=hints, kind="bad-checks")


_HEADER: Final = re.compile(r"\s*\[([^\[\]]+(?:\[[^\]]*\][^\[\]]*)*)\]\s*(?:#.*)?$")


def _line_of(text: str, wanted: tuple[str, ...]) -> int:
    """The line, counted from 1, where the key `wanted` is, or the table that it is in; the reader tells no lines."""
    best, best_line = 0, 1
    for number, keys in _keys_by_line(text):
        shared = len(keys) if keys == wanted[: len(keys)] else 0
        if shared > best:
            best, best_line = shared, number
    return best_line


def _keys_by_line(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is not None and "=" not in line.partition("#")[0]:
            table = _split_key(header[1]) or table
            yield number, table
        elif "=" in line:
            keys = _split_key(line.partition("=")[0])
            if keys:
                yield number, (*table, *keys)


def _split_key(text: str) -> tuple[str, ...]:
    """The parts of a key with dots; none where it is no key."""
    import tomli

    try:
        found: object = tomli.loads(f"{text} = 0")
    except ValueError:
        return ()
    keys: list[str] = []
    while isinstance(found, dict) and len(found) == 1:
        key, found = next(iter(found.items()))
        keys.append(key)
    return tuple(keys)
