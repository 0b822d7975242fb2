"""disk.space: room is asked for before the first write."""

import shutil
from types import SimpleNamespace

import pytest

from dvx.core.errors import LocalDiskError
from dvx.core.sizes import format_size
from dvx.disk.atomic import existing_folder, local_disk_error
from dvx.disk.space import check_free, spare_bytes

MIB = 1024 * 1024


def free(monkeypatch, size_bytes):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size_bytes))


def test_a_few_bytes_fit_on_a_disk_with_little_room(monkeypatch, tmp_path):
    free(monkeypatch, 4 * MIB)
    check_free(str(tmp_path), 2, purpose="here", affected="nothing")


def test_what_is_kept_free_is_named(monkeypatch, tmp_path):
    free(monkeypatch, 100 * MIB)
    with pytest.raises(LocalDiskError) as caught:
        check_free(str(tmp_path / "new" / "folder"), 90 * MIB, purpose="here", affected="nothing")
    needed, kept, there = (format_size(size * MIB) for size in (90, 16, 100))
    assert f"{needed} needed and {kept} kept free, {there} there" in caught.value.what
    assert f"`df -h {tmp_path}`" in caught.value.hints[0]


def test_more_is_kept_free_for_more_up_to_a_bound():
    assert spare_bytes(0) < spare_bytes(MIB) < spare_bytes(100 * MIB) == spare_bytes(10**12)


def test_full_disk_names_the_folder_on_it_and_not_the_one_above(tmp_path):
    error = OSError(28, "No space left on device")
    assert f"`df -h {tmp_path}`" in local_disk_error(error, str(tmp_path), "write to").hints[0]
    assert f"`df -h {tmp_path}`" in local_disk_error(error, str(tmp_path / "a" / "b"), "write").hints[0]


def test_existing_folder_of_a_file_is_the_one_it_is_in(tmp_path):
    (tmp_path / "file").write_text("x")
    assert existing_folder(str(tmp_path / "file")) == str(tmp_path)
