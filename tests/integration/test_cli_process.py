"""The process around a command: start-up, Ctrl-C, closed pipes, crashes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dvx.testing.shell import HANG_S

SRC = Path(__file__).resolve().parents[2] / "src"
# What a quick command must not pay for: 70 ms to 300 ms each.
HEAVY = ("boto3", "botocore", "git", "numpy", "tqdm", "tomlkit")

_DUMP = """
import runpy, sys
sys.argv = ["dvx", *sys.argv[1:]]
try:
    runpy.run_module("dvx", run_name="__main__")
except SystemExit as done:
    print("code", done.code)
print("loaded", *sorted(name for name in sys.modules if name.partition(".")[0] == name))
"""


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SRC), **more}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    _dvx(tmp_path, "init", "--remote", "../store")
    return tmp_path


def _dvx(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dvx", *args],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )


def _loaded(folder: Path, *args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _DUMP, *args],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "code 0" in lines, (done.stdout, done.stderr)
    return set(lines[-1].split()[1:])


@pytest.mark.parametrize(
    "args",
    [
        ("status",),
        ("config", "get", "core.jobs"),
        ("--help",),
        ("ls",),
        ("diff",),
        ("remote", "list"),
        ("push", "-h"),
    ],
)
def test_quick_commands_import_nothing_heavy(repository: Path, args: tuple[str, ...]) -> None:
    assert _loaded(repository, *args).isdisjoint(HEAVY)


def test_status_of_clean_data_imports_nothing_heavy(repository: Path) -> None:
    (repository / "x.bin").write_text("x")
    _dvx(repository, "add", "x.bin")
    assert _loaded(repository, "status").isdisjoint(HEAVY)


def test_version_does_not_even_import_click(repository: Path) -> None:
    assert _loaded(repository, "--version").isdisjoint({*HEAVY, "click", "dataclasses", "subprocess"})


def test_version_is_that_of_the_package(tmp_path: Path) -> None:
    from dvx import __version__

    assert _dvx(tmp_path, "--version").stdout == f"dvx {__version__}\n"


@pytest.mark.skipif(os.name == "nt", reason="SIGPIPE and /bin/sh are POSIX")
def test_reader_that_goes_early_ends_the_command_quietly(repository: Path) -> None:
    (repository / "many").mkdir()
    for number in range(2000):
        (repository / "many" / f"{number:05}-{'x' * 80}").write_text("")
    _dvx(repository, "add", "many")
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m dvx ls -R | head -n 1"],
        cwd=repository, env=_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux")
def test_results_for_a_full_disk_are_an_error(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dvx", "config", "list"],
            cwd=tmp_path, env=_environment(), stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write the results: No space left on device\n")


_HANGING = """
import signal, sys, threading
from dvx.cli.boundary import run_guarded
from dvx.cli.invocation import Invocation
import os

def work():
    thread = threading.Thread(target=threading.Event().wait)
    thread.start()
    try:
        print("working", flush=True)
        threading.Event().wait()
    finally:
        print("unwinding", flush=True)
        if sys.argv[1] == "slow":
            thread.join()

sys.exit(run_guarded(work, Invocation.of_process(os.environ), args=[]))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to a child is POSIX")
@pytest.mark.parametrize(("kind", "interrupts"), [("fast", 1), ("slow", 2)])
def test_interrupt_ends_a_command_whose_threads_hang(tmp_path: Path, kind: str, interrupts: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HANGING, kind], env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "unwinding\n"
        for _ in range(interrupts - 1):
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    if kind == "fast":
        assert errors == "interrupted; run the same command again to go on\n"


def test_bug_writes_a_crash_log_and_exits_70(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['dvx', 'status']\n"
        "from dvx.repo.repository import Repository\n"
        "def broken(*args, **named): raise RuntimeError('unforeseen')\n"
        "Repository.discover = staticmethod(broken)\n"
        "from dvx.cli.main import main\n"
        "main()\n"
    )
    env = _environment(XDG_STATE_HOME=str(tmp_path), LOCALAPPDATA=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert done.returncode == 70
    assert done.stderr.startswith("error: this is a bug in dvx: RuntimeError: unforeseen\n")
    (log,) = (tmp_path / "dvx").iterdir()
    assert str(log) in done.stderr
    assert "RuntimeError: unforeseen" in log.read_text()


@pytest.mark.parametrize("no_colour", [True, False])
def test_output_that_is_no_terminal_has_no_colour(repository: Path, no_colour: bool) -> None:
    env = _environment(NO_COLOR="1") if no_colour else _environment()
    done = subprocess.run(
        [sys.executable, "-m", "dvx", "add", "nowhere"],
        cwd=repository,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr


def test_terminal_that_is_not_utf8_gets_escapes(repository: Path) -> None:
    (repository / "größe.bin").write_text("x")
    done = subprocess.run(
        [sys.executable, "-m", "dvx", "ls"],
        cwd=repository, env=_environment(PYTHONIOENCODING="ascii"), capture_output=True, check=True,
    )  # fmt: skip
    assert done.returncode == 0
    _dvx(repository, "add", "größe.bin")
    done = subprocess.run(
        [sys.executable, "-m", "dvx", "ls"],
        cwd=repository, env=_environment(PYTHONIOENCODING="ascii"), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == b"gr\\xf6\\xdfe.bin"
