"""Standard streams that are closed or full: no traceback, no bug, and never a message in a data file."""

import subprocess
import sys
from pathlib import Path

import pytest

from dvx.testing.shell import must_dvx


def _run(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", script, "sh", sys.executable], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "args", ["--version", "--help", "add --help", "config --help", "ls", "status --json"]
)
def test_full_output_is_one_error_and_exit_1(author: Path, args: str) -> None:
    ran = _run(author, f'"$1" -m dvx {args} > /dev/full')
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: cannot write the results: No space left on device")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", "2>/dev/full"])
def test_closed_streams_do_not_keep_a_command_from_its_work(author: Path, closing: str) -> None:
    (author / "new.bin").write_bytes(b"content\n")
    assert _run(author, f'"$1" -m dvx add new.bin {closing}').returncode == 0
    assert (author / "new.bin").read_bytes() == b"content\n"
    assert "new.bin" in must_dvx(author, "ls").out
    assert _run(author, f'"$1" -m dvx status {closing}').returncode == 0


def test_reader_that_has_gone_ends_the_command_quietly(author: Path) -> None:
    ran = _run(author, '{ "$1" -m dvx --help; echo "code $?" >&2; } | true')
    assert ran.stderr == "code 0\n"
