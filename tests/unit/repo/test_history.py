"""repo.history: references, commits and versions of files through GitPython."""

import subprocess

import pytest

from dvx.core.errors import GitError
from dvx.repo.history import History


@pytest.fixture
def commit(repo, git):
    def make(path, text, *, message="message"):
        with open(repo.absolute(path), "w", encoding="utf-8") as file:
            file.write(text)
        git("add", path)
        git("commit", "-q", "-m", message)
        return git("rev-parse", "HEAD").strip()

    return make


def test_references_follow_annotated_tags_and_leave_out_other_objects(repo, git, commit):
    first = commit("a", "1", message='first: ä "x"\n\nbody')
    git("tag", "light")
    git("tag", "-a", "-m", "annotation", "heavy")
    git("tag", "file", git("rev-parse", "HEAD:a").strip())
    second = commit("a", "2", message="second")
    with History(repo.root) as history:
        found = {reference.name: reference.commit for reference in history.references()}
    assert {name: each.id for name, each in found.items()} == {
        "refs/heads/main": second, "refs/tags/heavy": first, "refs/tags/light": first,
    }  # fmt: skip
    assert found["refs/tags/heavy"].summary == 'first: ä "x"'
    assert found["refs/tags/heavy"].author == "Test Person"
    assert found["refs/tags/heavy"].author_time_s == int(git("log", "-1", "--format=%at", "heavy"))


def test_commits_newest_first_and_by_path(repo, commit):
    ids = [commit(name, name) for name in ("a.dvx", "b", "c.dvx")]
    with History(repo.root) as history:
        assert [each.id for each in history.commits(["HEAD"])] == ids[::-1]
        assert [each.id for each in history.commits(["HEAD"], paths=["*.dvx"])] == [ids[2], ids[0]]


def test_commits_of_an_unknown_revision_raise(repo, commit):
    commit("a", "1")
    with History(repo.root) as history, pytest.raises(GitError, match="rev-list"):
        history.commits(["nope"])


def test_file_versions_cover_branches_merges_and_detached_heads(repo, git, commit):
    one = commit("a.dvx", "1")
    git("checkout", "-q", "-b", "side")
    two = commit("a.dvx", "2")
    git("checkout", "-q", "main")
    commit("code", "x")
    git("merge", "-q", "-m", "merge", "side")
    git("checkout", "-q", "--detach")
    three = commit("b.dvx", "3")
    with History(repo.root) as history:
        versions = history.file_versions("*.dvx")
        texts = {
            (each.path, history.read_object(each.object_id, limit_bytes=10), each.commit) for each in versions
        }
    assert texts == {("a.dvx", b"1", one), ("a.dvx", b"2", two), ("b.dvx", b"3", three)}


def test_file_versions_include_what_only_a_merge_commit_has(repo, git, commit):
    commit("a.dvx", "1")
    git("checkout", "-q", "-b", "side")
    commit("a.dvx", "2")
    git("checkout", "-q", "main")
    commit("a.dvx", "3")
    subprocess.run(["git", "merge", "-q", "side"], cwd=repo.root, capture_output=True)
    merged = commit("a.dvx", "resolved", message="merge")
    with History(repo.root) as history:
        versions = history.file_versions("*.dvx")
        assert {history.read_object(each.object_id, limit_bytes=10) for each in versions} == {
            b"1", b"2", b"3", b"resolved",
        }  # fmt: skip
    assert versions[0].commit == merged


def test_deleted_files_are_in_the_history(repo, git, commit):
    first = commit("a.dvx", "1")
    git("rm", "-q", "a.dvx")
    git("commit", "-q", "-m", "gone")
    with History(repo.root) as history:
        assert [(each.commit, each.path) for each in history.file_versions("*.dvx")] == [(first, "a.dvx")]


def test_repository_without_commits_has_no_history(repo):
    with History(repo.root) as history:
        assert (history.references(), history.file_versions("*.dvx"), history.commits()) == ([], [], [])


def test_object_above_the_limit_is_not_loaded_and_reading_goes_on(repo, git, commit):
    commit("a", "12345")
    name = git("rev-parse", "HEAD:a").strip()
    with History(repo.root) as history:
        assert history.read_object(name, limit_bytes=4) is None
        assert history.read_object(name, limit_bytes=5) == b"12345"
        with pytest.raises(GitError, match="missing"):
            history.read_object("0" * 40, limit_bytes=5)


def test_sha256_repository_is_read(tmp_path, git):
    made = subprocess.run(
        ["git", "init", "-q", "--object-format=sha256", "s"], cwd=tmp_path, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("this Git has no SHA-256 repositories")
    (tmp_path / "s/a.dvx").write_text("1")
    git("add", ".", cwd=tmp_path / "s")
    git("commit", "-q", "-m", "one", cwd=tmp_path / "s")
    with History(str(tmp_path / "s")) as history:
        (version,) = history.file_versions("*.dvx")
        assert len(version.object_id) == 64
        assert history.read_object(version.object_id, limit_bytes=10) == b"1"


def test_folder_that_is_no_repository_raises(tmp_path):
    with pytest.raises(GitError, match="cannot open"):
        History(str(tmp_path))
