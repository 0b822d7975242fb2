"""Git hooks in tests: a stand-in for the Python that hooks start, and a picture of every file of a repository.

Owns what the stand-in records. Must not know what dvx does in a hook.
"""

import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dvx.ops.hooks import HooksChange, install_hooks, uninstall_hooks
from dvx.repo.repository import Repository
from dvx.testing.shell import Ran, run

# What hook scripts put before the name of the hook: -P -c PROGRAM hooks run.
_BEFORE_NAME: Final = 5
_LISTED_CHANGES: Final = frozenset({"index"})


@dataclass(frozen=True, slots=True)
class Recorder:
    """A program that hooks start in place of Python: it notes its arguments and its input, and obeys `fail`."""

    folder: Path

    @staticmethod
    def make(folder: Path) -> "Recorder":
        """Write the program below `folder`, which is made; its path needs quoting in every shell."""
        folder.mkdir(parents=True)
        recorder = Recorder(folder)
        log, code = (shlex.quote(str(folder / name)) for name in ("log", "code"))
        recorder.write_program(
            Path(recorder.interpreter),
            f'shift {_BEFORE_NAME}\necho "$*" >> {log}\n'
            f'[ "$1" != pre-push ] || sed "s/^/  /" >> {log}\n'
            f'[ ! -f {code} ] || exit "$(cat {code})"\n',
        )
        return recorder

    @property
    def interpreter(self) -> str:
        """The path of the program."""
        return str(self.folder / "py \"th'on ü$x")

    def write_program(self, path: Path, body: str, *, shell: str = "/bin/sh") -> None:
        """Write an executable script."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shell}\n{body}")
        path.chmod(0o755)

    def fail(self, code: int) -> None:
        """Have the program end with `code` from now on."""
        (self.folder / "code").write_text(str(code))

    def take(self) -> list[str]:
        """What was noted since the last call: the hook and its arguments, indented lines for input."""
        log = self.folder / "log"
        if not log.exists():
            return []
        lines = log.read_text().splitlines()
        log.unlink()
        return lines

    def install(self, root: Path, *, as_files: bool = True) -> HooksChange:
        """Install hooks that start the program."""
        return install_hooks(Repository.discover(str(root)), interpreter=self.interpreter, as_files=as_files)


def uninstall(root: Path) -> HooksChange:
    """Take the hooks of a repository out."""
    return uninstall_hooks(Repository.discover(str(root)))


def must_git(root: Path, *args: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run a Git command that has to succeed; hooks write to its standard error."""
    ran = run(["git", *args], root, env=env)
    assert ran.code == 0, f"git {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
    return ran


def listing(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    """Everything below `folder` but Git's index: kind, mode and bytes or target by path."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(parent, name)
            mode = path.lstat().st_mode
            key = path.relative_to(folder).as_posix()
            if name in _LISTED_CHANGES:
                continue
            if stat.S_ISLNK(mode):
                found[key] = ("link", 0, os.fsencode(os.readlink(path)))
            elif stat.S_ISDIR(mode):
                found[key] = ("folder", stat.S_IMODE(mode), b"")
            else:
                found[key] = ("file", stat.S_IMODE(mode), path.read_bytes())
    return found
