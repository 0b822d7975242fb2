"""From what a person names on the command line to the tracked data that it means.

Owns the matching of targets against data paths, and of patterns against the paths inside a directory. Works
on text only; what is inside a tracked directory is known to the caller.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import NotFound, name_some
from dvx.core.shell_words import quote
from dvx.repo.pointers import TrackedPointer

_GLOB_SIGNS: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Target:
    """Tracked data that is meant: all of it, or with `inside` the matching paths in a directory only.

    `named` are the words that a person typed for each of `inside`; "" for a word that also means a whole path.
    """

    tracked: TrackedPointer
    inside: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


def resolve_targets(
    tracked: Sequence[TrackedPointer],
    targets: Sequence[str],
    *,
    is_there: Callable[[str], bool] | None = None,
) -> list[Target]:
    """Return what `targets` (relative to the root) mean, in the order of `tracked`, each data path once.

    A target is a data path, a pointer path, a folder above such paths, a glob over these, or a path or glob
    inside a tracked directory. `*` and `?` stay within a name, `**` crosses folders. No target at all, or
    "", means everything. Raises NotFound (kind `not-tracked`) naming every target that means nothing;
    `is_there` tells which of them could be added, where data can be.
    """
    if not targets:
        return [Target(each) for each in tracked]
    inside: dict[str, dict[str, str] | None] = {}  # None: all of it
    unknown: list[str] = []
    for target in targets:
        found = list(_resolve(tracked, target.rstrip("/")))
        if not found:
            unknown.append(target)
        name = "" if any(pattern is None for _, pattern in found) else target
        for path, pattern in found:
            patterns = inside.setdefault(path, {})
            if pattern is None or patterns is None:
                inside[path] = None
            else:
                patterns.setdefault(pattern, name)
    if unknown:
        raise _not_tracked(tracked, unknown, is_there)
    chosen = [(each, inside[each.path] or {}) for each in tracked if each.path in inside]
    return [Target(each, tuple(patterns), tuple(patterns.values())) for each, patterns in chosen]


def is_pattern(path: str) -> bool:
    """Tell whether a path has signs that a glob gives a meaning."""
    return not _GLOB_SIGNS.isdisjoint(path)


def matches_pattern(pattern: str, path: str) -> bool:
    """Whether a whole path is what a pattern names or matches; what is below a match is not."""
    return pattern == path or re.fullmatch(_glob(pattern), path, re.DOTALL) is not None


def matches_inside(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return the predicate over paths inside a directory for `Target.inside`; no patterns match everything.

    A pattern matches a path that it equals, everything below such a path, and what it matches as a glob.
    """
    if not patterns:
        return lambda _: True
    expression = re.compile("|".join(f"(?:{_below(pattern)})" for pattern in patterns), re.DOTALL)
    return lambda path: expression.fullmatch(path) is not None


def _resolve(tracked: Sequence[TrackedPointer], target: str) -> Iterator[tuple[str, str | None]]:
    """Yield (data path, pattern inside it or None for all) for everything that one target means."""
    literal = list(_resolve_literal(tracked, target))
    if literal or _GLOB_SIGNS.isdisjoint(target):
        yield from literal
        return
    as_typed = re.compile(_below(target), re.DOTALL)
    for each in tracked:
        if as_typed.fullmatch(each.path) or as_typed.fullmatch(each.pointer_path):
            yield each.path, None
        elif each.pointer.files is not None:
            for pattern in _remainders(target, each.path):
                yield each.path, pattern


def _resolve_literal(tracked: Sequence[TrackedPointer], target: str) -> Iterator[tuple[str, str | None]]:
    for each in tracked:
        is_above = not target or each.path.startswith(target + "/")
        if is_above or target in (each.path, each.pointer_path):
            yield each.path, None
        elif each.pointer.files is not None and target.startswith(each.path + "/"):
            yield each.path, target[len(each.path) + 1 :]


def _remainders(target: str, path: str) -> Iterator[str]:
    """Yield what is left of a glob for the paths inside the directory `path`."""
    names = target.split("/")
    for count in range(1, len(names) + 1):
        if re.fullmatch(_glob("/".join(names[:count])), path, re.DOTALL):
            # `**` may go on inside the directory, so it stays in front of the rest.
            rest = names[count - 1 :] if names[count - 1] == "**" else names[count:]
            if rest:
                yield "/".join(rest)


def _glob(pattern: str) -> str:
    from dvx.core.globs import glob_expression  # 1 ms, and most targets name tracked data as it is

    return glob_expression(pattern)


def _below(pattern: str) -> str:
    """Return the expression for a pattern and everything below what it matches."""
    return f"(?:{_glob(pattern)}|{re.escape(pattern)})(?:/.*)?"


def _not_tracked(
    tracked: Sequence[TrackedPointer], unknown: Sequence[str], is_there: Callable[[str], bool] | None
) -> NotFound:
    from difflib import get_close_matches  # 5 ms, and only a mistake needs it

    paths = [each.path for each in tracked]
    near = list(dict.fromkeys(name for one in unknown[:5] for name in get_close_matches(one, paths, n=2)))
    hints = [f"did you mean {name_some(near)}?"] if near else []
    new = next((path for path in unknown if is_there is not None and is_there(path)), None)
    track = [f"track it: `dvx add {quote(new)}`"] if new is not None else []
    verb = "is" if len(unknown) == 1 else "are"
    return NotFound(
        f"{name_some(unknown)} {verb} not tracked by dvx",
        hints=[*hints, "list what is tracked: `dvx ls`", *track],
        kind="not-tracked",
    )
