"""The subprocess kit reads back what it wrote, and ends only what it started."""

import signal
import subprocess
import sys
from pathlib import Path

from dvx.testing.bulk import write_large_file, write_many_files
from dvx.testing.shell import (
    debris,
    file_bytes,
    kill_and_wait,
    read_tree,
    run,
    run_dvx,
    start_dvx,
    wait_for,
    write_tree,
)

TREE = {
    "a": ("file", b"1"),
    "b/run": ("executable", b"2"),
    "b/link": ("symlink", b"../a"),
    "empty": ("directory", b""),
}


def test_tree_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_tree(tmp_path / "t", TREE)
    assert read_tree(tmp_path / "t") == TREE
    write_tree(tmp_path / "t", {"only": b"x"})
    assert read_tree(tmp_path / "t") == {"only": ("file", b"x")}
    assert read_tree(tmp_path / "absent") == {}


def test_debris_names_temporary_files_outside_git(tmp_path: Path) -> None:
    write_tree(tmp_path, {"d/.dvx-tmp-1": b"", ".git/.dvx-tmp-2": b"", "d/kept": b""})
    assert debris(tmp_path) == ["d/.dvx-tmp-1"]


def test_dvx_runs_with_its_exit_code_and_streams(tmp_path: Path) -> None:
    assert run_dvx(tmp_path, "--version").out.startswith("dvx ")
    ran = wait_for(start_dvx(tmp_path, "no-such-command"))
    assert ran.code == 2
    assert "no-such-command" in ran.err


def test_process_is_killed_after_its_time(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert kill_and_wait(sleeper, after_s=0.05).code == -signal.SIGKILL


def test_signal_that_ends_a_command_is_its_negative_code(tmp_path: Path) -> None:
    assert run(["/bin/sh", "-c", "kill -9 $$"], tmp_path).code == -9


def test_bulk_inputs_have_the_asked_size_and_no_repeats(tmp_path: Path) -> None:
    write_large_file(tmp_path / "large", 5_000_001)
    data = (tmp_path / "large").read_bytes()
    assert len(data) == 5_000_001
    blocks = [data[start : start + 2**19] for start in range(0, len(data), 2**19)]
    assert len(set(blocks)) == len(blocks)
    write_many_files(tmp_path / "many", 25, per_folder=10)
    found = read_tree(tmp_path / "many")
    assert len(found) == len(set(found.values())) == 25
    assert file_bytes(10, seed=1) == file_bytes(10, seed=1) != file_bytes(10, seed=2)
