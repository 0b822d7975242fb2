"""Repositories in the middle of everyday work, built once and copied for each test."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dvx.testing.shell import (
    Tree,
    clone,
    commit,
    file_bytes,
    make_repo,
    must_dvx,
    run,
    run_git,
    write_tree,
)  # fmt: skip

# Sizes around every path through the code: empty, one chunk, several chunks, more than the 1 MiB that is read
# whole, more than the 8 MiB window that is written at once.
OLD: Tree = {
    "a/kept.bin": ("file", file_bytes(300_000, seed=1)),
    "a/changed.bin": ("file", file_bytes(400_000, seed=2)),
    "a/removed.bin": ("file", file_bytes(50_000, seed=3)),
    "large.bin": ("file", file_bytes(10_000_000, seed=4)),
    "script.sh": ("file", b"#!/bin/sh\n"),
    "was-folder/inner": ("file", b"inner"),
}
NEW: Tree = {
    "a/changed.bin": ("file", file_bytes(200_000, seed=2) + file_bytes(200_000, seed=5)),
    "a/kept.bin": OLD["a/kept.bin"],
    "a/new.bin": ("file", file_bytes(120_000, seed=6)),
    "empty": ("file", b""),
    "hollow": ("directory", b""),
    "large.bin": ("file", OLD["large.bin"][1][:5_000_000] + b"edit" + OLD["large.bin"][1][5_000_000:]),
    "link": ("symlink", b"a/new.bin"),
    "script.sh": ("executable", b"#!/bin/sh\n"),
    "was-folder": ("file", b"now a file"),
}
MODEL_OLD = file_bytes(2_000_000, seed=7)
MODEL_NEW = MODEL_OLD[:1_000_000] + file_bytes(1_500_000, seed=8)


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder with `remote` (a store) and some clones: `author` made the data, `colleague` pulls it."""

    folder: Path

    @property
    def author(self) -> Path:
        return self.folder / "author"

    @property
    def colleague(self) -> Path:
        return self.folder / "colleague"

    @property
    def remote(self) -> Path:
        return self.folder / "remote"


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenes, each a folder of its own; the remote is `../remote`, so that they can be copied."""
    top = tmp_path_factory.mktemp("scenes")
    edited = Scene(top / "edited")
    make_repo(edited.author, remote="../remote")
    write_tree(edited.author / "data", OLD)
    (edited.author / "model.bin").write_bytes(MODEL_OLD)
    must_dvx(edited.author, "add", "data", "model.bin")
    commit(edited.author, "old data")
    must_dvx(edited.author, "push")
    clone(edited.author, edited.colleague)
    must_dvx(edited.colleague, "pull")
    write_tree(edited.author / "data", NEW)
    (edited.author / "model.bin").write_bytes(MODEL_NEW)

    added = Scene(top / "added")
    shutil.copytree(edited.folder, added.folder, symlinks=True)
    must_dvx(added.author, "add", "data", "model.bin")
    commit(added.author, "new data")

    pushed = Scene(top / "pushed")
    shutil.copytree(added.folder, pushed.folder, symlinks=True)
    must_dvx(pushed.author, "push")
    run_git(pushed.colleague, "pull", "-q", str(pushed.author), "main")
    return top


@pytest.fixture
def scene(_built: Path, tmp_path: Path) -> Callable[[str], Scene]:
    """A fresh copy of a scene.

    `edited`: data is pushed, then the author changed it. `added`: the change is added and committed.
    `pushed`: it is pushed as well; the colleague has the new pointers beside the old data.
    """

    def copy(name: str) -> Scene:
        folder = tmp_path / name
        shutil.copytree(_built / name, folder, symlinks=True)
        return Scene(folder)

    return copy


@pytest.fixture(scope="session")
def strace() -> list[str]:
    """The start of an strace command line; skips where tracing is not permitted."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    probe = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]
    if run(probe, "/").code != 0:
        pytest.skip("tracing processes is not permitted here")
    return ["strace", "-f", "-qq"]


@pytest.fixture
def contents() -> dict[str, object]:
    """What the scenes hold: `old` and `new` are the trees in `data`, the models are bytes of `model.bin`."""
    return {"old": OLD, "new": NEW, "old model": MODEL_OLD, "new model": MODEL_NEW}
