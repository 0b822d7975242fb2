"""A disk that runs full: originals intact, no debris, a clear error, and the same command succeeds with more space."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, clone, debris, must_dvx, read_tree, run, run_dvx, store_of
from dvx.testing.store_scan import check_pointers, scan_store

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root"),
]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable]:
    """Mounts a tmpfs of some KiB; `resize` gives it another size."""
    mounted: list[Path] = []

    def mount(folder: Path, size_kib: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)], "/").code:
            pytest.skip("mounting is not permitted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        assert run(["umount", str(folder)], "/").code == 0


def resize(folder: Path, size_kib: int) -> None:
    assert run(["mount", "-o", f"remount,size={size_kib}k", str(folder)], "/").code == 0


def check_full(ran: Ran, *, kind: str = "no space left") -> None:
    assert ran.code == 1, ran
    assert kind in ran.err
    assert "hint: free space" in ran.err
    assert "Traceback" not in ran.err
    assert "bug in dvx" not in ran.err


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = {k: v for k, v in read_tree(folder).items() if not k.startswith(".git/")}
    yield
    assert {k: v for k, v in read_tree(folder).items() if not k.startswith(".git/")} == before


@pytest.mark.parametrize("room_kib", [64, 700, 1500, 2200])
def test_add_into_a_full_store_changes_nothing_and_succeeds_with_more_space(
    scene: Callable, contents: dict, small_disk: Callable, room_kib: int, tmp_path: Path
) -> None:
    author = scene("edited").author
    store = small_disk(tmp_path / "disk", room_kib)
    env = {"DVX_STORE_PATH": str(store / "store")}
    with unchanged(author):
        check_full(run_dvx(author, "add", "data", "model.bin", env=env))
    assert leftovers(store / "store") == []
    scan_store(store / "store")
    resize(store, 64 * 1024)
    must_dvx(author, "add", "data", "model.bin", env=env)
    assert check_pointers(author, store / "store")["data"] == contents["new"]


def leftovers(store: Path) -> list[str]:
    return sorted(os.listdir(store / "tmp")) if (store / "tmp").is_dir() else []


@pytest.mark.parametrize("room_kib", [64, 1500, 2500])
def test_fetch_into_a_full_store_succeeds_with_more_space(
    scene: Callable, contents: dict, small_disk: Callable, room_kib: int, tmp_path: Path
) -> None:
    copy = scene("pushed")
    fresh = clone(copy.author, copy.folder / "fresh")
    store = small_disk(tmp_path / "disk", room_kib)
    env = {"DVX_STORE_PATH": str(store / "store")}
    with unchanged(fresh):
        check_full(run_dvx(fresh, "pull", env=env))
    assert leftovers(store / "store") == []
    scan_store(store / "store")
    resize(store, 64 * 1024)
    must_dvx(fresh, "pull", env=env)
    assert read_tree(fresh / "data") == contents["new"]


@pytest.mark.parametrize("room_kib", [64, 1500])
def test_push_to_a_full_folder_succeeds_with_more_space(
    scene: Callable, contents: dict, small_disk: Callable, room_kib: int, tmp_path: Path
) -> None:
    copy = scene("added")
    disk = small_disk(tmp_path / "disk", room_kib)
    must_dvx(copy.author, "remote", "add", "--local", "small", str(disk / "remote"))
    with unchanged(copy.author):
        ran = run_dvx(copy.author, "push", "-r", "small")
        assert ran.code == 1, ran
        assert "space" in ran.err
        assert "hint: " in ran.err
    assert leftovers(disk / "remote") == []
    scan_store(disk / "remote")
    resize(disk, 64 * 1024)
    must_dvx(copy.author, "push", "-r", "small")
    assert check_pointers(copy.author, disk / "remote")["data"] == contents["new"]


def test_checkout_that_cannot_fit_is_refused_before_the_first_write(
    scene: Callable, contents: dict, small_disk: Callable, tmp_path: Path
) -> None:
    copy = scene("pushed")
    work = small_disk(tmp_path / "disk", 8 * 1024)
    fresh = clone(copy.author, work / "fresh")
    env = {"DVX_STORE_PATH": str(tmp_path / "store"), "DVX_REMOTE_ORIGIN_URL": str(copy.remote)}
    with unchanged(fresh):
        check_full(run_dvx(fresh, "pull", env=env), kind="not enough space for the checkout")
    resize(work, 128 * 1024)
    must_dvx(fresh, "pull", env=env)
    assert read_tree(fresh / "data") == contents["new"]


def test_disk_that_fills_up_during_a_checkout_leaves_old_or_new_files_and_no_debris(
    scene: Callable, contents: dict, small_disk: Callable, tmp_path: Path
) -> None:
    """Files are limited by the file size limit of the process: a quota that the look ahead cannot see."""
    copy = scene("pushed")
    colleague = copy.colleague
    must_dvx(colleague, "fetch")
    import sys

    limited = [
        sys.executable, "-c",
        "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000));"
        "sys.argv[0] = 'dvx'; runpy.run_module('dvx', run_name='__main__')",
        "checkout",
    ]  # fmt: skip
    ran = run(limited, colleague)
    assert ran.code == 3, ran  # the other path is done
    assert "large.bin" in ran.err
    assert "Traceback" not in ran.err
    assert debris(colleague) == []
    for path, content in read_tree(colleague / "data").items():
        assert content in (contents["old"].get(path), contents["new"].get(path))
    must_dvx(colleague, "checkout")
    assert read_tree(colleague / "data") == contents["new"]


def test_full_disk_below_the_git_folder_changes_nothing(
    scene: Callable, contents: dict, small_disk: Callable, tmp_path: Path
) -> None:
    """Everything on one small disk: work tree, Git, index and store."""
    copy = scene("edited")
    work = small_disk(tmp_path / "disk", 64 * 1024)
    shutil.copytree(copy.author, work / "author", symlinks=True)
    author = work / "author"
    filler = work / "filler"
    room = os.statvfs(work)
    with open(filler, "wb") as file:
        file.write(bytes(room.f_bavail * room.f_frsize - 300_000))
    with unchanged(author):
        ran = run_dvx(author, "add", "data", "model.bin")
        assert ran.code == 1, ran
        assert "Traceback" not in ran.err
        assert "hint: " in ran.err
    scan_store(store_of(author))
    filler.unlink()
    must_dvx(author, "add", "data", "model.bin")
    assert check_pointers(author, store_of(author))["data"] == contents["new"]
