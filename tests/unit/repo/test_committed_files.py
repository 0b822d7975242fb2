"""repo.committed_files: no way out of the work tree, and what a sparse checkout leaves out."""

import os

import pytest

from dvx.core.errors import PathRefused, UsageError
from dvx.repo.committed_files import left_out_files, read_committed_file, writable_place


def put(repo, path, text="x"):
    place = repo.absolute(path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize("target", ["../out", "/tmp", ".git", "folder/../.git/dvx"])
def test_link_out_of_the_work_tree_or_into_git_is_refused_for_reading_and_writing(repo, target):
    os.symlink(target, repo.absolute(".dvx"))
    for act in (writable_place, lambda *args: read_committed_file(*args, limit_bytes=9)):
        with pytest.raises(PathRefused) as caught:
            act(repo, ".dvx/config.toml")
        assert caught.value.kind == "symlink-out"
        assert "`.dvx` is a symbolic link" in caught.value.what


def test_link_of_the_file_itself_is_refused(repo, tmp_path):
    (tmp_path / "victim").write_text("theirs")
    os.symlink("../victim", repo.absolute(".gitattributes"))
    with pytest.raises(PathRefused, match="symbolic link"):
        writable_place(repo, ".gitattributes")


def test_link_inside_the_work_tree_is_followed(repo):
    put(repo, "settings/config.toml", "here")
    os.symlink("settings", repo.absolute(".dvx"))
    assert read_committed_file(repo, ".dvx/config.toml", limit_bytes=9) == b"here"


def test_left_out_file_is_read_from_git_and_not_written(repo, git):
    put(repo, ".dvx/config.toml", "staged")
    put(repo, "kept/x")
    git("add", "-A")
    git("commit", "-qm", "x")
    git("sparse-checkout", "set", "--cone", "kept")
    assert left_out_files(repo, "*.toml") == {".dvx/config.toml"}
    assert read_committed_file(repo, ".dvx/config.toml", limit_bytes=9) == b"staged"
    assert read_committed_file(repo, ".dvx/config.toml", limit_bytes=2) == b"sta"
    assert read_committed_file(repo, ".dvx/none.toml", limit_bytes=9) is None
    with pytest.raises(UsageError) as caught:
        writable_place(repo, ".dvx/config.toml")
    (hint,) = caught.value.hints
    command = hint.partition("`")[2].rstrip("`").split()
    git(*command[1:])
    assert writable_place(repo, ".dvx/config.toml") == repo.config_path
