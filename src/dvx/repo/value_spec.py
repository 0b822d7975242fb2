"""Which values of which file: `FILE`, `FILE:KEY,KEY`, `FILE:step=100,KEY`.

Owns the spelling. Must not read the file.
"""

import re
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import UsageError

# `C:\runs\metrics.json:acc`: the colon of a drive belongs to the path.
_SPEC: Final = re.compile(r"((?:[A-Za-z]:(?=[\\/]))?[^:]+)(?::(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """A file, or a folder that a known tool wrote; the keys that are meant (all without), and one step."""

    path: str
    keys: tuple[str, ...] = ()
    step: str | None = None

    def __str__(self) -> str:
        step = [] if self.step is None else [self.step if "=" in self.step else f"step={self.step}"]
        return ":".join(part for part in (self.path, ",".join([*step, *self.keys])) if part)


def parse_spec(text: str) -> ValueSpec:
    """Read a spelling. Raises UsageError (kind `bad-value-spec`)."""
    match = _SPEC.fullmatch(text)
    names = (match[2] or "").split(",") if match is not None else []
    keys = tuple(name.strip() for name in names if name.strip() and "=" not in name)
    steps = [name.strip() for name in names if "=" in name]
    if match is None or len(steps) > 1 or (match[2] is not None and not (keys or steps)):
        raise UsageError(
            f"{text[:80]!a} does not say which values are meant",
            hints=["write FILE, FILE:KEY,KEY or FILE:step=100,KEY"],
            kind="bad-value-spec",
        )
    return ValueSpec(match[1], keys, steps[0] if steps else None)
