"""Running one process and saying what it cost.

Owns the clock, the CPU time and the peak memory of a step. Must not know any tool.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LAUNCHER: Final = str(Path(__file__).with_name("launcher.py"))
_STDERR_LINES: Final = 8
_TOUCH: Final = """
import sys
left, blocks = int(sys.argv[1]), []
while left > 0:
    block = bytearray(min(left, 1 << 26))
    block[::4096] = b"\\1" * len(range(0, len(block), 4096))
    blocks.append(block)
    left -= len(block)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: wall seconds, CPU seconds (user and system, with its children), and the peak
    resident memory in bytes of the largest process among it and its children."""

    seconds: float
    cpu_s: float
    peak_bytes: int

    def plus(self, other: "Cost") -> "Cost":
        """The cost of doing both, one after the other."""
        return Cost(
            self.seconds + other.seconds,
            self.cpu_s + other.cpu_s,
            max(self.peak_bytes, other.peak_bytes),
        )


NO_COST: Final = Cost(0.0, 0.0, 0)


class StepFailed(Exception):
    """A command ended with another code than expected; the text names it and ends with its last messages."""


def run_measured(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, expect: int = 0
) -> tuple[Cost, str]:
    """Run a command without input and return its cost and standard output.

    A fresh small Python starts it and takes the time: the peak memory of a new process is at least what the
    process that started it had. Raises StepFailed if the exit code is not `expect`.
    """
    with tempfile.TemporaryDirectory(prefix="dvx-bench-step-") as scratch:
        report, out, err = (Path(scratch) / name for name in ("report", "out", "err"))
        launch = [sys.executable, "-I", "-S", _LAUNCHER, str(report), *command]
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            subprocess.run(
                launch, cwd=cwd, env=None if env is None else dict(env), stdin=subprocess.DEVNULL,
                stdout=out_file, stderr=err_file, check=False,
            )  # fmt: skip
        stdout, stderr = (path.read_bytes().decode("utf-8", "backslashreplace") for path in (out, err))
        if not report.exists():
            raise StepFailed(f"`{' '.join(command)}` could not be started: {_tail(stderr)}")
        code, seconds, cpu_s, peak_bytes = json.loads(report.read_text())
    if code != expect:
        raise StepFailed(f"`{' '.join(command)}` ended with {code}: {_tail(stderr or stdout)}")
    return Cost(seconds, cpu_s, peak_bytes), stdout


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_STDERR_LINES:])


def settle() -> None:
    """Have the system write out what it holds, so that one step does not pay for the one before."""
    os.sync()


def touch_memory(size_bytes: int) -> None:
    """Use that much memory once, in a process of its own.

    A virtual machine gives a page to its guest when it is first used, at up to 10 microseconds a page, which
    is ten times the cost of a later use.
    """
    subprocess.run([sys.executable, "-I", "-S", "-c", _TOUCH, str(size_bytes)], check=True)
