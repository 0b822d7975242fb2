"""Names that another system cannot hold: found when data is added, and before it is checked out.

Owns the policy `core.portable`. Must not write.
"""

import os
import unicodedata
from collections.abc import Iterable

from dvx.core.errors import PathRefused, name_some
from dvx.core.paths import case_collisions, unportable_reason
from dvx.core.shell_words import quote
from dvx.ops.trees import Tree


def name_warnings(paths: Iterable[str]) -> list[str]:
    """One sentence for each kind of name among `paths` that Windows or macOS cannot hold."""
    reasons: dict[str, list[str]] = {}
    names = list(paths)
    for path in names:
        reason = unportable_reason(path)
        if reason is not None:
            reasons.setdefault(reason, []).append(path)
    warnings = [f"Windows cannot hold {name_some(found)}: {reason}" for reason, found in reasons.items()]
    found = case_collisions(names)
    twins = [
        f"{_spelled(first)} / {_spelled(second)}" for first, second in found if _are_twins(first, second)
    ]
    cases = [f"{first} / {second}" for first, second in found if not _are_twins(first, second)]
    if cases:
        warnings.append(
            f"names that differ only by case are one file on Windows and macOS: {name_some(cases)}"
        )
    if twins:
        warnings.append(
            f"names that differ only by Unicode normalisation are one file on macOS: {name_some(twins)}"
        )
    return warnings


def _are_twins(first: str, second: str) -> bool:
    """Whether two paths that collide look the same; their common part may be shorter than either."""
    names = zip(first.split("/"), second.split("/"), strict=False)
    return all(
        unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other) for one, other in names
    )


def _spelled(name: str) -> str:
    """A name with its code points told apart: `e\\u0301`."""
    return name.encode("unicode_escape").decode("ascii")


def refuse_names(warnings: list[str]) -> None:
    """Raise PathRefused for the warnings of `name_warnings`, if there are any."""
    if warnings:
        raise PathRefused(
            "; ".join(warnings),
            affected="nothing was added",
            hints=["rename the files, list them in `.dvxignore`, or `dvx config set core.portable warn`"],
            kind="unportable-name",
        )


def check_names_fit(tree: Tree, paths: Iterable[str]) -> None:
    """Refuse, before anything is written, names that the file system of the workspace cannot hold."""
    if os.name == "nt":
        paths = list(paths)
        bad = [path for path in paths if unportable_reason(path) is not None]
        if bad:
            raise _cannot_hold(tree, f"Windows cannot hold {name_some(bad)}")
    collisions = case_collisions(paths) if ignores_case(tree) else []
    if collisions:
        names = name_some(f"{first} / {second}" for first, second in collisions)
        raise _cannot_hold(tree, f"this file system takes these names for one file: {names}")


def ignores_case(tree: Tree) -> bool:
    """Whether the file system below the repository takes `A` and `a` for the same name."""
    probe = os.path.join(tree.root, ".git")
    return os.path.exists(os.path.join(tree.root, ".GIT")) and os.path.samefile(
        probe, os.path.join(tree.root, ".GIT")
    )


def _cannot_hold(tree: Tree, what: str) -> PathRefused:
    return PathRefused(
        what,
        affected=f"nothing of `{tree.path}` was written",
        hints=[f"check out the other files by name: `dvx checkout {quote(tree.path)}/NAME`"],
        kind="unportable-name",
    )
