"""The files of a release: wheel, sdist, bill of materials, checksums.

Owns how they are made and proved. Equal commits give equal wheels: times in them are that of the commit.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releases.state import ReleaseError, git

CHECKSUMS: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where things are made. Offline, the tools and packages of this Python take the place of the package index."""

    source: Path
    out: Path
    scratch: Path
    is_offline: bool

    @property
    def env(self) -> dict[str, str]:
        """The environment of all tools."""
        time = git(self.source, "log", "-1", "--format=%ct")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**kept, "SOURCE_DATE_EPOCH": time}

    def run(self, command: Sequence[str]) -> str:
        """Run a tool in the source and return what it prints. Raises ReleaseError with all that it said."""
        done = subprocess.run(
            command, cwd=self.source, env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ReleaseError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout


def make_artifacts(shop: Workshop, version: str) -> list[Path]:
    """Make all files of the release in `shop.out`, and prove that what the wheel installs is this version."""
    shop.out.mkdir(parents=True, exist_ok=True)
    wheel = build(shop, version)
    python = install(shop, wheel)
    prove(shop, python, version)
    write_bill(shop, python, shop.out / f"git-dvx-{version}.cdx.json")
    write_checksums(shop.out)
    return sorted(shop.out.iterdir())


def build(shop: Workshop, version: str) -> Path:
    """Make sdist and wheel; returns the wheel."""
    tools = ["--no-isolation"] if shop.is_offline else []
    shop.run([sys.executable, "-m", "build", *tools, "--outdir", str(shop.out)])
    expected = {f"git_dvx-{version}.tar.gz", f"git_dvx-{version}-py3-none-any.whl"}
    made = {path.name for path in shop.out.iterdir()}
    if made != expected:
        raise ReleaseError(f"made {sorted(made)} in place of {sorted(expected)}")
    return shop.out / f"git_dvx-{version}-py3-none-any.whl"


def install(shop: Workshop, wheel: Path) -> Path:
    """Install the wheel as a user would, into an environment of its own; returns its Python."""
    folder = shop.scratch / "environment"
    venv.create(folder, with_pip=True, system_site_packages=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    index = ["--no-index", "--no-deps"] if shop.is_offline else []
    shop.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *index, str(wheel)]
    )
    return python


def prove(shop: Workshop, python: Path, version: str) -> None:
    """Both commands of the wheel start, and say the version. Raises ReleaseError."""
    for name in ("dvx", "git-dvx"):
        said = shop.run([str(python.with_name(name)), "--version"]).strip()
        if said != f"dvx {version}":
            raise ReleaseError(f"`{name} --version` of the wheel says `{said}`")


def write_bill(shop: Workshop, python: Path, path: Path) -> None:
    """Write what the environment holds, dvx at the top, as CycloneDX."""
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON", "-o", str(path)]
    shop.run([sys.executable, "-m", "cyclonedx_py", "environment", *options, str(python)])
    bill = json.loads(path.read_text(encoding="utf-8"))
    if bill["metadata"]["component"]["name"] != "git-dvx":
        raise ReleaseError("the bill of materials is not about git-dvx")


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
