"""The marked block in a Git configuration file: every other byte stays."""

import os
import stat
from pathlib import Path

import pytest

from dvx.core.errors import Busy
from dvx.repo import config_block
from dvx.repo.config_block import read_block, remove_block, write_block

LINES = b'[hook "dvx-pre-commit"]\n\tevent = pre-commit\n'


@pytest.mark.parametrize(
    "before", [b"", b"[core]\n\tbare = false\n", b"[core]\r\n\tx = 1\r\n", b"[core]\n\tx = 1"]
)
def test_block_goes_in_and_out_without_a_trace(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(before)
    assert write_block(str(path), LINES)
    assert path.read_bytes().startswith(before)
    assert read_block(str(path)) == LINES
    assert remove_block(str(path))
    assert path.read_bytes() == before
    assert not remove_block(str(path))


def test_block_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "config"
    write_block(str(path), LINES)
    before = path.stat().st_ino
    assert not write_block(str(path), LINES)
    assert path.stat().st_ino == before


def test_line_that_a_person_added_to_the_block_stays(tmp_path: Path) -> None:
    path = tmp_path / "config"
    write_block(str(path), LINES)
    path.write_bytes(path.read_bytes().replace(LINES, LINES + b"\tenabled = false\n"))
    assert not write_block(str(path), LINES)
    assert b"enabled" in path.read_bytes()


def test_what_was_added_behind_the_block_stays(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"[a]\n")
    write_block(str(path), LINES)
    with path.open("ab") as file:
        file.write(b"[b]\n")
    assert write_block(str(path), b"[c]\n")
    assert remove_block(str(path))
    assert path.read_bytes() == b"[a]\n[b]\n"


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_mode_of_the_file_and_a_link_to_it_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "config", tmp_path / "link"
    path.write_bytes(b"[a]\n")
    path.chmod(0o640)
    link.symlink_to("config")
    write_block(str(link), LINES)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert read_block(str(path)) == LINES


def test_file_that_git_holds_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_block, "_LOCK_WAIT_S", 0.0)
    path = tmp_path / "config"
    path.write_bytes(b"[a]\n")
    (tmp_path / "config.lock").write_bytes(b"")
    with pytest.raises(Busy):
        write_block(str(path), LINES)
    assert path.read_bytes() == b"[a]\n"
    assert (tmp_path / "config.lock").exists()
