"""ops.remotes and ops.remote_places: which folders can be remotes, and lost markers."""

import os
from pathlib import Path

import pytest

from dvx.core.errors import DataMissing, DvxError, PathRefused, UsageError
from dvx.formats.layout import MARKER_KEY
from dvx.ops.remotes import add_remote, check_remote, check_setting
from dvx.testing.workspace import Workspace, clone_repo, make_repo


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    repo = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    repo.write({"data/a": b"one", "data/sub/b": b"two"})
    repo.add("data")
    repo.commit()
    return repo


def add(work: Workspace, url: str) -> None:
    with work.open() as project:
        add_remote(project, "more", url, options={}, force=False, local=False, make_default=False)


@pytest.mark.parametrize(
    "url", [".git/dvx/store", ".git/dvx/store/packs", ".git/remote", ".", "data", "data/sub/deep", "store"]
)
def test_folder_of_the_repository_itself_is_refused_and_nothing_is_written(work: Workspace, url: str) -> None:
    before = work.read(".dvx/config.toml")
    with pytest.raises(PathRefused) as caught:
        add(work, url)
    assert caught.value.kind == "remote-in-repository"
    with work.open() as project, pytest.raises(PathRefused):
        check_setting(project, "remote.more.url", url)
    assert work.read(".dvx/config.toml") == before


def test_symlink_into_tracked_data_is_refused(work: Workspace, tmp_path: Path) -> None:
    os.symlink(work.path("data"), tmp_path / "link")
    with pytest.raises(PathRefused):
        add(work, "../link")


def test_folder_in_the_work_tree_that_git_ignores_is_a_remote(work: Workspace) -> None:
    work.write({".gitignore": b"/data\n/copies/\n"})
    add(work, "copies")
    assert work.push(remote="more").roots == 1
    assert work.git("status", "--porcelain", "copies") == ""


@pytest.mark.parametrize("url", ["s3:/bucket/x", "git@host:x", "$HOME/x", " ../x"])
def test_mistaken_address_in_the_committed_file_is_refused_where_it_is_used(
    work: Workspace, url: str
) -> None:
    config = work.read(".dvx/config.toml").decode()
    work.write({".dvx/config.toml": config.replace(str(Path(work.root).parent / "remote"), url).encode()})
    assert url in work.read(".dvx/config.toml").decode()
    with pytest.raises(UsageError) as caught:
        work.push()
    assert "remote `origin` in .dvx/config.toml" in caught.value.what
    assert "dvx remote add --force origin" in caught.value.hints[-1]


def test_folder_in_tracked_data_in_the_committed_file_is_refused_by_a_push(work: Workspace) -> None:
    config = work.read(".dvx/config.toml").decode()
    inside = config.replace(str(Path(work.root).parent / "remote"), "data/remote")
    work.write({".dvx/config.toml": inside.encode()})
    with pytest.raises(PathRefused):
        work.push()
    assert sorted(os.listdir(work.path("data"))) == ["a", "sub"]


def test_marker_that_was_lost_is_repaired_by_the_command_that_the_error_names(
    work: Workspace, tmp_path: Path
) -> None:
    work.push()
    (tmp_path / "remote" / MARKER_KEY).unlink()
    with pytest.raises(DataMissing) as caught:
        work.push()
    assert "`dvx remote check --repair origin`" in caught.value.hints[0]
    with work.open() as project:
        assert not check_remote(project, "origin").is_usable
        assert check_remote(project, "origin", repairs=True).is_usable
    assert work.push().size_bytes == 0
    other = clone_repo(work, tmp_path / "other")
    other.pull()
    assert other.read("data/a") == b"one"


def test_new_remote_below_a_folder_that_is_missing_is_not_made(work: Workspace, tmp_path: Path) -> None:
    add(work, "../share/deep/store")
    with pytest.raises(DvxError) as caught:
        work.push(remote="more")
    assert caught.value.kind == "no-parent-folder"
    assert not (tmp_path / "share").exists()
