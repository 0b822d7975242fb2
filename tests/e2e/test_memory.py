"""Memory stays bounded whatever the size of the data. scripts/soak does the same with far more of it."""

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.bulk import peak_memory, write_large_file, write_many_files
from dvx.testing.shell import clone, commit, make_repo

MOST_BYTES = 512 * 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")


def full_circle(top: Path, fill: Callable[[Path], None]) -> Path:
    """add, push, pull both ways; every command within the limit. Returns the last clone."""
    repo = make_repo(top / "author", remote=str(top / "remote"))
    fill(repo)
    peaks = {"add": peak_memory(repo, "add", "data")}
    commit(repo, "data")
    peaks["push"] = peak_memory(repo, "push")
    peaks["status"] = peak_memory(repo, "status", "--exit-code")
    shutil.rmtree(repo / "data") if (repo / "data").is_dir() else (repo / "data").unlink()
    peaks["checkout"] = peak_memory(repo, "checkout")
    fresh = clone(repo, top / "fresh")
    peaks["pull --no-store"] = peak_memory(fresh, "pull", "--no-store")
    assert all(peak < MOST_BYTES for peak in peaks.values()), peaks
    return fresh


def test_large_file(tmp_path: Path) -> None:
    def fill(repo: Path) -> None:
        write_large_file(repo / "data", 300_000_000)

    fresh = full_circle(tmp_path, fill)
    assert digest(fresh / "data") == digest(tmp_path / "author" / "data")


def digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_many_files(tmp_path: Path) -> None:
    def fill(repo: Path) -> None:
        write_many_files(repo / "data", 20_000)

    fresh = full_circle(tmp_path, fill)
    assert sum(1 for _ in (fresh / "data").rglob("*.json")) == 20_000
    last = "data/part-00019/sample-00019999.json"
    assert (fresh / last).read_bytes() == (tmp_path / "author" / last).read_bytes()
