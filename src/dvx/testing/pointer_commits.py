"""Long histories of pointers, made with `git fast-import` in a fraction of the time that commits take.

Owns the stream. The ids in the pointers name no data: such histories are for reading only.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

from dvx.formats.metadata import Metadata, with_metadata
from dvx.formats.pointer import KIND_FILE, Pointer, format_pointer

_START_S = 1_700_000_000


def make_history(
    folder: Path, *, commits: int, pointers: int, changed: int, metadata: Callable[[int], Metadata]
) -> None:
    """Make a Git repository with `commits` commits on main, a minute apart, without a work tree's files.

    Commit 0 adds `pointers` pointers `models/mNN.bin.dvx`, each later one changes `changed` of them in turn, the number
    of the commit being their size; `metadata` gives their tables from the number of the commit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    parts: list[bytes] = []
    for number in range(commits):
        parts.append(_head(number))
        first = number * changed
        places = (
            range(pointers) if number == 0 else (each % pointers for each in range(first, first + changed))
        )
        parts += [_file(place, number, metadata(number)) for place in places]
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=folder,
        check=True,
        input=b"".join(parts),
        stderr=subprocess.DEVNULL,
    )


def _head(number: int) -> bytes:
    who = f"Test Person <test@example.invalid> {_START_S + 60 * number} +0000"
    message = f"run {number}\n"
    return f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n{message}".encode()


def _file(place: int, number: int, metadata: Metadata) -> bytes:
    root = (place * 1_000_003 + number).to_bytes(32, "big")
    data = format_pointer(with_metadata(Pointer(KIND_FILE, root, number), metadata))
    return f"M 100644 inline models/m{place:02d}.bin.dvx\ndata {len(data)}\n".encode() + data + b"\n"
