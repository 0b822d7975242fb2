"""A whole release in a copy of this project: what is built can be installed, and is the same when built again."""

import hashlib
import json
import shutil
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from pages.tree import ROOT, project_files

from dvx.testing.shell import run, run_git

pytest.importorskip("build")
pytest.importorskip("cyclonedx_py")
pytest.importorskip("hatchling")
VERSION = "9.9.9"
WHEEL = f"git_dvx-{VERSION}-py3-none-any.whl"
SDIST = f"git_dvx-{VERSION}.tar.gz"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project in a repository of its own, with an entry for the release; without its tests, for speed."""
    checkout = tmp_path / "checkout"
    for path in project_files():
        target = checkout / path.relative_to(ROOT)
        if (ROOT / "tests") not in path.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(
        changelog.read_text().replace("## 0.1.0", f"## {VERSION}\n\n- A release.\n\n## 0.1.0", 1)
    )
    run_git(tmp_path, "init", "-q", "-b", "main", "checkout")
    run_git(checkout, "add", ".")
    run_git(checkout, "commit", "-q", "-m", "all")
    return checkout


def release(checkout: Path, *arguments: str) -> None:
    """Run the command as it is run here, without the package index."""
    ran = run([sys.executable, "scripts/release", VERSION, "--offline", *arguments], checkout)
    assert ran.code == 0, ran.out + ran.err


def test_release_is_complete_and_the_same_when_it_is_made_again_from_its_tag(checkout: Path) -> None:
    release(checkout)
    release(checkout, "--from-tag", "--out", "again")
    made = {path.name: path.read_bytes() for path in (checkout / "dist").iterdir()}
    assert made.keys() == {WHEEL, SDIST, f"git-dvx-{VERSION}.cdx.json", "SHA256SUMS"}
    assert {path.name: path.read_bytes() for path in (checkout / "again").iterdir()} == made
    sums = dict(line.split("  ")[::-1] for line in made.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    check_wheel(checkout / "dist" / WHEEL)
    with tarfile.open(checkout / "dist" / SDIST) as sdist:
        assert f"git_dvx-{VERSION}/scripts/test" in sdist.getnames()
    component = json.loads(made[f"git-dvx-{VERSION}.cdx.json"])["metadata"]["component"]
    assert component["name"] == "git-dvx"
    assert f"git-dvx=={VERSION}" in (checkout / "docs/how-to/github-actions.md").read_text()


def check_wheel(path: Path) -> None:
    """The wheel is git-dvx with both commands, and has the package `dvx` and nothing else."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        info = f"git_dvx-{VERSION}.dist-info"
        metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
        commands = wheel.read(f"{info}/entry_points.txt").decode()
    assert metadata["Name"] == "git-dvx"
    assert metadata["Version"] == VERSION
    assert "dvx = dvx.cli.main:main" in commands
    assert "git-dvx = dvx.cli.main:main" in commands
    assert {name.split("/")[0] for name in names} == {"dvx", info}
