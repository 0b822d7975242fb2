"""What libraries and kernel alone take for an add and a checkout of each workload, beside what dvx takes.

The same bytes go through the same functions as in dvx, one after the other on one thread: read, cut, hash, encode,
write; and read, decode, hash, write. Their CPU time divided by the number of cores is a bound that no program passes
which does this work with these libraries. What dvx adds to it is Python, threads and Git.
"""

import argparse
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time
from typing import Final

from benchmark.dvx_command import DvxCommand, make_dvx
from benchmark.measure import Cost, run_measured, settle, touch_memory
from benchmark.workloads import KINDS, Workload, prepare_workload
from dvx.chunking.codecs import decode_all
from dvx.chunking.cutter import Cutter
from dvx.chunking.encoder import Encoder
from dvx.chunking.parts import MAX_CHUNK_BYTES, Parts
from dvx.core.ids import Hasher, hash_bytes

# As in an add, and about as much as a checkout decodes at once.
_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_TOUCHED_BYTES: Final = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Segment:
    """Chunks that are stored one behind the other: codec, stored and plain length of each.

    `ends_file`: the last chunk is the last of its file.
    """

    chunks: Sequence[tuple[int, int, int]]
    ends_file: bool


@dataclass
class Bound:
    """CPU seconds of each stage on one thread, and wall seconds that the disk took at the end."""

    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    flush_s: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the CPU time of what is done inside."""
        start = thread_time()
        try:
            yield
        finally:
            self.stages[name] += thread_time() - start

    def seconds(self, cores: int) -> float:
        """Least wall seconds on so many cores."""
        return sum(self.stages.values()) / cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `scripts/bench bounds`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dvx-bench"
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="size of the workloads (1)")
    parser.add_argument("--workloads", default=",".join(KINDS), metavar="W1,W2,W3", help="which (all)")
    parser.add_argument("--folder", type=Path, default=cache / "work", help="inputs are kept here")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    folder = arguments.folder.resolve()
    workloads = [
        prepare_workload(name, scale=arguments.scale, folder=folder)
        for name in arguments.workloads.split(",")
    ]
    touch_memory(int(_TOUCHED_BYTES * min(1.0, arguments.scale)))
    scratch = Path(tempfile.mkdtemp(prefix="dvx-bench-bounds-", dir=folder))
    try:
        dvx = make_dvx(scratch)
        for workload in workloads:
            for line in _measure(workload, dvx, scratch / workload.name, cores):
                print(line, flush=True)
    finally:
        shutil.rmtree(scratch)
    return 0


def _measure(workload: Workload, dvx: DvxCommand, place: Path, cores: int) -> Iterator[str]:
    place.mkdir()
    yield f"{workload.name}: {workload.kind.title}"
    settle()
    add, segments = bound_of_add(sorted(workload.expected("v1").values()), place / "pack")
    settle()
    checkout = bound_of_checkout(segments, place / "pack", place / "restored")
    shutil.rmtree(place / "restored")
    (place / "pack").unlink()
    costs = _run_dvx(workload, dvx, place / "repository")
    for name, bound, cost in zip(("add", "checkout"), (add, checkout), costs, strict=True):
        yield from describe(name, bound, cost, cores)


def bound_of_add(files: Sequence[Path], pack: Path) -> tuple[Bound, list[Segment]]:
    """Read, cut, hash and encode the files, and write what they are stored as into `pack`.

    Hashed are chunks, files of several chunks, and what is stored, as in an add.
    """
    bound, segments = Bound(), []
    buffer, scratch = (memoryview(bytearray(_SEGMENT_BYTES + MAX_CHUNK_BYTES)) for _ in range(2))
    pack_hasher = Hasher()
    with open(pack, "xb", buffering=0) as out:
        for path in files:
            for segment, stored in _encode_file(path, bound, buffer, scratch):
                segments.append(segment)
                with bound.stage("write"):
                    data = b"".join(stored)
                    out.write(data)
                with bound.stage("hash"):
                    pack_hasher.update(data)
        start = perf_counter()
        os.fsync(out.fileno())
        bound.flush_s = perf_counter() - start
    return bound, segments


def _encode_file(
    path: Path, bound: Bound, buffer: memoryview, scratch: memoryview
) -> Iterator[tuple[Segment, list[bytes | memoryview]]]:
    """Yield each segment of a file and the buffers it is stored as, which hold until the next one."""
    cutter, file_hasher = Cutter(), Hasher()
    with bound.stage("read"):
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - opening is measured, too
        left = os.fstat(file.fileno()).st_size
    encoder, offset, carried = Encoder(path.name, left), 0, 0
    while left or carried:
        with bound.stage("read"):
            count = file.readinto(buffer[carried : min(len(buffer), carried + _SEGMENT_BYTES)]) or 0
        left -= count
        data = buffer[: carried + count]
        with bound.stage("cut"):
            ends = cutter.cut(data, final=not left)
        with bound.stage("hash"):
            for start, end in zip([0, *ends], ends, strict=False):
                hash_bytes(data[start:end])
            if offset or left or len(ends) > 1:
                file_hasher.update(data[: ends[-1]])
        with bound.stage("encode"):
            stored = encoder.encode_all(data[: ends[-1]], ends, offset, scratch)
        sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        chunks = [(codec, len(body), size) for (codec, body), size in zip(stored, sizes, strict=True)]
        yield Segment(chunks, not left), [piece for _, body in stored for piece in _pieces(body)]
        carried = len(data) - ends[-1]
        offset += ends[-1]
        buffer[:carried] = bytes(data[ends[-1] :])
    with bound.stage("read"):
        file.close()


def _pieces(body: bytes | memoryview | Parts) -> Sequence[bytes | memoryview]:
    return body.buffers if isinstance(body, Parts) else [body]


def bound_of_checkout(segments: Sequence[Segment], pack: Path, folder: Path) -> Bound:
    """Read, decode and hash what `bound_of_add` stored, and write it to files in `folder`."""
    bound = Bound()
    folder.mkdir()
    number, out = 0, None
    with open(pack, "rb", buffering=0) as file:
        for segment in segments:
            with bound.stage("read"):
                data = memoryview(file.read(sum(stored for _, stored, _ in segment.chunks)))
            todo, start = [], 0
            for codec, stored, plain in segment.chunks:
                todo.append((codec, data[start : start + stored], plain))
                start += stored
            with bound.stage("decode"):
                pieces = decode_all(todo)
            with bound.stage("hash"):
                for piece in pieces:
                    hash_bytes(piece)
            with bound.stage("write"):
                out = out or open(folder / str(number), "xb", buffering=0)  # noqa: SIM115 - measured, too
                for piece in pieces:
                    out.write(piece)
                if segment.ends_file:
                    out.close()
                    number, out = number + 1, None
    return bound


def _run_dvx(workload: Workload, dvx: DvxCommand, repository: Path) -> tuple[Cost, Cost]:
    """What dvx takes to add the first version and to check it out after it was removed."""
    repository.mkdir()
    run_measured(["git", "init", "-q"], cwd=repository, env=dvx.env)
    dvx.run(repository, "init")
    workload.place_v1(repository)
    settle()
    add, _ = dvx.run(repository, "add", workload.path)
    data = repository / workload.path
    shutil.rmtree(data) if data.is_dir() else data.unlink()
    settle()
    checkout, _ = dvx.run(repository, "checkout", workload.path)
    return add, checkout


def describe(name: str, bound: Bound, cost: Cost, cores: int) -> Iterator[str]:
    """Lines that say what bounds a command and how far dvx is from it."""
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in bound.stages.items())
    total = sum(bound.stages.values())
    yield f"  {name}: {stages}; together {total:.2f} CPU s" + (
        f", then {bound.flush_s:.2f} s for the disk" if bound.flush_s else ""
    )
    yield (
        f"    on {cores} cores at least {bound.seconds(cores):.2f} s; dvx took {cost.seconds:.2f} s "
        f"({cost.seconds / bound.seconds(cores):.2f} x) and {cost.cpu_s:.2f} CPU s ({cost.cpu_s / total:.2f} x)"
    )
