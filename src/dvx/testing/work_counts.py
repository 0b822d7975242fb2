"""How much work one dvx command does, counted rather than timed: bytes and calls of reading and writing, files
opened, Python functions called, modules imported, processes started.

Owns the counting, in a process of its own. Must not judge. Byte counts need Linux.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dvx.testing.shell import dvx_environment

# Runs dvx in a fresh interpreter that has imported nothing else before.
_CHILD: Final = """
import os, sys
from_start = set(sys.modules)
target, count_calls, args = sys.argv[1], sys.argv[2] == "1", sys.argv[3:]
opened, started, calls = [], [], [0]

def hook(event, details):
    if event == "open" and isinstance(details[0], (str, bytes)):
        opened.append(os.fsdecode(details[0]))
    elif event == "subprocess.Popen":
        started.append([os.fsdecode(arg) for arg in details[1]])

def io():
    try:
        with open("/proc/self/io") as file:
            return dict(line.strip().split(": ") for line in file)
    except OSError:
        return {}

def profile(frame, event, argument):
    calls[0] += event in ("call", "c_call")

from dvx.cli.main import run
sys.addaudithook(hook)
before = io()
if count_calls:
    import threading
    threading.setprofile(profile)
    sys.setprofile(profile)
code = run(args, env=os.environ)
sys.setprofile(None)
after = io()
modules = sorted(set(sys.modules) - from_start)
import json
io_counts = {name: int(after[name]) - int(before[name]) for name in after}
with open(target, "w") as file:
    json.dump({"code": code, "io": io_counts, "opened": opened, "calls": calls[0], "modules": modules,
               "started": started}, file)
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a command did. Bytes are those of read and write calls, children not counted; imports are in.

    `opened` are names as they were given to the system, some relative to an open folder. `modules` are all that were
    imported, but for those that Python starts with, `started` the command lines of processes.
    """

    read_bytes: int
    written_bytes: int
    read_calls: int
    write_calls: int
    opened: tuple[str, ...]
    function_calls: int
    modules: frozenset[str]
    started: tuple[tuple[str, ...], ...]


def count_work(
    cwd: str | os.PathLike[str],
    *args: str,
    env: Mapping[str, str] | None = None,
    function_calls: bool = False,
    input: str = "",
) -> Work:
    """Run a dvx command that has to succeed and count its work. `function_calls` makes it several times slower."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "work.json")
        command = [sys.executable, "-c", _CHILD, target, str(int(function_calls)), *args]
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dvx_environment(env),
            input=input.encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        with open(target, encoding="utf-8") as file:
            found = json.load(file)
    assert found["code"] == 0, f"dvx {' '.join(args)}: {done.stderr.decode('utf-8', 'replace')}"
    io = found["io"]
    return Work(
        read_bytes=io.get("rchar", 0),
        written_bytes=io.get("wchar", 0),
        read_calls=io.get("syscr", 0),
        write_calls=io.get("syscw", 0),
        opened=tuple(found["opened"]),
        function_calls=found["calls"],
        modules=frozenset(found["modules"]),
        started=tuple(map(tuple, found["started"])),
    )
