"""The commands that hints name are run as they are printed: they work in that state, and destroy nothing."""

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dvx.testing.shell import clone, read_tree, run_dvx, run_git

_HINTED = re.compile(r"^hint: .*?`dvx ([^`]*)`", re.MULTILINE)


def _not_pulled(author: Path) -> Path:
    return clone(author, author.parent / "fresh")


def _as_it_is(author: Path) -> Path:
    return author


def _edited(author: Path) -> Path:
    (author / "data" / "a.bin").write_bytes(b"edited")
    return author


def _missing_file(author: Path) -> Path:
    (author / "data" / "a.bin").unlink()
    return author


def _untracked(author: Path) -> Path:
    (author / "new.bin").write_bytes(b"new")
    return author


def _not_pushed(author: Path) -> Path:
    (author / "new.bin").write_bytes(b"new")
    assert run_dvx(author, "add", "new.bin").code == 0
    run_git(author, "commit", "-q", "-m", "new")
    return author


SITUATIONS: dict[str, tuple[Callable[[Path], Path], Sequence[str]]] = {
    "data that was never pulled": (_not_pulled, ["status"]),
    "data that is not in the local store": (_not_pulled, ["checkout"]),
    "an edited file": (_edited, ["status"]),
    "an edited file in the way": (_edited, ["checkout"]),
    "a missing file": (_missing_file, ["verify"]),
    "commits that were not pushed": (_not_pushed, ["status", "--remote"]),
    "a name of a remote that is taken": (_as_it_is, ["remote", "add", "origin", "../elsewhere"]),
    "an unknown remote": (_as_it_is, ["push", "-r", "nowhere"]),
    "a file that is not tracked": (_untracked, ["pull", "new.bin"]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_commands_of_the_printed_hints_work_in_that_state(name: str, author: Path) -> None:
    situation, command = SITUATIONS[name]
    repo = situation(author)
    ran = run_dvx(repo, *command)
    hinted = [line for line in _HINTED.findall(ran.out + ran.err) if "..." not in line and line.islower()]
    assert hinted, ran
    for line in hinted:
        if "--force" in line:
            continue  # says that it overwrites; see test_hints_that_overwrite_say_so
        before = read_tree(repo / "data")
        next_ran = run_dvx(repo, *shlex.split(line))
        assert next_ran.code in (0, 5), (line, next_ran)  # 5: differences were found
        assert before.items() <= read_tree(repo / "data").items(), line


def test_hints_that_overwrite_say_so(author: Path) -> None:
    ran = run_dvx(_edited(author), "checkout")
    forced = [line for line in ran.err.splitlines() if "--force" in line]
    assert forced
    assert all("give it up" in line for line in forced), forced
    assert (author / "data" / "a.bin").read_bytes() == b"edited"
