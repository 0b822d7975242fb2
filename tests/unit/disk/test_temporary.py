"""disk.temporary: what a full or unwritable disk for temporary files says."""

import errno
import os
import tempfile

import pytest

from dvx.core.errors import LocalDiskError
from dvx.disk.temporary import temporary_errors, temporary_file, temporary_folder


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_temporary_folder_is_gone_afterwards(tmp_path):
    with temporary_folder("dvx-") as folder:
        assert os.path.dirname(folder) == str(tmp_path)
    assert os.listdir(tmp_path) == []


def test_full_disk_below_the_folder_names_its_place_and_tmpdir(tmp_path):
    with pytest.raises(LocalDiskError) as caught, temporary_folder("dvx-") as folder:
        raise OSError(errno.ENOSPC, "full", os.path.join(folder, "git"))
    assert caught.value.kind == "disk-full"
    assert f"`df -h {tmp_path}`" in caught.value.hints[0]
    assert "TMPDIR" in caught.value.hints[-1]


def test_error_about_another_place_passes_as_it_is():
    with pytest.raises(FileNotFoundError), temporary_folder("dvx-"):
        raise FileNotFoundError(errno.ENOENT, "no", "/somewhere/else")


@pytest.mark.parametrize("make", [lambda: temporary_folder("dvx-"), temporary_file])
def test_missing_folder_for_temporary_files_is_an_error_of_the_disk(monkeypatch, tmp_path, make):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LocalDiskError) as caught, make():
        pytest.fail("it was made")
    assert "TMPDIR" in caught.value.hints[-1]


def test_write_to_a_temporary_file_that_fails_is_an_error_of_the_disk():
    with pytest.raises(LocalDiskError), temporary_errors():
        raise OSError(errno.EDQUOT, "over quota")
