"""What a tool is to the benchmark: a name, the remotes it speaks to, and a function for each step.

Owns the list of steps. Must not know how any tool is run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark.measure import Cost
from benchmark.session import Session

STEPS: Final = (
    "add v1", "status", "push v1", "push again", "pull", "pull direct", "add v2", "push v2", "switch v1", "switch v2",
)  # fmt: skip
# What a step must have brought about: the version, and the folder of the session that holds it.
RESULTS: Final[Mapping[str, tuple[str, Callable[[Session], Path]]]] = {
    "pull": ("v1", lambda session: session.clone),
    "pull direct": ("v1", lambda session: session.direct_clone),
    "switch v1": ("v1", lambda session: session.work),
    "switch v2": ("v2", lambda session: session.work),
}
PUSHES: Final = ("push v1", "push again", "push v2")

Step = Callable[[Session], Cost]


class ToolMissing(Exception):
    """A tool is not here; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `prepare` sets up a session before anything is measured and may return another environment for
    it; `steps` are functions by their names in STEPS, a missing one is what the tool does not have; `stored`
    is the folder that a push fills."""

    name: str
    version: str
    remotes: tuple[str, ...]
    prepare: Callable[[Session], Session]
    steps: Mapping[str, Step]
    stored: Callable[[Session], Path] = lambda session: session.remote.folder


@dataclass(frozen=True, slots=True)
class Peers:
    """Where other tools come from: `folder` has a virtual environment for each that is written in Python."""

    folder: Path
    may_install: bool

    def environment(self, name: str, packages: tuple[str, ...]) -> tuple[Path, str]:
        """The folder of programs of a peer's own environment, and the version of its first package.

        Makes the environment if it may. Raises ToolMissing.
        """
        programs = self.folder / name / ("Scripts" if os.name == "nt" else "bin")
        version = _package_version(programs, packages[0])
        if version is None and self.may_install:
            self._install(name, packages, programs)
            version = _package_version(programs, packages[0])
        if version is None:
            raise ToolMissing(
                f"not in {self.folder / name}; run without --no-install to have it installed there"
            )
        return programs, version

    def _install(self, name: str, packages: tuple[str, ...], programs: Path) -> None:
        commands = (
            [sys.executable, "-m", "venv", str(self.folder / name)],
            [
                str(programs / "python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                *packages,
            ],
        )
        for command in commands:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode:
                said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
                raise ToolMissing(f"`pip install {' '.join(packages)}` failed: {' '.join(said[-2:])}")


def find_program(name: str, package: str, *version_args: str) -> str:
    """The first line of what `name` says about its version. Raises ToolMissing."""
    if shutil.which(name) is None:
        raise ToolMissing(f"not installed: `apt-get install {package}`")
    done = subprocess.run([name, *version_args], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "backslashreplace").partition("\n")[0].strip()


def _package_version(programs: Path, package: str) -> str | None:
    if not (programs / "python").exists():
        return None
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run(
        [str(programs / "python"), "-I", "-c", ask],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode().strip() if done.returncode == 0 else None
