"""Repositories for tests that drive the command line."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, commit, file_bytes, make_repo, must_dvx, run_git, write_tree

TREE = {
    "a.bin": ("file", file_bytes(150_000, seed=11)),
    "sub/b.txt": ("file", b"text\n" * 1000),
    "sub/run.sh": ("executable", b"#!/bin/sh\n"),
    "sub/link": ("symlink", b"b.txt"),
    "void": ("directory", b""),
}
MODEL = file_bytes(120_000, seed=12)


@pytest.fixture
def tree() -> dict:
    """The content of `data` in `author`."""
    return dict(TREE)


@pytest.fixture
def model() -> bytes:
    """The content of `model.bin` in `author`."""
    return MODEL


def _make_author(folder: Path) -> None:
    repo = make_repo(folder / "author", remote="../remote")
    write_tree(repo / "data", TREE)
    (repo / "model.bin").write_bytes(MODEL)
    must_dvx(repo, "add", "data", "model.bin")
    commit(repo, "data")
    must_dvx(repo, "push")


@pytest.fixture
def author(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """A repository with `data` and `model.bin` added, committed and pushed to the folder `remote` beside it."""
    made_once(_make_author, tmp_path)
    return tmp_path / "author"


_WORKSPACE_HOOKS = ("post-index-change", "post-checkout", "post-merge", "post-rewrite")
_ALL_HOOKS = (*_WORKSPACE_HOOKS, "pre-commit", "pre-push")


@pytest.fixture(scope="session")
def install_hooks() -> Callable[..., None]:
    """Installs the hooks of this dvx into a repository; with names, those only."""

    def install(repo: Path, *names: str) -> None:
        must_dvx(repo, "hooks", "install", "--files")
        folder = Path(run_git(repo, "rev-parse", "--path-format=absolute", "--git-path", "hooks"))
        for name in {*_ALL_HOOKS} - {*(names or _WORKSPACE_HOOKS)}:
            (folder / name).unlink()

    return install


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with `dvx` in it, as an installation makes it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "dvx").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dvx "$@"\n')
    (folder / "dvx").chmod(0o755)
    return folder


@pytest.fixture
def shallow(author: Path, tmp_path: Path) -> Path:
    """A clone of depth 1 of `author`, as CI services make them."""
    run_git(tmp_path, "clone", "-q", "--depth", "1", author.as_uri(), "shallow")
    return tmp_path / "shallow"


@pytest.fixture
def explains() -> Callable[..., None]:
    """Checks a refusal: its exit code, and that it says what, what is affected, and what to do next."""

    def check(ran: Ran, code: int, *words: str, affected: bool = True) -> None:
        text = ran.out + ran.err
        assert ran.code == code, f"{ran.code} instead of {code}:\n{text}"
        for word in words:
            assert word in text, f"{word!r} is not in:\n{text}"
        lines = ran.err.splitlines()
        assert any(line.startswith("error: ") for line in lines), text
        assert any(line.startswith("hint: ") for line in lines), text
        if affected:
            assert any(line.startswith("  affected: ") for line in lines), text
        assert "Traceback" not in text

    return check
