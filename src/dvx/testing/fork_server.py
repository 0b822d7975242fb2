"""A process that has dvx imported and forks for every command: tests start thousands, and imports are most of them.

Each command is a process of its own, with the arguments, folder, environment and streams that it was asked for, as
`python -m dvx` is; only the imports are shared (10 ms in place of 120 to 300). Owns the server and its client. Must not
be used where start-up itself is the subject, nor where there is no fork.
"""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NoReturn

_PRELOADED: Final = (
    "boto3", "botocore.session", "blake3", "numpy", "pyfastcdc", "zstandard", "tomlkit", "tqdm", "pathspec",
    "ruamel.yaml", "dvx.backends.s3", "dvx.cli.reference", "dvx.ops.add", "dvx.ops.pull", "dvx.ops.push",
    "dvx.ops.status",
)  # fmt: skip
_MOST_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = 8
# Variables that Python itself reads when it starts; where a test sets one, it gets a Python of its own.
_OF_PYTHON: Final = frozenset({"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"})


def is_available(env: Mapping[str, str]) -> bool:
    """Whether a command with this environment can be forked: the system can, and nothing asks for another Python."""
    return hasattr(os, "fork") and all(
        name in _OF_PYTHON or os.environ.get(name) == value
        for name, value in env.items()
        if name.startswith(("PYTHON", "LC_", "LANG"))
    )


def run_forked(
    args: Sequence[str], *, cwd: str, env: Mapping[str, str], stdout: int, stderr: int, timeout_s: float
) -> int:
    """Run dvx with these arguments and descriptors and no input; returns its code, negative where a signal ended it.

    Raises TimeoutError, after the command was killed.
    """
    request = json.dumps({"args": list(args), "cwd": cwd, "env": dict(env)}).encode("utf-8", "surrogatepass")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(_server_address(os.getpid()))
        connection.settimeout(timeout_s)
        socket.send_fds(connection, [len(request).to_bytes(_HEADER_BYTES, "big")], [stdout, stderr])
        connection.sendall(request)
        answers = connection.makefile("r")
        pid = int(answers.readline())
        try:
            return int(answers.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise


@cache
def _server_address(pid: int) -> str:  # noqa: ARG001 - one server for each process that runs tests
    address = os.path.join(tempfile.mkdtemp(prefix="dvx-fork-"), "socket")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, "-m", "dvx.testing.fork_server", address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _SERVERS.append(server)
    return address


# They end when the process that holds their standard input does.
_SERVERS: Final[list["subprocess.Popen[bytes]"]] = []


def serve(address: str) -> None:
    """Answer requests until standard input is closed. In a forked child this does not return."""
    from importlib import import_module

    for name in _PRELOADED:
        import_module(name)
    _Server(address).run()


class _Server:
    """The listening socket, and the children whose ends somebody waits for."""

    def __init__(self, address: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._waiting: dict[int, socket.socket] = {}
        self._woken, self._wakes = os.pipe()
        for end in (self._woken, self._wakes):
            os.set_blocking(end, False)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        os.write(sys.stdout.fileno(), b"ready\n")
        with selectors.DefaultSelector() as selector:
            for source in (self._listener.fileno(), self._woken, sys.stdin.fileno()):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if sys.stdin.fileno() in ready:
                    shutil.rmtree(os.path.dirname(self._listener.getsockname()))
                    return
                if self._woken in ready:
                    os.read(self._woken, 4096)
                    self._reap()
                if self._listener.fileno() in ready:
                    self._start(self._listener.accept()[0])

    def _start(self, connection: socket.socket) -> None:
        head, descriptors, _, _ = socket.recv_fds(connection, _HEADER_BYTES, 2)
        data = b""
        while len(data) < int.from_bytes(head, "big"):
            data += connection.recv(_MOST_BYTES)
        request = json.loads(data.decode("utf-8", "surrogatepass"))
        pid = os.fork()
        if pid == 0:
            self._listener.close()
            connection.close()
            for other in self._waiting.values():
                other.close()
            os.close(self._woken)
            signal.set_wakeup_fd(-1)
            os.close(self._wakes)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(f"{pid}\n".encode())
        self._waiting[pid] = connection

    def _reap(self) -> None:
        while self._waiting:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._waiting.pop(pid) as connection:
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(request: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """Be `python -m dvx` from here on."""
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    null = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((null, *descriptors)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = [os.path.join(os.path.dirname(os.path.dirname(__file__)), "__main__.py"), *request["args"]]
    from dvx.cli.main import main

    # From here as any process ends: SystemExit reaches the interpreter, which waits for threads and flushes.
    main()
    raise SystemExit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
