"""Ending a dvx command with SIGKILL just before the N-th thing that it changes, for every N.

Owns what counts as a change: files opened for writing, renamed, removed and linked, folders made and removed, and
Git commands started, in whichever thread. One process has dvx imported and forks for every command, so that a
command costs what it does and not its start; nothing is flushed to the disk, because what a killed process wrote is
with the kernel. Needs fork. Must not judge.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Final, Self

from dvx.testing.shell import dvx_environment

KILLED: Final = -9

_SERVER: Final = """
import gc, importlib, json, os, pkgutil, signal, sys
import blake3, numpy, pathspec, pyfastcdc, tomlkit, tqdm, zstandard
from dvx.cli.main import run

importlib.import_module("dvx.backends.folder_writes")  # not those of S3, which take a second
for layer in ("chunking", "cli", "cli.commands", "disk", "formats", "ops", "repo", "store"):
    package = importlib.import_module("dvx." + layer)
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
os.fsync = lambda descriptor: None
gc.freeze()

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "subprocess.Popen"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

def is_change(event, details):
    if event == "open":
        return isinstance(details[0], (str, bytes)) and bool((details[2] or 0) & WRITING)
    return event in CHANGES

def child(request):
    os.chdir(request["cwd"])
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0), os.dup2(output, 1), os.dup2(output, 2)
    left = request["kill_at"]
    after = request["after"]
    def hook(event, details):
        nonlocal left, after
        if after and event == "open" and is_change(event, details) and os.fsdecode(details[0]).endswith(after):
            after = ""
        if left and not after and is_change(event, details):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
    if left:
        sys.addaudithook(hook)
    code = 70
    try:
        code = run(request["args"], env=os.environ)
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)

for line in sys.stdin:
    request = json.loads(line)
    pid = os.fork()
    if not pid:
        child(request)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, KILLED if it was, and all that it wrote."""

    code: int
    text: str


class CommandForks:
    """A process that runs dvx commands in forks of itself. A context manager."""

    def __init__(self, scratch: str, *, env: Mapping[str, str] | None = None) -> None:
        """`scratch` is a folder for what the commands write."""
        self._output = os.path.join(scratch, "output-of-forks")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dvx_environment(env),
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream(self._process.stdin).close()
        self._stream(self._process.stdout).close()
        self._process.wait()

    def run(self, cwd: str | os.PathLike[str], *args: str, kill_at: int = 0, after: str = "") -> Ended:
        """Run a command, and end it just before its change number `kill_at`, counted from 1; 0 lets it be.

        With `after`, counting starts at the change that opens a file whose path ends so.
        """
        request = {
            "cwd": os.fspath(cwd),
            "args": args,
            "kill_at": kill_at,
            "after": after,
            "output": self._output,
        }
        stdin, stdout = self._stream(self._process.stdin), self._stream(self._process.stdout)
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        code = int(stdout.readline())
        with open(self._output, encoding="utf-8", errors="backslashreplace") as file:
            return Ended(code, file.read())

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream
