"""W1: a safetensors file of bf16 weights, and the same model with some layers trained further.

Owns the bytes of both versions. Must not measure.
"""

import json
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

MIB: Final = 1 << 20
SIZE_BYTES: Final = 2048 * MIB
TITLE: Final = (
    "one safetensors file, bf16 from N(0, 0.02), 2 GiB; v2 changes 7 of 66 tensors, 12.5 % of the bytes"
)
TENSORS: Final = 66
CHANGED_TENSORS: Final = 7
_CHANGED_PART: Final = 1 / 8
_FIRST_CHANGED: Final = 30
_SMALLEST_BYTES, _LARGEST_BYTES = 4 * MIB, 64 * MIB
_DEVIATION: Final = 0.02
_BLOCK_VALUES: Final = 1 << 22
_SEED: Final = 20240101


def generate(folder: Path, scale: float) -> list[str]:
    """Write `v1/model.safetensors` and `v2/model.safetensors`; nothing is removed."""
    sizes = tensor_sizes(scale)
    old, new = (folder / version / "model.safetensors" for version in ("v1", "v2"))
    for path in (old, new):
        path.parent.mkdir(parents=True)
    with open(old, "wb") as file:
        file.write(format_safetensors_header(sizes))
        for number, size_bytes in enumerate(sizes):
            _write_tensor(file, size_bytes, seed=[_SEED, 1, number])
    shutil.copyfile(old, new)
    with open(new, "r+b") as file:
        file.seek(len(format_safetensors_header(sizes)) + sum(sizes[:_FIRST_CHANGED]))
        for number in range(_FIRST_CHANGED, _FIRST_CHANGED + CHANGED_TENSORS):
            _write_tensor(file, sizes[number], seed=[_SEED, 2, number])
    return []


def tensor_sizes(scale: float) -> list[int]:
    """The bytes of each tensor: at scale 1 from 4 to 64 MiB, 2 GiB in all, an eighth in those that change."""
    drawn = np.random.default_rng(_SEED).uniform(_SMALLEST_BYTES, _LARGEST_BYTES, TENSORS)
    changed = np.zeros(TENSORS, dtype=bool)
    changed[_FIRST_CHANGED : _FIRST_CHANGED + CHANGED_TENSORS] = True
    for part, members in ((_CHANGED_PART, changed), (1 - _CHANGED_PART, ~changed)):
        drawn[members] = _fit(drawn[members], SIZE_BYTES * part)
    return [max(2, int(size * scale) // 2 * 2) for size in drawn]


def _fit(sizes: "np.ndarray[Any, Any]", total: float) -> "np.ndarray[Any, Any]":
    """Bring sizes to a sum without leaving the range, by scaling again what was not cut off."""
    for _ in range(50):
        sizes = np.clip(sizes * (total / sizes.sum()), _SMALLEST_BYTES, _LARGEST_BYTES)
    return sizes


def format_safetensors_header(sizes: list[int]) -> bytes:
    """The first bytes of a safetensors file with one-dimensional bf16 tensors of these sizes in bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for number, size_bytes in enumerate(sizes):
        header[f"model.layers.{number}.weight"] = {
            "dtype": "BF16",
            "shape": [size_bytes // 2],
            "data_offsets": [offset, offset + size_bytes],
        }
        offset += size_bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _write_tensor(file: BinaryIO, size_bytes: int, *, seed: list[int]) -> None:
    generator = np.random.Generator(np.random.SFC64(seed))
    left = size_bytes // 2
    while left:
        count = min(left, _BLOCK_VALUES)
        values = generator.standard_normal(count, dtype=np.float32)
        values *= np.float32(_DEVIATION)
        file.write(round_to_bf16(values))
        left -= count


def round_to_bf16(values: "np.ndarray[Any, Any]") -> bytes:
    """The upper halves of float32 values, rounded to the nearest, ties to even (as torch does); none is NaN."""
    bits = values.view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded >> np.uint32(16)).astype("<u2").tobytes()
