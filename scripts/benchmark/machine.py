"""What the figures were measured on: processor, memory, disk, Python, Git.

Owns reading these from the system; what cannot be read is left out. Must not measure.
"""

import os
import platform
import re
import subprocess
from pathlib import Path


def describe_machine(folder: Path) -> dict[str, str | int]:
    """Facts by name; memory and free disk in bytes, the latter where `folder` is."""
    disk = os.statvfs(folder)
    facts: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _first_match("/proc/cpuinfo", r"model name\s*: (.*)") or platform.processor(),
        "cores": cores(),
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        "file_system": _file_system(folder),
        "python": platform.python_version(),
        "git": _git_version(),
    }
    for name in ("MemTotal", "MemAvailable"):
        if found := _first_match("/proc/meminfo", rf"{name}:\s*(\d+) kB"):
            facts[f"{name}_bytes"] = int(found) * 1024
    return facts


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _first_match(path: str, pattern: str) -> str:
    try:
        text = Path(path).read_text()
    except OSError:
        return ""
    match = re.search(pattern, text)
    return match[1] if match else ""


def _file_system(folder: Path) -> str:
    """The type of the mount that `folder` is on, where /proc/mounts says it."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    place = str(folder.resolve())
    mounts = [line.split()[1:3] for line in lines]
    above = [(point, kind) for point, kind in mounts if f"{place}/".startswith(f"{point.rstrip('/')}/")]
    return max(above, key=lambda mount: len(mount[0]))[1] if above else ""


def _git_version() -> str:
    done = subprocess.run(["git", "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout.decode().strip().removeprefix("git version ")
