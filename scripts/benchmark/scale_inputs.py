"""Inputs of the scale scenarios: very many small files, and one file of any size.

Owns their bytes, which are the same in every run. Must not measure.
"""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from blake3 import blake3

FILE_BYTES: Final = 4096
FILES_PER_FOLDER: Final = 1000
_RANDOM_BYTES: Final = FILE_BYTES // 2
_FILES_SEED: Final = 20240201
_STREAM_SEED: Final = 20240202
_BLOCK_BYTES: Final = 64 << 20
_DEVIATION: Final = 0.02


def file_path(number: int) -> str:
    """The path of a small file below the tracked folder."""
    return f"part-{number // FILES_PER_FOLDER:05}/sample-{number:08}.bin"


def file_content(noise: bytes, number: int, version: int) -> bytes:
    """4 KiB of which `noise` is the half that does not compress, and a repeated sentence the other."""
    line = b"sample %08d, version %02d, of a class\n" % (number, version)
    return noise + (line * (_RANDOM_BYTES // len(line) + 1))[:_RANDOM_BYTES]


def write_small_files(folder: Path, count: int) -> None:
    """Write `count` files of 4 KiB, all different and half compressible, 1 000 to a folder."""
    for start in range(0, count, FILES_PER_FOLDER):
        numbers = range(start, min(start + FILES_PER_FOLDER, count))
        generator = np.random.Generator(np.random.SFC64([_FILES_SEED, start]))
        noise = generator.bytes(len(numbers) * _RANDOM_BYTES)
        (folder / file_path(start)).parent.mkdir(parents=True)
        for place, number in enumerate(numbers):
            piece = noise[place * _RANDOM_BYTES : (place + 1) * _RANDOM_BYTES]
            _write(folder / file_path(number), file_content(piece, number, 1))


def change_small_files(folder: Path, count: int, *, changes: int) -> list[str]:
    """Give `changes` of `count` files, scattered evenly, new content of the same size; returns their paths."""
    generator = np.random.Generator(np.random.SFC64([_FILES_SEED, 1]))
    # One in each of `changes` equal stretches, at a random place in it: scattered, and exactly that many.
    starts = (np.arange(changes) * count) // changes
    room = np.diff(np.append(starts, count))
    numbers = (starts + (generator.random(changes) * room).astype(np.int64)).tolist()
    for number in numbers:
        _write(folder / file_path(number), file_content(generator.bytes(_RANDOM_BYTES), number, 2))
    return [file_path(number) for number in numbers]


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


def write_weights(path: Path, size_bytes: int) -> str:
    """Write a file of `size_bytes` that is coded as bf16 weights are; returns its BLAKE3 in hexadecimal.

    The high bytes (sign and exponent) are those of N(0, 0.02), taken from a stock of 32 Mi values at another place
    for every block; the low bytes (exponent bit and mantissa) are noise, so no two chunks are equal. The stored
    size is that of weights, about two thirds, and making it is several times faster than drawing normal numbers.
    """
    generator = np.random.Generator(np.random.SFC64(_STREAM_SEED))
    stock = _high_bytes(generator, min(_BLOCK_BYTES, size_bytes + 1) // 2)
    hasher = blake3(max_threads=blake3.AUTO)
    with open(path, "wb") as file:
        for start in range(0, size_bytes, _BLOCK_BYTES):
            block = _weights_block(generator, stock).data[: size_bytes - start]
            hasher.update(block)
            file.write(block)
    return hasher.hexdigest()


def _high_bytes(generator: np.random.Generator, count: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    values = generator.standard_normal(max(1, count), dtype=np.float32) * np.float32(_DEVIATION)
    return (values.view(np.uint32) >> np.uint32(24)).astype(np.uint8)


def _weights_block(
    generator: np.random.Generator, stock: "np.ndarray[Any, np.dtype[np.uint8]]"
) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Twice as many bytes as the stock has; the stock is turned round to start somewhere else."""
    turn = int(generator.integers(0, len(stock)))
    block = np.empty(2 * len(stock), dtype=np.uint8)
    block[0::2] = np.frombuffer(generator.bytes(len(stock)), dtype=np.uint8)
    block[1 : 2 * (len(stock) - turn) : 2] = stock[turn:]
    block[2 * (len(stock) - turn) + 1 :: 2] = stock[:turn]
    return block


def hash_file(path: Path) -> str:
    """BLAKE3 of a file in hexadecimal, as `b3sum` prints it."""
    hasher = blake3(max_threads=blake3.AUTO)
    hasher.update_mmap(path)
    return hasher.hexdigest()
