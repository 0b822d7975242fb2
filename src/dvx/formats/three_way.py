"""The rule of a three-way merge: what only one side changed is taken, what both changed the same way is kept.

Owns the names of the sides, which are Git's. Must not know what is merged.
"""

from enum import StrEnum


class Side(StrEnum):
    """A version in a merge, with Git's meaning: in a rebase, `ours` is the branch that is rebased onto."""

    BASE = "base"
    OURS = "ours"
    THEIRS = "theirs"


def winning_side(base: object, ours: object, theirs: object) -> Side | None:
    """The side whose value to take; None if both changed it, each differently. Compares with `==`."""
    if ours == theirs or theirs == base:
        return Side.OURS
    return Side.THEIRS if ours == base else None
