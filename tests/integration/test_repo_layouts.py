"""dvx.repo in every kind of place that Git makes: linked work trees, submodules, shallow and SHA-256 clones."""

import os
import subprocess
import sys

import pytest

from dvx.core.errors import NotFound
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer
from dvx.repo.history import History
from dvx.repo.pointers import (
    TrackedPointer,
    all_ref_pointers,
    find_pointers,
    pointers_at,
    read_pointer,
    write_pointer,
)
from dvx.repo.repository import Repository
from dvx.repo.stat_cache import StatCache


def run_git(cwd, *args):
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def tracked(path, content=b"1"):
    pointer = Pointer(kind="file", id=hash_bytes(content), size=len(content))
    return TrackedPointer(path=path, pointer_path=path + ".dvx", pointer=pointer)


def commit(repo, *pointers):
    for each in pointers:
        write_pointer(repo, each)
    repo.git().stage([each.pointer_path for each in pointers])
    run_git(repo.root, "commit", "-q", "-m", "pointers")
    return repo.git().head()


@pytest.fixture(params=["sha1", "sha256"])
def repo(request, tmp_path):
    (tmp_path / "main").mkdir()
    made = subprocess.run(
        ["git", "init", "-q", f"--object-format={request.param}"], cwd=tmp_path / "main", capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("this Git has no SHA-256 repositories")
    return Repository.discover(str(tmp_path / "main"), env={})


def test_linked_work_tree_shares_the_store_and_has_its_own_state(repo, tmp_path):
    commit(repo, tracked("a"))
    run_git(repo.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    (tmp_path / "linked/sub").mkdir()
    linked = Repository.discover(str(tmp_path / "linked/sub"), env={})
    assert (linked.root, linked.prefix) == (str(tmp_path / "linked"), "sub")
    assert linked.git_dir == f"{repo.root}/.git/worktrees/linked"
    assert linked.common_dir == repo.common_dir
    assert linked.default_store_path == repo.default_store_path
    assert linked.lock_path != repo.lock_path
    commit(linked, tracked("b", b"2"))
    assert find_pointers(linked) == ["a.dvx", "b.dvx"]
    assert find_pointers(repo) == ["a.dvx"]
    assert {each.path for _, each in all_ref_pointers(linked)} == {"a", "b"}
    with StatCache.open(linked.stat_path) as cache:
        cache.set_root("a", bytes(32))
    assert os.path.isfile(f"{repo.root}/.git/worktrees/linked/dvx/stat.db")


def test_answers_agree_with_git_in_a_linked_work_tree(repo, tmp_path):
    commit(repo, tracked("a"))
    run_git(repo.root, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Repository.discover(str(tmp_path / "linked"), env={})
    answer = run_git(linked.root, "rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir")
    assert answer.splitlines() == [linked.root, linked.git_dir, linked.common_dir]


def test_submodule_is_a_repository_of_its_own(repo, tmp_path):
    commit(repo, tracked("inner", b"2"))
    outer_root = tmp_path / "outer"
    kind = run_git(repo.root, "rev-parse", "--show-object-format")
    run_git(tmp_path, "init", "-q", f"--object-format={kind}", "outer")
    run_git(outer_root, "submodule", "--quiet", "add", repo.root, "sub")
    outer = Repository.discover(str(outer_root), env={})
    commit(outer, tracked("own"))
    inside = Repository.discover(str(outer_root / "sub"))
    assert inside.root == str(outer_root / "sub")
    assert inside.git_dir == str(outer_root / ".git/modules/sub")
    assert [each.path for each in pointers_at(inside, "HEAD").readable] == ["inner"]
    assert find_pointers(outer) == ["own.dvx"]
    with History(inside.root) as history:
        assert [each.path for each in history.file_versions("*.dvx")] == ["inner.dvx"]


def test_detached_head_counts_as_a_reference(repo):
    commit(repo, tracked("a"))
    run_git(repo.root, "checkout", "-q", "--detach")
    lone = commit(repo, tracked("b", b"2"))
    assert {(commit_id, each.path) for commit_id, each in all_ref_pointers(repo)} >= {(lone, "b")}


def test_shallow_clone_knows_the_pointers_of_its_commit(repo, tmp_path):
    old = commit(repo, tracked("a"))
    commit(repo, tracked("b", b"2"))
    run_git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo.root}", "shallow")
    shallow = Repository.discover(str(tmp_path / "shallow"))
    assert {each.path for each in pointers_at(shallow, "HEAD").readable} == {"a", "b"}
    assert {each.path for _, each in all_ref_pointers(shallow)} == {"a", "b"}
    with pytest.raises(NotFound):
        shallow.git().rev_parse(old)


def test_moving_a_pointer_with_git_renames_the_data(repo):
    os.makedirs(f"{repo.root}/old")
    os.makedirs(f"{repo.root}/new")
    commit(repo, tracked("old/name"), tracked("other", b"2"))
    run_git(repo.root, "mv", "old/name.dvx", "new/place.dvx")
    assert find_pointers(repo) == ["new/place.dvx", "other.dvx"]
    assert read_pointer(repo, "new/place.dvx").path == "new/place"
    assert read_pointer(repo, "new/place.dvx").pointer == tracked("x").pointer


def test_pointer_edits_on_two_branches_merge_line_by_line(repo):
    extra = Pointer(kind="file", id=hash_bytes(b"1"), size=1, extra={"meta": {"a": 1, "note": "x"}})
    base = TrackedPointer("m", "m.dvx", extra)
    commit(repo, base, tracked("z"))
    run_git(repo.root, "branch", "-M", "main")
    run_git(repo.root, "checkout", "-q", "-b", "side")
    commit(repo, tracked("z", b"side"))
    run_git(repo.root, "checkout", "-q", "main")
    commit(repo, TrackedPointer("m", "m.dvx", Pointer(kind="file", id=hash_bytes(b"9"), size=1)))
    run_git(repo.root, "merge", "-q", "-m", "merge", "side")
    assert read_pointer(repo, "z.dvx").pointer == tracked("z", b"side").pointer
    assert read_pointer(repo, "m.dvx").pointer.id == hash_bytes(b"9")


def test_in_a_pre_commit_hook_the_commit_in_progress_is_seen(repo, tmp_path):
    source = os.path.dirname(os.path.dirname(sys.modules["dvx.repo.repository"].__file__))
    probe = tmp_path / "probe.py"
    probe.write_text(
        f"import sys; sys.path.insert(0, {os.path.dirname(source)!r})\n"
        "from dvx.repo.repository import Repository\n"
        "repo = Repository.discover('.')\n"
        f"open({str(tmp_path / 'seen')!r}, 'w').write(repr((repo.root, repo.git().ls_files(['*.dvx']))))\n"
    )
    hook = os.path.join(repo.git_dir, "hooks", "pre-commit")
    os.makedirs(os.path.dirname(hook), exist_ok=True)
    with open(hook, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec '{sys.executable}' '{probe}'\n")
    os.chmod(hook, 0o755)
    write_pointer(repo, tracked("a"))
    write_pointer(repo, tracked("b", b"2"))
    repo.git().stage(["a.dvx", "b.dvx"])
    # A commit of one path runs the hook with an index of its own, in GIT_INDEX_FILE.
    run_git(repo.root, "commit", "-q", "-m", "only a", "--", "a.dvx")
    assert (tmp_path / "seen").read_text() == repr((repo.root, ["a.dvx"]))


def test_discovery_does_not_import_gitpython_or_other_slow_modules():
    code = (
        "import sys, dvx.repo.pointers, dvx.repo.remotes, dvx.repo.targets, dvx.repo.ignore, dvx.disk.lock\n"
        "print(sorted({'git', 'filelock', 'pathspec', 'tomlkit', 'difflib', 'boto3'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
