"""What a killed command leaves is settled by the next one; work that was made in between stays."""

import os

import pytest

from dvx.core.progress import NullReporter
from dvx.disk.lock import hold_lock
from dvx.ops.intentions import Intention, head_of
from dvx.ops.move import move_path, remove_paths
from dvx.ops.recovery import finish_or_go_on
from dvx.repo.intention_file import write_intention
from dvx.testing.workspace import Workspace, make_repo, open_project


class Notes(NullReporter):
    def __init__(self):
        self.said = []

    def note(self, message):
        self.said.append(message)


@pytest.fixture
def work(tmp_path):
    made = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    made.write({"d/a": b"1", "d/s/b": b"2"})
    made.add("d")
    made.git("commit", "-qm", "d")
    return made


def killed(work: Workspace, monkeypatch, do) -> None:
    """Leave what a command leaves that is killed right after it has written its intention."""
    with monkeypatch.context() as patched, open_project(work.root) as project:
        patched.setattr("dvx.ops.intentions._do", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        patched.setattr("dvx.ops.intentions.remove_intention", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            do(project)


def settle(work: Workspace) -> list[str]:
    notes = Notes()
    with open_project(work.root, reporter=notes) as project:
        finish_or_go_on(project)
    return notes.said


def intention(work: Workspace) -> str:
    return work.path(".git/dvx/intention")


def test_killed_rm_keeps_what_was_written_since_and_says_so(work, monkeypatch):
    killed(work, monkeypatch, lambda project: remove_paths(project, ["d"], keep=False, force=False))
    work.write({"d/s/b": b"work", "d/new": b"more"})
    said = settle(work)
    assert "`d/new`, `d/s/b`: changed since, and left in the workspace" in said
    assert (work.read("d/s/b"), work.read("d/new")) == (b"work", b"more")
    assert not os.path.exists(work.path("d/a"))
    assert work.git("status", "--porcelain", "d.dvx").split() == ["D", "d.dvx"]


def test_killed_mv_whose_target_was_taken_since_is_undone(work, monkeypatch):
    killed(work, monkeypatch, lambda project: move_path(project, "d", "e"))
    work.write({"e.dvx": b"notes of mine\n"})
    said = settle(work)
    assert said[-1] == "`dvx mv d e` was interrupted, and is undone: `e.dvx` was changed since"
    assert work.read("e.dvx") == b"notes of mine\n"
    assert (work.read("d/a"), work.read("d/s/b")) == (b"1", b"2")
    assert work.git("status", "--porcelain", "d.dvx", ".gitignore") == ""


def test_killed_mv_is_undone_on_another_branch(work, monkeypatch):
    killed(work, monkeypatch, lambda project: move_path(project, "d", "e"))
    work.git("checkout", "-q", "-b", "other")
    assert "interrupted on another branch" in settle(work)[-1]
    assert work.git("status", "--porcelain") == ""
    assert not os.path.exists(intention(work))


def test_intention_of_a_command_that_lives_is_left_alone(work, monkeypatch):
    killed(work, monkeypatch, lambda project: move_path(project, "d", "e"))
    with hold_lock(work.path(".git/dvx/workspace.lock"), timeout_s=0, describe="the test"):
        assert settle(work) == []
        assert os.path.exists(intention(work))
    assert settle(work) == ["`dvx mv d e` was interrupted; it is finished now"]
    assert work.read("e/a") == b"1"


def test_intention_waits_while_git_holds_its_index(work, monkeypatch):
    killed(work, monkeypatch, lambda project: move_path(project, "d", "e"))
    work.write({".git/index.lock": b""})
    assert settle(work) == []
    os.unlink(work.path(".git/index.lock"))
    assert settle(work) == ["`dvx mv d e` was interrupted; it is finished now"]


@pytest.mark.parametrize("data", [b"", b"dvx inten", b"dvx intention 1 99 00000000\n{"])
def test_intention_that_was_being_written_means_that_nothing_was_begun(work, data):
    work.write({".git/dvx/intention": data})
    assert settle(work) == []
    assert not os.path.exists(intention(work))


@pytest.mark.parametrize("data", [b"something else\n", b"dvx intention 1 2 00000000\n{}", b"\xff" * 100])
def test_damaged_intention_is_moved_aside_and_named(work, data):
    work.write({".git/dvx/intention": data})
    assert "cannot be read" in settle(work)[0]
    assert work.read(".git/dvx/intention.damaged") == data


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ".git/hooks/pre-commit", "a/../../b"])
def test_intention_about_a_path_that_no_command_writes_is_moved_aside(work, path):
    step = {"do": "write", "path": path, "before": None, "after": "x"}
    with open_project(work.root) as project:
        fields = Intention(("mv",), (), (), head_of(project)).fields() | {"steps": [step]}
    write_intention(intention(work), fields, durable=False)
    assert "cannot be read" in settle(work)[0]
