"""A remote that nobody has is an error of every command that takes its name, also when nothing has to move."""

from pathlib import Path

import pytest

from dvx.testing.shell import must_dvx, run_dvx
from dvx.testing.workspace import Workspace, make_repo

COMMANDS = [
    ("pull",),
    ("push",),
    ("fetch",),
    ("status",),
    ("verify",),
    ("verify", "--remote"),
    ("diff", "HEAD"),
    ("ls", "data"),
    ("cat", "data/a"),
    ("add", "--push", "data"),
    ("get", ".", "data", "-o", "out"),
    ("cat", "--repo", ".", "data/a"),
    ("import", ".", "data", "-o", "imported"),
    ("clone", ".", "cloned"),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("names")
    repo = make_repo(folder / "work", remote=folder / "remote")
    repo.write({"data/a": b"one", "data/b": b"two"})
    repo.add("data")
    repo.commit()
    repo.push()
    return repo


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_unknown_remote_is_an_error_also_when_nothing_moves(
    work: Workspace, command: tuple[str, ...]
) -> None:
    ran = run_dvx(Path(work.root), *command, "-r", "nope")
    assert ran.code == 1
    assert "there is no remote `nope`" in ran.err


def test_empty_name_of_a_remote_does_not_mean_the_default(work: Workspace) -> None:
    ran = run_dvx(Path(work.root), "push", "-r", "")
    assert ran.code == 1
    assert "there is no remote ``" in ran.err


@pytest.mark.parametrize("command", [("pull",), ("push",), ("status",), ("ls", "data")], ids=" ".join)
def test_known_remote_is_used(work: Workspace, command: tuple[str, ...]) -> None:
    must_dvx(Path(work.root), *command, "-r", "origin")
