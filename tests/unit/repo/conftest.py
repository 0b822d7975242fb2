"""Builders for tests of dvx.repo: real Git repositories, and tracked pointers made of nothing."""

import subprocess

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer
from dvx.repo.pointers import TrackedPointer
from dvx.repo.repository import Repository


@pytest.fixture
def git(tmp_path):
    """Run Git in the work tree and return its stdout as text."""

    def run(*args, cwd=tmp_path / "work"):
        return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def repo(tmp_path, git):
    """An empty repository at tmp_path/work."""
    (tmp_path / "work").mkdir()
    git("init", "-q")
    return Repository.discover(str(tmp_path / "work"), env={})


@pytest.fixture
def tracked():
    """Make a TrackedPointer: a directory when `files` is given."""

    def make(path, *, content=b"", files=None):
        kind = "file" if files is None else "directory"
        pointer = Pointer(kind=kind, id=hash_bytes(content or path.encode()), size=7, files=files)
        return TrackedPointer(path=path, pointer_path=path + ".dvx", pointer=pointer)

    return make
