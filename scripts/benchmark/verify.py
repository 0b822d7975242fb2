"""Whether a folder holds exactly the files it should, byte for byte.

Owns its own walk and comparison, so that no tool judges itself. Must not repair anything.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 4 * 1024 * 1024


def differences(top: Path, path: str, expected: Mapping[str, Path]) -> list[str]:
    """What is wrong with `top / path`: one line for each missing, surplus or different file, in order.

    `expected` maps each path in `top` to a file with the right bytes.
    """
    found = _names_below(top, path)
    wrong = [f"missing: {name}" for name in sorted(expected.keys() - found)]
    wrong += [f"surplus: {name}" for name in sorted(found - expected.keys())]
    for name in sorted(expected.keys() & found):
        if os.path.islink(top / name) and not os.path.exists(top / name):
            wrong.append(f"broken link: {name}")
        elif not have_equal_bytes(top / name, expected[name]):
            wrong.append(f"different: {name}")
    return wrong


def have_equal_bytes(one: Path, other: Path) -> bool:
    """Compare two files without having either in memory."""
    if os.stat(one).st_size != os.stat(other).st_size:
        return False
    with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:
        while block := first.read(_BLOCK_BYTES):
            if block != second.read(len(block)):
                return False
    return True


def _names_below(top: Path, path: str) -> set[str]:
    place = top / path
    if not place.is_dir():
        return {path} if os.path.lexists(place) else set()
    return {
        os.path.relpath(os.path.join(parent, name), top).replace(os.sep, "/")
        for parent, _, names in os.walk(place)
        for name in names
    }
