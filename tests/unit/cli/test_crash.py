"""The crash log."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from dvx.cli.crash import write_crash_log


def _error() -> Exception:
    try:
        raise RuntimeError("broken at https://me:hunter2@host/")
    except RuntimeError as error:
        return error


def _state(folder: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(folder), "LOCALAPPDATA": str(folder)}


def test_log_has_version_command_and_traceback_but_no_password(tmp_path: Path) -> None:
    path = write_crash_log(_error(), args=["push", "s3://k:hunter2@b"], env=_state(tmp_path))
    assert path is not None
    assert Path(path).parent == tmp_path / "dvx"
    text = Path(path).read_text()
    assert text.startswith("dvx ")
    assert "command: dvx 'push' 's3://k:***@b'" in text
    assert "RuntimeError: broken at https://me:***@host/" in text
    assert "hunter2" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_log_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = write_crash_log(_error(), args=[], env=_state(tmp_path))
    assert path is not None
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_log_goes_to_the_temporary_folder_where_there_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = write_crash_log(_error(), args=[], env={})
    assert path is not None
    assert Path(path).parent == tmp_path


def test_no_log_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(blocked))
    assert write_crash_log(_error(), args=[], env=_state(blocked)) is None
