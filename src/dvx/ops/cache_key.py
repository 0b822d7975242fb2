"""`dvx key`: one short name for the data that some pointers name, for the caches of CI services.

Owns what goes into the name. Must not read data, and asks no remote.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import UsageError
from dvx.core.ids import format_id, hash_bytes
from dvx.formats.marker import STORE_VERSION
from dvx.ops.project import Project
from dvx.ops.selection import select_at, select_targets
from dvx.repo.targets import Target

DEFAULT_PREFIX: Final = "dvx-"
# What the caches of GitHub (no comma) and GitLab (no slash) both take as a name.
_PREFIX: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# 128 bits: two data sets with one key would cost a download, never a wrong byte.
_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class CacheKey:
    """`key` names exactly this data, `restore_prefix` any data in a store that this version reads."""

    key: str
    restore_prefix: str
    roots: int
    size_bytes: int


def cache_key(project: Project, targets: Sequence[str], *, rev: str | None, prefix: str) -> CacheKey:
    """The key for the targets, of the work tree's pointers or of those of a commit.

    The same on every machine: made from the version of the store's layout, and the kind and id of each root, sorted,
    with the limits of targets inside a directory. Paths and the order of targets do not matter.
    """
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(
            f"not a prefix for a cache key: {prefix[:80]!a}",
            hints=["use letters, digits, `.`, `_` and `-`: `dvx key --prefix data-`"],
        )
    chosen = select_targets(project, targets) if rev is None else select_at(project, rev, targets)
    restore_prefix = f"{prefix}v{STORE_VERSION}-"
    sizes = {target.tracked.pointer.id: target.tracked.pointer.size for target in chosen}
    return CacheKey(restore_prefix + _digest(chosen), restore_prefix, len(sizes), sum(sizes.values()))


def _digest(targets: Iterable[Target]) -> str:
    lines = sorted({_line(target) for target in targets})
    text = f"dvx-key 1\nstore {STORE_VERSION}\n" + "".join(lines)
    return hash_bytes(text.encode("utf-8", "surrogateescape")).hex()[:_DIGITS]


def _line(target: Target) -> str:
    pointer = target.tracked.pointer
    # A NUL is in no path, so no two lists of paths are spelled alike.
    inside = "".join(f"\0{part}" for part in sorted(target.inside))
    return f"{pointer.kind} {format_id(pointer.id)}{inside}\n"
