"""FolderBackend: the contract, what is on disk, and what a failing disk leaves."""

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dvx.backends import folder_writes
from dvx.backends.backend import Backend, ObjectExists
from dvx.backends.folder import FolderBackend
from dvx.core.errors import LocalDiskError
from dvx.testing.contract import BackendContract


class TestFolderBackend(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        backend = FolderBackend(str(tmp_path / "store"), durable=False)
        yield backend
        backend.close()


def test_folder_on_a_share_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "share" / "dvx"), makes_parents=False)
    with pytest.raises(LocalDiskError) as caught:
        backend.put("key", b"x")
    assert caught.value.kind == "no-parent-folder"
    assert f"`mkdir -p {tmp_path / 'share'}`" in caught.value.hints[1]
    assert os.listdir(tmp_path) == []
    (tmp_path / "share").mkdir()
    backend.put("key", b"x")
    assert backend.get("key", max_bytes=9) == b"x"


def test_folder_whose_share_was_unmounted_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "share" / "dvx"), makes_parents=False)
    (tmp_path / "share").mkdir()
    backend.put("key", b"x")
    (tmp_path / "share").rename(tmp_path / "elsewhere")
    with pytest.raises(LocalDiskError):
        backend.put("other", b"x")
    assert os.listdir(tmp_path) == ["elsewhere"]


