"""One run of one tool through all steps: its folders, its remote, its environment.

Owns where things lie. Must not know any tool.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.measure import NO_COST, Cost, StepFailed, run_measured
from benchmark.workloads import Workload


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """Where a tool pushes to: a folder, or a bucket of the S3 server whose files are in `folder`."""

    kind: str
    folder: Path
    endpoint: str = ""
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes and number of objects on a remote."""

    size_bytes: int
    objects: int

    def minus(self, before: "Size") -> "Size":
        """What was added since `before`."""
        return Size(self.size_bytes - before.size_bytes, self.objects - before.objects)


@dataclass(frozen=True, slots=True)
class Session:
    """The place of one tool in one repetition; everything is below `folder` and thrown away afterwards."""

    folder: Path
    remote: RemotePlace
    workload: Workload
    env: Mapping[str, str]

    @property
    def work(self) -> Path:
        """The folder that holds the data; a Git repository for tools that work with Git."""
        return self.folder / "work"

    @property
    def clone(self) -> Path:
        """Where data is pulled to."""
        return self.folder / "clone"

    @property
    def direct_clone(self) -> Path:
        """Where data is pulled to without a copy in the local store."""
        return self.folder / "direct"

    @property
    def origin(self) -> Path:
        """The bare Git repository that is pushed to."""
        return self.folder / "origin.git"

    @property
    def path(self) -> str:
        """The tracked path."""
        return self.workload.path

    def with_env(self, **env: str) -> "Session":
        """The same session with more in its environment."""
        return replace(self, env={**self.env, **env})

    def measure(self, *commands: list[str], cwd: Path | None = None) -> Cost:
        """Run commands one after the other, by default in `work`, and return what they cost together."""
        total = NO_COST
        for command in commands:
            total = total.plus(run_measured(command, cwd=cwd or self.work, env=self.env)[0])
        return total

    def set_up(self, *commands: list[str], cwd: Path | None = None) -> None:
        """Run commands that nobody measures. Raises StepFailed."""
        for command in commands:
            done = subprocess.run(
                command, cwd=cwd or self.work, env=dict(self.env), stdin=subprocess.DEVNULL,
                capture_output=True, check=False,
            )  # fmt: skip
            if done.returncode:
                said = (done.stderr or done.stdout).decode("utf-8", "backslashreplace").strip()
                raise StepFailed(f"`{' '.join(command)}` ended with {done.returncode}: {said[-600:]}")


def git(*args: str) -> list[str]:
    """The argument vector of a Git command."""
    return ["git", *args]


def size_below(folder: Path) -> Size:
    """Bytes and number of files below a folder; nothing if it is absent."""
    size_bytes = objects = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            size_bytes += os.lstat(os.path.join(parent, name)).st_size
            objects += 1
    return Size(size_bytes, objects)
