"""Names and places that something else has: every command that writes a pointer looks first."""

import os
import subprocess

import pytest

from dvx.core.errors import DvxError, PathRefused, UsageError
from dvx.ops.move import move_path
from dvx.testing.workspace import Workspace, make_repo, open_project

NOTES = b"my notes\n========\nin no commit\n"


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


def everything(work: Workspace) -> dict[str, bytes]:
    """Every file outside of `.git`, and the staging area."""
    found = {"staged": work.git("ls-files", "-s").encode()}
    for folder, folders, files in os.walk(work.root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), work.root)
            found[path] = b"-> link" if os.path.islink(work.path(path)) else work.read(path)
    return found


def refused_add(work: Workspace, path: str) -> DvxError:
    before = everything(work)
    with pytest.raises(DvxError) as caught:
        work.add(path)
    assert everything(work) == before
    return caught.value


def run_hint(work: Workspace, hint: str) -> None:
    """Run the command that a hint names, as a person copies it."""
    command = hint.split("`", 1)[1].rsplit("`", 1)[0]
    subprocess.run(["sh", "-c", command], cwd=work.root, check=True, capture_output=True)


def test_add_beside_a_file_with_the_name_of_the_pointer_keeps_it_and_the_hint_helps(work):
    work.write({"model": b"1", "model.dvx": NOTES})
    error = refused_add(work, "model")
    assert (error.kind, type(error)) == ("not-a-pointer", PathRefused)
    run_hint(work, error.hints[0])
    work.add("model")
    assert work.read("model.dvx.txt") == NOTES


def test_add_over_a_pointer_with_conflict_markers_and_over_a_damaged_one_writes_it_again(work):
    work.write({"a": b"1"})
    work.add("a")
    good = work.read("a.dvx")
    work.write({"a.dvx": good.replace(b"size = 1", b"size = x")})
    work.add("a")
    assert work.read("a.dvx") == good


def test_add_beside_a_folder_or_a_link_with_the_name_of_the_pointer_is_refused(work):
    work.write({"a": b"1", "a.dvx/inner": b"2", "b": b"1", "elsewhere": b"3", "b.dvx": "-> elsewhere"})
    for path in ("a", "b"):
        assert refused_add(work, path).kind == "pointer-not-a-file"
    assert work.read("elsewhere") == b"3"


def test_move_to_a_name_whose_pointer_name_is_taken_moves_nothing(work):
    work.write({"a": b"1", "b.dvx": NOTES})
    work.add("a")
    before = everything(work)
    with open_project(work.root) as project, pytest.raises(PathRefused):
        move_path(project, "a", "b")
    assert everything(work) == before


def test_add_below_a_repository_of_its_own_is_refused_with_the_command_that_works(work):
    work.write({"inner/sub/big": b"1"})
    subprocess.run(["git", "init", "-q", work.path("inner")], check=True)
    error = refused_add(work, "inner/sub/big")
    assert error.kind == "nested-repository"
    assert [hint.split("`")[1].split(" -C ")[0] for hint in error.hints] == ["dvx", "dvx"]
    assert error.hints[-1].endswith(f"`dvx -C {work.path('inner')} add sub/big`")


def test_move_into_a_repository_of_its_own_moves_nothing(work):
    work.write({"a": b"1"})
    work.add("a")
    subprocess.run(["git", "init", "-q", work.path("inner")], check=True)
    before = everything(work)
    with open_project(work.root) as project, pytest.raises(PathRefused) as caught:
        move_path(project, "a", "inner/a")
    assert caught.value.kind == "nested-repository"
    assert everything(work) == before


def test_add_where_rules_let_pointers_through_needs_no_gitignore_that_git_does_not_see(work):
    work.write({".gitignore": b"/data/*\n!/data/*.dvx\n", "data/raw/a": b"1"})
    work.git("add", ".gitignore")
    work.add("data/raw")
    assert not os.path.exists(work.path("data/.gitignore"))
    assert work.git("status", "--short", "data").split() == ["A", "data/raw.dvx"]


def test_add_where_the_gitignore_beside_the_data_is_hidden_writes_the_line_further_up(work):
    work.write({".gitignore": b"/data/.gitignore\n", "data/raw/a": b"1"})
    work.add("data/raw")
    assert work.read(".gitignore").splitlines()[-1] == b"/data/raw"
    with open_project(work.root) as project:
        from dvx.ops.move import remove_paths

        remove_paths(project, ["data/raw"], keep=False, force=True)
    assert b"/data/raw" not in work.read(".gitignore").splitlines()


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (b"data/\n!*.dvx\n", "data/raw"),
        (b"/data/*\n", "data/deep/er/raw"),
        (b"*.dvx", "model"),
        (b"/out/\n", "out/a/model"),
    ],
)
def test_hint_for_a_hidden_pointer_makes_git_see_it_and_nothing_else(work, rules, path):
    work.write({".gitignore": rules, path: b"1"})
    error = refused_add(work, path)
    assert (type(error), error.kind) == (UsageError, "pointer-ignored")
    run_hint(work, error.hints[1])
    work.add(path)
    new = work.git("status", "--short", "-uall").splitlines()
    assert f"A  {path}.dvx" in new
    assert not [line for line in new if line.endswith(path)]


def test_add_while_another_git_command_holds_the_index_writes_nothing(work, monkeypatch):
    monkeypatch.setattr("dvx.repo.git._INDEX_LOCK_WAIT_S", 0.0)
    work.write({"a": b"1", ".git/index.lock": b""})
    assert refused_add(work, "a").kind == "index-locked"
    os.unlink(work.path(".git/index.lock"))
    work.add("a")


def test_move_that_git_refuses_to_stage_is_undone(work, monkeypatch):
    work.write({"d/a": b"1"})
    work.add("d")
    before = everything(work)
    monkeypatch.setattr("dvx.repo.git._INDEX_LOCK_WAIT_S", 0.0)

    def hold(*_):
        work.write({".git/index.lock": b""})

    monkeypatch.setattr("dvx.repo.git.Git.check_stage", hold)
    with open_project(work.root) as project, pytest.raises(DvxError) as caught:
        move_path(project, "d", "new/place/dd")
    assert (caught.value.kind, caught.value.affected) == ("index-locked", "nothing was moved")
    os.unlink(work.path(".git/index.lock"))
    assert everything(work) == before
    assert not os.path.exists(work.path("new"))


def test_add_of_a_folder_with_a_repository_inside_names_the_git_folder_that_is_left_out(work):
    work.write({"data/cloned/f": b"1"})
    subprocess.run(["git", "init", "-q", work.path("data/cloned")], check=True)
    result = work.add("data")
    assert [warning.split(":")[0] for warning in result.warnings] == ["`data/cloned/.git`"]
    assert result.files == 1
    assert os.path.isdir(work.path("data/cloned/.git"))


def test_git_file_of_a_worktree_inside_of_data_stays(work):
    work.write({"data/tree/.git": b"gitdir: /elsewhere\n", "data/tree/f": b"1"})
    work.add("data")
    work.add("data")
    assert work.read("data/tree/.git") == b"gitdir: /elsewhere\n"
