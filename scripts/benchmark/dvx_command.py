"""How the benchmark runs dvx: which code, with which environment.

Owns the choice between this checkout and an installed dvx, and the environment of every measured command.
Must not run anything but a warm-up.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark.measure import Cost, run_measured

_SOURCES: Final = Path(__file__).resolve().parent.parent.parent / "src"
# Left out of the environment of measured commands: they change what the tools do or how Python starts.
_DROPPED_PREFIXES: Final = ("AWS_", "BORG_", "DVC_", "DVX_", "GIT_", "HF_", "PYTHON", "RESTIC_", "XDG_")
_DROPPED_NAMES: Final = frozenset({"CI", "EMAIL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "VIRTUAL_ENV"})
_GIT_CONFIG: Final = """\
[user]
    name = Benchmark
    email = benchmark@example.invalid
[init]
    defaultBranch = main
[commit]
    gpgsign = false
[protocol "file"]
    allow = always
[gc]
    auto = 0
"""


def isolated_environment(scratch: Path) -> dict[str, str]:
    """The environment for any tool: home, caches and Git settings below `scratch`, bytecode kept there too.

    Python writes its bytecode once below `scratch` and finds it there in every later command, as an installed
    tool finds its own.
    """
    home = scratch / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "gitconfig").write_text(_GIT_CONFIG)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_DROPPED_PREFIXES) and name.upper() not in _DROPPED_NAMES
    }
    return kept | {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"),
    }


@dataclass(frozen=True, slots=True)
class DvxCommand:
    """A dvx that can be run: the interpreter of this process and an environment."""

    env: Mapping[str, str]

    def argv(self, *args: str) -> list[str]:
        """The argument vector of a dvx command."""
        return [sys.executable, "-m", "dvx", *args]

    def run(
        self, cwd: Path, *args: str, env: Mapping[str, str] | None = None, expect: int = 0
    ) -> tuple[Cost, str]:
        """Run a dvx command, `env` on top of its environment; see run_measured."""
        return run_measured(self.argv(*args), cwd=cwd, env={**self.env, **(env or {})}, expect=expect)


def make_dvx(scratch: Path, env: Mapping[str, str] | None = None) -> DvxCommand:
    """Return the dvx of this checkout, or the installed one where there are no sources; runs it once.

    `env` goes on top of isolated_environment(scratch). Raises StepFailed if dvx cannot start.
    """
    sources = {"PYTHONPATH": str(_SOURCES)} if (_SOURCES / "dvx").is_dir() else {}
    dvx = DvxCommand({**isolated_environment(scratch), **sources, **(env or {})})
    dvx.run(scratch, "status", "--help")
    return dvx
