"""What a command that does nothing takes: Python alone, `dvx --version`, `dvx status`, `dvx push`.

Owns these commands, their repository and their limits. Must not measure work on data.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmark.dvx_command import DvxCommand, make_dvx
from benchmark.measure import run_measured

_TIMES: Final = 25
_TOP_MODULES: Final = 15
_LIMITS_S: Final = {"dvx --version": 0.060, "dvx status": 0.120}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `scripts/bench startup`."""
    parser.add_argument("--times", type=int, default=_TIMES, metavar="N", help=f"runs of each ({_TIMES})")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    scratch = Path(tempfile.mkdtemp(prefix="dvx-bench-startup-"))
    try:
        dvx = make_dvx(scratch)
        repository = make_repository(scratch, dvx)
        medians = measure_commands(commands_of(dvx), repository, dvx, times=arguments.times)
        for name, seconds in medians.items():
            print(f"{name:34} {seconds * 1000:7.1f} ms{_verdict(name, seconds)}")
        print(f"\nimported by `dvx status`, the {_TOP_MODULES} modules that take longest themselves:")
        for module, self_s in slowest_imports(dvx, repository)[:_TOP_MODULES]:
            print(f"{module:34} {self_s * 1000:7.1f} ms")
    finally:
        shutil.rmtree(scratch)
    return 0


def make_repository(scratch: Path, dvx: DvxCommand) -> Path:
    """A small clean repository: a file and a directory, committed and pushed to a folder."""
    repository = scratch / "repository"
    (repository / "data").mkdir(parents=True)
    for number in range(10):
        (repository / "data" / f"{number}.bin").write_bytes(bytes([number]) * 10_000)
    (repository / "model.bin").write_bytes(bytes(100_000))
    steps = (
        ["git", "init", "-q"],
        dvx.argv("init", "--remote", str(scratch / "remote")),
        dvx.argv("add", "data", "model.bin"),
        ["git", "commit", "-q", "-m", "data"],
        dvx.argv("push"),
    )
    for step in steps:
        run_measured(step, cwd=repository, env=dvx.env)
    return repository


def commands_of(dvx: DvxCommand) -> dict[str, list[str]]:
    """The commands by their names."""
    python = dvx.argv()[0]
    return {
        "python -c pass": [python, "-c", "pass"],
        "dvx --version": dvx.argv("--version"),
        "dvx status": dvx.argv("status"),
        "dvx push": dvx.argv("push"),
    }


def measure_commands(
    commands: dict[str, list[str]], repository: Path, dvx: DvxCommand, *, times: int
) -> dict[str, float]:
    """Median seconds of each command, run in turn."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            taken[name].append(run_measured(command, cwd=repository, env=dvx.env)[0].seconds)
    return {name: median(seconds) for name, seconds in taken.items()}


def slowest_imports(dvx: DvxCommand, repository: Path) -> list[tuple[str, float]]:
    """Modules that `dvx status` imports with the seconds each takes without what it imports, longest first."""
    python, *rest = dvx.argv("status")
    done = subprocess.run(
        [python, "-X", "importtime", *rest], cwd=repository, env=dict(dvx.env), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return parse_import_times(done.stderr.split(os.linesep))


def parse_import_times(lines: Sequence[str]) -> list[tuple[str, float]]:
    """Read what `python -X importtime` writes: lines `import time: self us | cumulative us | module`."""
    modules = []
    for line in lines:
        head, _, rest = line.partition("import time:")
        columns = rest.split("|")
        if head or len(columns) != 3 or not columns[0].strip().isdigit():
            continue
        modules.append((columns[2].strip(), int(columns[0]) / 1e6))
    return sorted(modules, key=lambda module: -module[1])


def _verdict(name: str, seconds: float) -> str:
    if name not in _LIMITS_S:
        return ""
    limit_s = _LIMITS_S[name]
    return f"  at most {limit_s * 1000:.0f} ms: {'met' if seconds <= limit_s else 'missed'}"
