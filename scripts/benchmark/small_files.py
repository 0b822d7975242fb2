"""W2: a directory of many small incompressible files, and the same with a few of them changed.

Owns the bytes of both versions. Must not measure.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

SIZE_BYTES: Final = 1 << 30
TITLE: Final = (
    "20 000 files, log-normal around 40 KiB, 1 GiB, incompressible, 200 folders; "
    "v2: 1 % changed, 1 % added, 1 % removed"
)
FILES: Final = 20_000
FILES_PER_FOLDER: Final = 100
# A median of 40 KiB with a mean of 52.4 KiB (1 GiB in 20 000 files): exp(sigma^2 / 2) = 52.4 / 40.
_SIGMA: Final = 0.735
_SEED: Final = 20240102


def generate(folder: Path, scale: float) -> list[str]:
    """Write `v1/images/` and the new and changed files of `v2/images/`; returns the removed paths."""
    generator = np.random.Generator(np.random.SFC64(_SEED))
    count = max(FILES_PER_FOLDER, round(FILES * scale))
    edits = count // 100
    total_bytes = SIZE_BYTES * count // FILES
    names = [f"class_{number // FILES_PER_FOLDER:03}/image_{number:06}.jpg" for number in range(count)]
    _write_files(folder / "v1" / "images", names, _sizes(generator, count, total_bytes), generator)
    chosen = generator.permutation(count)[: 2 * edits].tolist()
    changed, removed = (sorted(names[number] for number in part) for part in (chosen[:edits], chosen[edits:]))
    folders = generator.integers(0, -(-count // FILES_PER_FOLDER), edits).tolist()
    added = [f"class_{place:03}/image_{count + number:06}.jpg" for number, place in enumerate(folders)]
    for new in (changed, added):
        _write_files(
            folder / "v2" / "images", new, _sizes(generator, edits, total_bytes * edits // count), generator
        )
    return removed


def _sizes(generator: np.random.Generator, count: int, total_bytes: int) -> "np.ndarray[Any, Any]":
    """Log-normal sizes whose sum is `total_bytes`, each at least 1 KiB."""
    drawn = generator.lognormal(0.0, _SIGMA, count)
    sizes: np.ndarray[Any, Any] = np.maximum(drawn * (total_bytes / drawn.sum()), 1024).astype(np.int64)
    sizes[sizes.argmax()] += total_bytes - sizes.sum()
    return sizes


def _write_files(
    top: Path, names: list[str], sizes: "np.ndarray[Any, Any]", generator: np.random.Generator
) -> None:
    for below in {name.rpartition("/")[0] for name in names}:
        (top / below).mkdir(parents=True, exist_ok=True)
    for name, size_bytes in zip(names, sizes.tolist(), strict=True):
        (top / name).write_bytes(generator.bytes(size_bytes))
