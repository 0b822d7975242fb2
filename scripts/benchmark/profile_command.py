"""Where the time of a dvx command goes: seconds of all threads by stage, CPU, memory.

The command runs in the current folder and does what it always does. Counting makes it somewhat slower; how much
is printed. Example: `scripts/bench profile add data`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmark.machine import cores
from benchmark.stages import IMPORT, STAGES

_SCRIPTS: Final = Path(__file__).resolve().parent.parent
_MIB: Final = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `scripts/bench profile`."""
    add = parser.add_argument
    add(
        "--top",
        type=int,
        default=len(STAGES) + 1,
        metavar="N",
        help="show the N stages with the most time (all)",
    )
    add("dvx", nargs=argparse.REMAINDER, metavar="CMD ...", help="the dvx command and its arguments")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and print the table on standard error; returns the exit code of dvx."""
    with tempfile.TemporaryDirectory(prefix="dvx-bench-profile-") as scratch:
        report = Path(scratch) / "report.json"
        child = [sys.executable, "-P", "-m", "benchmark.profile_child", str(report), *arguments.dvx]
        code = subprocess.run(child, env=_environment(), check=False).returncode
        if not report.exists():
            print(f"the command ended with {code} before it could be measured", file=sys.stderr)
            return code or 1
        document = json.loads(report.read_text())
    print(format_profile(document, top=arguments.top), file=sys.stderr)
    return code


def _environment() -> dict[str, str]:
    """That of the caller, with this package and the sources of this checkout to be found first."""
    sources = _SCRIPTS.parent / "src"
    folders = [str(_SCRIPTS), *([str(sources)] if (sources / "dvx").is_dir() else [])]
    path = os.pathsep.join(filter(None, [*folders, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}


def format_profile(document: dict[str, Any], *, top: int) -> str:
    """The table of stages, longest first, and the totals."""
    stages = {stage: document["stages"].get(stage) for stage in (*STAGES, IMPORT)}
    found = {stage: times for stage, times in stages.items() if times is not None and times["calls"]}
    staged_cpu_s = sum(times["cpu_s"] for times in found.values())
    lines = [f"{'stage':11} {'calls':>9} {'thread s':>9} {'CPU s':>9} {'of CPU':>7}"]
    for stage in sorted(found, key=lambda stage: -found[stage]["wall_s"])[:top]:
        times = found[stage]
        share = times["cpu_s"] / document["cpu_s"] if document["cpu_s"] else 0.0
        lines.append(
            f"{stage:11} {times['calls']:9} {times['wall_s']:9.3f} {times['cpu_s']:9.3f} {share:7.1%}"
        )
    calls = sum(times["calls"] for times in found.values())
    return "\n".join([*lines, "", *_totals(document, staged_cpu_s=staged_cpu_s, calls=calls)])


def _totals(document: dict[str, Any], *, staged_cpu_s: float, calls: int) -> list[str]:
    wall_s, cpu_s = document["wall_s"], document["cpu_s"]
    busy = cpu_s / wall_s / cores() if wall_s else 0.0
    return [
        f"wall {wall_s:.3f} s, CPU {cpu_s:.3f} s, that is {busy:.0%} of {cores()} cores",
        f"CPU of children (Git) {document['children_cpu_s']:.3f} s; "
        f"peak memory {document['peak_bytes'] / _MIB:.0f} MiB",
        f"CPU in no stage (threads between tasks, libraries' own threads) {max(0.0, cpu_s - staged_cpu_s):.3f} s; "
        f"counting {calls} calls cost about {calls * document['counting_s']:.3f} s",
    ]
