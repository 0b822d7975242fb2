"""disk.folders: reaching folders without following links."""

import os

import pytest

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.disk import folders
from dvx.disk.folders import FolderCache, status


@pytest.fixture(params=["descriptors", "paths"])
def cache(request, tmp_path, monkeypatch):
    if request.param == "paths":
        monkeypatch.setattr(folders, "HAS_DESCRIPTORS", False)
    found = FolderCache(str(tmp_path), capacity=4)
    yield found
    found.forget()


def test_get_makes_missing_folders_only_when_asked(cache, tmp_path):
    with pytest.raises(FileNotFoundError):
        cache.get("a/b", create=False)
    cache.get("a/b", create=True)
    assert (tmp_path / "a/b").is_dir()
    cache.get("a/b", create=False)


def test_status_looks_at_the_link_itself(cache, tmp_path):
    (tmp_path / "x").symlink_to("nowhere")
    folder = cache.get("", create=False)
    assert status(folder, "x").st_size == len("nowhere")
    assert status(folder, "none") is None


@pytest.mark.parametrize("path", ["link", "link/sub", "real/back"])
def test_symbolic_links_are_never_followed(cache, tmp_path, path):
    (tmp_path / "real/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/back").symlink_to("..")
    with pytest.raises(PathRefused) as caught:
        cache.get(path, create=True)
    assert caught.value.kind == "symlinked-parent"


def test_file_in_place_of_a_folder_is_named(cache, tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(LocalDiskError, match="`a` is a file where a folder is needed"):
        cache.get("a/b", create=True)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_number_of_open_descriptors_is_bounded(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    cache = FolderCache(str(tmp_path), capacity=8)
    for number in range(100):
        cache.get(f"d{number}/e/f", create=True)
    assert len(os.listdir("/proc/self/fd")) <= before + 8
    cache.forget()
    assert len(os.listdir("/proc/self/fd")) == before
