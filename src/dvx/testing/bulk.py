"""Large inputs, cheaply made, and the peak memory of a command that works on them.

Owns the patterns and the measuring. Must not decide what is too much.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dvx.testing.shell import dvx_command, dvx_environment

_BLOCK_BYTES = 1024 * 1024
# A child counts what its parent had in memory when it was forked, and a test process may have half a GB: a small
# process in between starts the command.
_MEASURING = """\
import os, sys
child = os.fork()
if child == 0:
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def write_large_file(path: Path, size_bytes: int) -> None:
    """Write a file without two equal chunks, half of it compressible, at about 0.5 GB/s."""
    with open(path, "wb") as file:
        for number in range(-(-size_bytes // _BLOCK_BYTES)):
            text = (b"block %12d " % number) * (_BLOCK_BYTES // 32)
            block = (os.urandom(_BLOCK_BYTES // 2) + text)[:_BLOCK_BYTES]
            file.write(block[: size_bytes - number * _BLOCK_BYTES])


def write_many_files(folder: Path, count: int, *, per_folder: int = 1000) -> None:
    """Write `count` files of about 100 bytes, all different, in folders of `per_folder`."""
    for start in range(0, count, per_folder):
        below = folder / f"part-{start // per_folder:05}"
        below.mkdir(parents=True)
        for number in range(start, min(start + per_folder, count)):
            descriptor = os.open(below / f"sample-{number:08}.json", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, b'{"sample": %d, "label": "%s"}\n' % (number, b"x" * (number % 100)))
            os.close(descriptor)


def peak_memory(cwd: Path, *args: str, env: Mapping[str, str] | None = None) -> int:
    """Run a dvx command that has to succeed; returns the peak resident memory of the process in bytes."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURING, *dvx_command(*args)],
        cwd=cwd, env=dvx_environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    code, peak = map(int, ran.stdout.split())
    assert code == 0, f"dvx {' '.join(args)} ended with {code}"
    return peak * 1024  # KiB on Linux
