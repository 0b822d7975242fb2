"""repo.git: Git commands as plain answers."""

import os

import pytest

from dvx.core.errors import GitError, NotFound
from dvx.repo import git as git_module
from dvx.repo.git import Git
from dvx.testing.shell import HANG_S

ODD = ["a b.dvx", "é.dvx", "[x]*?.dvx", "-dash.dvx", "sub/q\"uote.dvx"]  # fmt: skip


def write(repo, path, text="x\n"):
    place = repo.absolute(path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture
def runner(repo):
    return repo.git()


def test_stage_and_list_files_with_odd_names(repo, runner):
    for path in [*ODD, "other.txt"]:
        write(repo, path)
    assert runner.ls_files(["*.dvx"]) == []
    assert runner.ls_files(["*.dvx"], others=True) == sorted(ODD)
    runner.stage(ODD[:3])
    assert runner.ls_files(["*.dvx"]) == sorted(ODD[:3])
    runner.stage(["[x]*?.dvx"])
    assert "other.txt" not in runner.ls_files(["*"])


def test_stage_takes_names_literally(repo, runner):
    write(repo, "a1")
    write(repo, "a*")
    runner.stage(["a*"])
    assert runner.ls_files(["."]) == ["a*"]


def test_ls_files_leaves_out_ignored_files(repo, runner):
    write(repo, ".gitignore", "/hidden/\n")
    write(repo, "hidden/x.dvx")
    write(repo, "shown.dvx")
    assert runner.ls_files(["*.dvx"], others=True) == ["shown.dvx"]


def test_is_tracked_knows_files_and_folders(repo, runner):
    write(repo, "d/e/f")
    write(repo, "loose")
    runner.stage(["d/e/f"])
    assert runner.is_tracked(["d", "d/e", "d/e/f", "d/e/x", "loose", "no"]) == {"d", "d/e", "d/e/f"}
    assert runner.is_tracked([]) == set()


def test_is_tracked_with_more_paths_than_a_command_line_holds(repo, runner):
    write(repo, "d/f")
    runner.stage(["d/f"])
    paths = [f"{'long' * 50}/{number}" for number in range(2000)]
    assert runner.is_tracked([*paths, "d"]) == {"d"}


def test_stage_waits_for_the_index_lock(repo, runner, monkeypatch):
    write(repo, "f")
    lock = os.path.join(repo.git_dir, "index.lock")
    open(lock, "w").close()
    waits = []

    def other_command_ends(delay_s):
        waits.append(delay_s)
        if len(waits) == 3:
            os.unlink(lock)

    monkeypatch.setattr(git_module, "_INDEX_LOCK_WAIT_S", HANG_S)
    monkeypatch.setattr(git_module.time, "sleep", other_command_ends)
    runner.stage(["f"])
    assert len(waits) == 3
    assert runner.ls_files(["."]) == ["f"]


def test_stage_gives_up_on_a_lock_that_stays(repo, runner, monkeypatch):
    monkeypatch.setattr(git_module, "_INDEX_LOCK_WAIT_S", 0)
    write(repo, "f")
    open(os.path.join(repo.git_dir, "index.lock"), "w").close()
    with pytest.raises(GitError, match=r"index\.lock") as caught:
        runner.stage(["f"])
    assert "other Git command" in caught.value.hints[0]


def test_stage_of_an_ignored_file_says_how_to_find_the_rule(repo, runner):
    write(repo, ".gitignore", "*.dvx\n")
    write(repo, "f.dvx")
    with pytest.raises(GitError) as caught:
        runner.stage(["f.dvx"])
    assert "check-ignore" in caught.value.hints[0]


def test_head_before_and_after_the_first_commit(repo, runner, git):
    assert runner.head() is None
    git("commit", "-q", "--allow-empty", "-m", "one")
    assert runner.head() == git("rev-parse", "HEAD").strip()
    git("checkout", "-q", "--detach")
    assert runner.rev_parse("HEAD") == runner.head()


@pytest.mark.parametrize("rev", ["nope", "", "--all", "HEAD~5", "main:x", "a..b"])
def test_unknown_revision_is_not_found_with_a_hint(runner, git, rev):
    git("commit", "-q", "--allow-empty", "-m", "one")
    with pytest.raises(NotFound) as caught:
        runner.rev_parse(rev)
    assert caught.value.kind == "unknown-revision"
    assert any("git fetch" in hint for hint in caught.value.hints)


def test_annotated_tag_leads_to_its_commit(runner, git):
    git("commit", "-q", "--allow-empty", "-m", "one")
    git("tag", "-a", "-m", "tag", "v1")
    assert runner.rev_parse("v1") == runner.head()


def test_ls_tree_and_read_objects_give_names_and_bytes(repo, runner, git):
    for path in ODD:
        write(repo, path, path + "\n")
    write(repo, "plain.txt")
    os.symlink("é.dvx", repo.absolute("link.dvx"))
    git("add", ".")
    git("commit", "-q", "-m", "one")
    found = runner.ls_tree("HEAD", suffix=".dvx")
    assert sorted(path for path, _ in found) == sorted(ODD)
    contents = runner.read_objects([object_id for _, object_id in found], limit_bytes=100)
    assert {path: data.decode() for (path, _), data in zip(found, contents, strict=True)} == {
        path: path + "\n" for path in ODD
    }
    assert runner.read_objects([]) == []


def test_read_objects_never_loads_more_than_the_limit(repo, runner, git):
    write(repo, "big", "x" * 1000)
    object_id = git("hash-object", "-w", "big").strip()
    assert runner.read_objects([object_id], limit_bytes=1000) == [b"x" * 1000]
    with pytest.raises(GitError, match="has 1000 bytes, more than 999"):
        runner.read_objects([object_id], limit_bytes=999)


@pytest.mark.parametrize("limit_bytes", [None, 10])
def test_missing_object_is_an_error(runner, limit_bytes):
    with pytest.raises(GitError) as caught:
        runner.read_objects(["0" * 40], limit_bytes=limit_bytes)
    assert caught.value.kind == "git-object-missing"


def test_check_ignored_tells_ignored_from_others(repo, runner):
    write(repo, ".gitignore", "/data\n*.log\n")
    assert runner.check_ignored(["data", "data/x", "é.log", "kept"]) == {"data", "data/x", "é.log"}
    assert runner.check_ignored(["kept"]) == set()
    assert runner.check_ignored([]) == set()


def test_changes_against_head_names_every_kind_of_change(repo, runner, git):
    names = ["same.x", "staged.x", "edited.x", "deleted.x", "staged-away.x", "other.y"]
    for name in names:
        write(repo, name)
    runner.stage(names)
    assert runner.changes_against_head(["*.x"]) == dict.fromkeys(names[:5], "new")
    git("commit", "-q", "-m", "one")
    assert runner.changes_against_head(["*.x"]) == {}
    write(repo, "staged.x", "2\n")
    runner.stage(["staged.x"])
    write(repo, "edited.x", "2\n")
    write(repo, "other.y", "2\n")
    os.unlink(repo.absolute("deleted.x"))
    git("rm", "-q", "staged-away.x")
    write(repo, "d/new.x")
    write(repo, "d/added.x")
    runner.stage(["d/added.x"])
    assert runner.changes_against_head(["*.x"]) == {
        "staged.x": "modified", "edited.x": "modified", "deleted.x": "removed", "staged-away.x": "removed",
        "d/new.x": "new", "d/added.x": "new",
    }  # fmt: skip


def test_failed_command_carries_what_git_said(runner):
    with pytest.raises(GitError, match="`git cat-file` failed: fatal: Not a valid object name nope"):
        runner.run(["cat-file", "-p", "nope"])


def test_missing_git_says_how_to_get_it(repo, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitError) as caught:
        Git(repo.root).head()
    assert caught.value.kind == "git-missing"


def test_missing_folder_is_not_taken_for_missing_git(tmp_path):
    with pytest.raises(GitError, match="cannot run `git` in"):
        Git(str(tmp_path / "none")).head()


def test_foreign_runner_drops_what_a_hook_sets(repo, runner, tmp_path, git):
    other = tmp_path / "other"
    other.mkdir()
    git("init", "-q", cwd=other)
    hook = {**os.environ, "GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": "x"}
    where = ["rev-parse", "--absolute-git-dir"]
    assert Git(repo.root, environment=hook).run(where).decode().strip() == str(other / ".git")
    assert Git(repo.root, environment=hook, foreign=True).run(where).decode().strip() == repo.git_dir


def test_pathspec_variables_do_not_change_patterns(repo):
    write(repo, "a.dvx")
    environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1"}
    assert Git(repo.root, environment=environment).ls_files(["*.dvx"], others=True) == ["a.dvx"]


def test_revision_that_a_shallow_clone_lacks_names_what_brings_it(repo, git, tmp_path):
    for message in ("one", "two"):
        git("commit", "-q", "--allow-empty", "-m", message)
    git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "shallow"))
    shallow = Git(str(tmp_path / "shallow"))
    with pytest.raises(NotFound) as caught:
        shallow.rev_parse("HEAD~1")
    assert caught.value.hints == (
        "this clone is shallow, so older commits are not here: `git fetch --unshallow`",
    )
    git("fetch", "-q", "--unshallow", cwd=tmp_path / "shallow")
    assert shallow.rev_parse("HEAD~1")
