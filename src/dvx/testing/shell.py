"""Driving dvx and Git as a person does: subprocesses, folders and files.

Owns running commands, building small trees and reading them back. Must not look inside dvx; what a store holds
is read by dvx.testing.store_scan.
"""

import atexit
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final

import dvx
from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.testing.fork_server import is_available, run_forked

Content = tuple[str, bytes]
Tree = dict[str, Content]

# Nothing but a hang takes so long: a machine that many share stalls for minutes.
HANG_S: Final = 600.0
# Stands in a template where a repository has the address of its remote.
_PLACEHOLDER: Final = "../address-of-the-remote"
_SOURCES: Final = str(Path(dvx.__file__).parent.parent)


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def dvx_command(*args: str) -> list[str]:
    """The argument vector that runs this dvx with this Python."""
    return [sys.executable, "-m", "dvx", *args]


def dvx_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for dvx_command, with `env` on top."""
    path = os.pathsep.join(filter(None, [_SOURCES, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}


def run_dvx(cwd: str | os.PathLike[str], *args: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run a dvx command in `cwd` and wait for it, whatever its outcome."""
    environment = dvx_environment(env)
    if not is_available(environment):
        return run(dvx_command(*args), cwd, env=env)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = run_forked(
            args,
            cwd=os.fspath(cwd),
            env=environment,
            stdout=out.fileno(),
            stderr=err.fileno(),
            timeout_s=HANG_S,
        )
        return Ran(code, _written(out), _written(err))


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return _text(file.read())


def must_dvx(cwd: str | os.PathLike[str], *args: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run a dvx command that has to succeed."""
    ran = run_dvx(cwd, *args, env=env)
    assert ran.code == 0, f"dvx {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
    return ran


def run(command: Sequence[str], cwd: str | os.PathLike[str], *, env: Mapping[str, str] | None = None) -> Ran:
    """Run any command without a terminal. The code of a process that a signal ended is negative."""
    done = subprocess.run(
        command, cwd=cwd, env=dvx_environment(env), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=HANG_S, check=False,
    )  # fmt: skip
    return Ran(done.returncode, _text(done.stdout), _text(done.stderr))


def start_dvx(
    cwd: str | os.PathLike[str], *args: str, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a dvx command in a session of its own; see `wait_for`, `kill_and_wait`."""
    return subprocess.Popen(
        dvx_command(*args), cwd=cwd, env=dvx_environment(env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def wait_for(process: "subprocess.Popen[bytes]") -> Ran:
    """Wait for a started command."""
    out, err = process.communicate(timeout=HANG_S)
    return Ran(process.returncode, _text(out), _text(err))


def kill_and_wait(process: "subprocess.Popen[bytes]", *, after_s: float) -> Ran:
    """Let a started command run for `after_s` seconds, end it with SIGKILL, and wait for its children.

    The children (Git) are not killed: they end by themselves, as they would on a machine.
    """
    try:
        out, err = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=HANG_S)
    deadline_s = time.monotonic() + HANG_S
    while _is_alive(process.pid) and time.monotonic() < deadline_s:
        time.sleep(0.005)
    return Ran(process.returncode, _text(out), _text(err))


def _is_alive(session: int) -> bool:
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def run_git(cwd: str | os.PathLike[str], *args: str) -> str:
    """Run a Git command that has to succeed; returns its output without the last line end."""
    ran = run(["git", *args], cwd)
    assert ran.code == 0, f"git {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
    return ran.out.rstrip("\n")


def make_repo(folder: Path, *, remote: str | None = None, options: Sequence[str] = ()) -> Path:
    """Create a Git repository with dvx set up and committed; `options` are for `git init`.

    It is a copy of one that was made once in this process: a start of dvx and two of Git are saved each time.
    `remote` becomes `origin`, as it is: whether dvx would take such an address is not asked. What is in `folder` stays.
    """
    template = _template(remote is not None, tuple(options), _settings_of_git())
    shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
    if remote is not None:
        config = folder / ".dvx" / "config.toml"
        text = config.read_text(encoding="utf-8")
        address = json.dumps(remote, ensure_ascii=False)  # a basic string of TOML, too
        config.write_text(text.replace(json.dumps(_PLACEHOLDER), address), encoding="utf-8", newline="\n")
    run_git(folder, "commit", "-q", "-a", "-m", "set up dvx")
    return folder


def _settings_of_git() -> tuple[tuple[str, str], ...]:
    """What decides how `git init` makes a repository: one template holds for the same of these only."""
    names = sorted(name for name in os.environ if name.startswith(("GIT_", "DVX_", "XDG_CONFIG")))
    path = os.environ.get("GIT_CONFIG_GLOBAL", "")
    content = Path(path).read_text(encoding="utf-8") if os.path.isfile(path) else ""
    return (*((name, os.environ[name]) for name in names), ("", content))


@cache
def _template(has_remote: bool, options: tuple[str, ...], _settings: tuple[tuple[str, str], ...]) -> Path:
    """A repository with dvx set up and staged."""
    folder = Path(tempfile.mkdtemp(prefix="dvx-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run_git(folder, "init", "-q", *options)
    must_dvx(folder, "init", *(["--remote", _PLACEHOLDER] if has_remote else []))
    return folder


def commit(repo: Path, message: str) -> None:
    """Commit what is staged."""
    run_git(repo, "commit", "-q", "-m", message)


def clone(source: Path, target: Path) -> Path:
    """Clone a repository with Git alone."""
    run_git(source.parent, "clone", "-q", str(source), str(target))
    return target


def file_bytes(size_bytes: int, *, seed: int) -> bytes:
    """Incompressible bytes, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - test data


def write_tree(folder: Path, tree: Mapping[str, Content | bytes]) -> None:
    """Make `folder` hold exactly `tree`. Bytes alone are a plain file."""
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, content in tree.items():
        kind, data = content if isinstance(content, tuple) else ("file", content)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "directory":
            path.mkdir(exist_ok=True)
        elif kind == "symlink":
            path.symlink_to(data.decode())
        else:
            path.write_bytes(data)
            path.chmod(0o755 if kind == "executable" else 0o644)


def read_tree(folder: str | os.PathLike[str]) -> Tree:
    """Everything below a folder by its path: (kind, bytes), the kinds of a manifest; nothing if it is absent."""
    tree: Tree = {}
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(parent, name)
            content = read_one(path)
            if content is not None:
                tree[os.path.relpath(path, folder)] = content
    return tree


def read_one(path: str | os.PathLike[str]) -> Content | None:
    """One file, symlink or empty folder; None for a folder that has something in it, or nothing there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return "symlink", os.fsencode(os.readlink(path))
    if stat.S_ISDIR(mode):
        return None if os.listdir(path) else ("directory", b"")
    return "executable" if mode & stat.S_IXUSR else "file", Path(path).read_bytes()


def debris(folder: Path) -> list[str]:
    """Temporary files of dvx below `folder`, outside `.git`."""
    return sorted(
        str((Path(parent) / name).relative_to(folder))
        for parent, folders, files in os.walk(folder)
        for name in [*folders, *files]
        if name.startswith(TEMPORARY_PREFIX) and ".git" not in Path(parent).relative_to(folder).parts
    )


def store_of(repo: Path) -> Path:
    """The local store of a repository, unless `store.path` says otherwise."""
    common = run_git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(common) / "dvx" / "store"


def without_privileges(command: Sequence[str]) -> list[str] | None:
    """The command for a process that file permissions hold for; None where root cannot give them up."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return list(command)
    if shutil.which("setpriv") is None:
        return None
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