class TestFolderBackendWithoutHardLinks(BackendContract):
    """A file system such as exFAT, where create-once needs the lock file."""

    @pytest.fixture
    def backend(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
        def link(*_: Any, **__: Any) -> None:
            raise OSError(errno.EPERM, "no hard links")

        monkeypatch.setattr(os, "link", link)
        backend = FolderBackend(str(tmp_path / "store"), durable=False)
        yield backend
        backend.close()
        assert list(tmp_path.glob("store/tmp/*")) == []


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_put_writes_one_file_named_by_the_key_and_nothing_else(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("packs/ab/one", b"content")
    assert files_below(tmp_path / "store") == ["packs/ab/one"]
    assert (tmp_path / "store/packs/ab/one").read_bytes() == b"content"


def test_opening_and_reading_creates_nothing(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    assert backend.stat("packs/one") is None
    assert list(backend.list("")) == []
    backend.delete("packs/one")
    assert list(tmp_path.iterdir()) == []


def test_durable_put_syncs_the_file_before_and_the_folders_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    replace = os.replace

    def record_replace(source: str, target: str) -> None:
        events.append("rename")
        replace(source, target)

    monkeypatch.setattr(folder_writes, "fsync_file", lambda _: events.append("file"))
    monkeypatch.setattr(folder_writes, "fsync_folder", lambda path: events.append(os.path.basename(path)))
    monkeypatch.setattr(os, "replace", record_replace)
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("packs/ab/one", b"x")
    assert events == ["file", "packs", "store", tmp_path.name, "rename", "ab"]
    events.clear()
    backend.put("packs/ab/two", b"x")
    assert events == ["file", "rename", "ab"]
    events.clear()
    backend.put("packs/cd/three", b"x")  # the name of `packs` was made durable before
    assert events == ["file", "packs", "rename", "cd"]


def test_consumed_file_is_synced_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(folder_writes, "fsync_file", lambda _: events.append("file"))
    monkeypatch.setattr(folder_writes, "fsync_folder", lambda path: events.append(os.path.basename(path)))
    source = tmp_path / "source"
    source.write_bytes(b"x")
    FolderBackend(str(tmp_path / "store")).put_file("one", str(source), consume=True)
    assert events[0] == "file"
    assert events[-1] == "store"


def test_consumed_file_on_the_same_disk_is_moved_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 1000)
    inode = source.stat().st_ino
    FolderBackend(str(tmp_path / "store")).put_file("packs/one", str(source), consume=True)
    assert (tmp_path / "store/packs/one").stat().st_ino == inode


def test_consumed_file_on_another_disk_is_copied_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 1000)
    replace = os.replace

    def replace_on_one_disk(old: str, new: str) -> None:
        if old == str(source):
            raise OSError(errno.EXDEV, "another disk")
        replace(old, new)

    monkeypatch.setattr(os, "replace", replace_on_one_disk)
    FolderBackend(str(tmp_path / "store")).put_file("packs/one", str(source), consume=True)
    assert files_below(tmp_path) == ["store/packs/one"]
    assert (tmp_path / "store/packs/one").read_bytes() == b"x" * 1000


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_private_consumed_file_becomes_readable_like_every_object(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    source.chmod(0o600)
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("one", b"x")
    backend.put_file("two", str(source), consume=True)
    modes = [stat.S_IMODE((tmp_path / "store" / name).stat().st_mode) for name in ("one", "two")]
    assert modes[0] == modes[1] != 0o600


def fail_with(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["write_all", "fsync_file"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_failing_disk_leaves_no_debris_and_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("packs/one", b"old")
    monkeypatch.setattr(folder_writes, step, fail_with(number))
    with pytest.raises(LocalDiskError) as caught:
        backend.put("packs/one", b"new")
    assert caught.value.affected is not None
    assert "packs/one" in caught.value.affected
    assert (caught.value.kind == "disk-full") == (number == errno.ENOSPC)
    assert files_below(tmp_path / "store") == ["packs/one"]
    assert backend.get("packs/one", max_bytes=10) == b"old"


def test_failing_rename_keeps_the_file_that_was_to_be_consumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    monkeypatch.setattr(os, "replace", fail_with(errno.ENOSPC))
    with pytest.raises(LocalDiskError):
        FolderBackend(str(tmp_path / "store")).put_file("packs/one", str(source), consume=True)
    assert files_below(tmp_path) == ["source"]


def test_short_write_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_writes, "write_all", lambda fd, data: os.write(fd, data[:-1]))
    with pytest.raises(LocalDiskError):
        FolderBackend(str(tmp_path / "store")).put("one", b"content")
    assert files_below(tmp_path) == []


def test_failed_download_leaves_no_file(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("one", b"content")
    with pytest.raises(LocalDiskError):
        backend.download("one", str(tmp_path / "missing" / "target"), size=7)
    assert files_below(tmp_path) == ["store/one"]


def test_missing_source_file_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(LocalDiskError):
        FolderBackend(str(tmp_path / "store")).put_file("one", str(tmp_path / "missing"))


def test_file_in_the_way_of_the_root_is_a_disk_error_not_an_existing_object(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"a file")
    with pytest.raises(LocalDiskError):
        FolderBackend(str(tmp_path / "store")).put("one", b"x", if_absent=True)
    assert (tmp_path / "store").read_bytes() == b"a file"


def test_first_write_removes_temporary_files_older_than_two_days_only(tmp_path: Path) -> None:
    temporary = tmp_path / "store" / "tmp"
    temporary.mkdir(parents=True)
    for name, age_days in (("old", 3), ("young", 1)):
        (temporary / name).write_bytes(b"x")
        changed_s = time.time() - age_days * 24 * 3600
        os.utime(temporary / name, (changed_s, changed_s))
    backend = FolderBackend(str(tmp_path / "store"))
    assert list(backend.list("")) == []
    assert sorted(os.listdir(temporary)) == ["old", "young"]
    backend.put("one", b"x")
    assert sorted(os.listdir(temporary)) == ["young"]


def test_list_passes_over_foreign_and_unfinished_files(tmp_path: Path) -> None:
    root = tmp_path / "store"
    FolderBackend(str(root)).put("packs/one", b"x")
    for name in ("tmp/partial", ".DS_Store", "packs/.nfs0001", "packs/Readme.txt", "packs/two~"):
        (root / name).write_bytes(b"x")
    assert [found.key for found in FolderBackend(str(root)).list("")] == ["packs/one"]


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_list_of_a_folder_that_holds_itself_fails_instead_of_going_on_forever(tmp_path: Path) -> None:
    root = tmp_path / "store"
    backend = FolderBackend(str(root))
    backend.put("packs/one", b"x")
    (root / "packs" / "again").symlink_to(root / "packs")
    with pytest.raises(LocalDiskError, match="packs/again"):
        list(backend.list("packs/"))


def test_folder_removed_behind_the_backend_is_made_again(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("packs/ab/one", b"x")
    backend.delete("packs/ab/one")
    (tmp_path / "store/packs/ab").rmdir()
    (tmp_path / "store/tmp").rmdir()
    backend.put("packs/ab/two", b"y")
    assert files_below(tmp_path / "store") == ["packs/ab/two"]


def test_reading_more_files_than_are_kept_open_while_others_are_deleted(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"), durable=False)
    keys = [f"packs/{number:03}" for number in range(200)]
    for number, key in enumerate(keys):
        backend.put(key, bytes([number]) * 4096)
    wrong: list[str] = []

    def read(seed: int) -> None:
        for step in range(400):
            number = (step * 7 + seed) % 150
            if backend.get_range(keys[number], 100, 50) != bytes([number]) * 50:
                wrong.append(keys[number])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for key in keys[150:]:
        backend.delete(key)
    for thread in threads:
        thread.join()
    assert wrong == []
    backend.close()


def test_delete_below_an_object_leaves_the_object(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("one", b"x")
    backend.delete("one/two")
    assert backend.get("one", max_bytes=1) == b"x"


def test_close_releases_every_descriptor(tmp_path: Path) -> None:
    backend = FolderBackend(str(tmp_path / "store"), durable=False)
    before = _count_descriptors()
    for number in range(100):
        backend.put(f"packs/{number}", b"x")
        backend.get_range(f"packs/{number}", 0, 1)
    backend.close()
    assert _count_descriptors() == before


def _count_descriptors() -> int:
    folder = "/proc/self/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


def test_create_once_repeated_by_the_file_server_still_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_twice(source: str, target: str) -> None:
        link(source, target)
        link(source, target)  # NFS sent the request again because the first answer was lost

    monkeypatch.setattr(os, "link", link_twice)
    FolderBackend(str(tmp_path / "store")).put("one", b"x", if_absent=True)
    assert files_below(tmp_path / "store") == ["one"]


def test_create_once_without_hard_links_gives_up_on_a_lock_that_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", fail_with(errno.EPERM))
    monkeypatch.setattr(folder_writes, "_LOCK_WAIT_S", 0.05)
    temporary = tmp_path / "store" / "tmp"
    temporary.mkdir(parents=True)
    (temporary / "lock-one").write_bytes(b"")
    backend = FolderBackend(str(tmp_path / "store"))
    with pytest.raises(LocalDiskError, match="write to"):
        backend.put("one", b"x", if_absent=True)
    assert files_below(tmp_path / "store") == ["tmp/lock-one"]


def test_create_once_without_hard_links_refuses_an_existing_object_while_the_lock_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", fail_with(errno.EPERM))
    backend = FolderBackend(str(tmp_path / "store"))
    backend.put("one", b"first")
    (tmp_path / "store/tmp/lock-one").write_bytes(b"")
    with pytest.raises(ObjectExists):
        backend.put("one", b"second", if_absent=True)
    assert backend.get("one", max_bytes=10) == b"first"
