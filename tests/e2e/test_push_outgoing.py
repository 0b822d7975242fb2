"""`dvx push` before `git push`: the data of every commit that Git is going to send; names that are no paths."""

import subprocess
from pathlib import Path

import pytest

from dvx.testing.shell import must_dvx, run_dvx
from dvx.testing.workspace import Workspace, make_repo


@pytest.fixture
def author(tmp_path: Path) -> Workspace:
    """Three commits of one file, and a Git remote that has none of them."""
    repo = make_repo(tmp_path / "author", remote=tmp_path / "remote")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "git")], check=True)
    repo.git("remote", "add", "upstream", str(tmp_path / "git"))
    for version in (b"one", b"two", b"three"):
        Path(repo.path("file")).write_bytes(version)
        repo.add("file")
        repo.commit(version.decode())
    return repo


def test_push_sends_all_versions_that_git_is_going_to_send(author: Workspace) -> None:
    root = Path(author.root)
    must_dvx(root, "hooks", "install")
    must_dvx(root, "push")
    author.git("push", "-q", "upstream", "main")
    must_dvx(root, "verify", "--rev", "HEAD~2")


def test_push_names_a_version_whose_data_is_nowhere(author: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", author.root, str(other)], check=True)
    subprocess.run(["git", "remote", "set-url", "origin", str(tmp_path / "git")], cwd=other, check=True)
    subprocess.run(["git", "update-ref", "-d", "refs/remotes/origin/main"], cwd=other, check=True)
    ran = run_dvx(other, "push")
    assert ran.code in (3, 6)
    assert "`file`" in ran.err
    must_dvx(Path(author.root), "push")
    must_dvx(other, "push")


def test_push_of_a_single_path_sends_that_version_alone(author: Workspace) -> None:
    root = Path(author.root)
    must_dvx(root, "push", "file")
    assert run_dvx(root, "verify", "--rev", "HEAD~1").code == 6


@pytest.mark.parametrize(
    ("command", "name", "hint"),
    [
        ("push", "origin", "`dvx push -r origin`"),
        ("push", "upstream", "`git push upstream`"),
        ("push", "main", "`dvx push --rev main`"),
        ("checkout", "main", "`git switch main`, then `dvx checkout`"),
    ],
)
def test_name_that_is_no_path_says_what_was_meant(
    author: Workspace, command: str, name: str, hint: str
) -> None:
    ran = run_dvx(Path(author.root), command, name)
    assert ran.code == 1
    assert hint in ran.err
