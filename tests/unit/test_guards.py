"""Proof that the guards of tests/conftest.py hold."""

import os
import socket
import subprocess
from pathlib import Path

import pytest


def test_home_is_an_empty_folder_of_the_test_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    assert Path.home().is_relative_to(base)
    assert Path(os.environ["XDG_CONFIG_HOME"]).is_relative_to(base)
    assert sorted(path.name for path in Path.home().iterdir() if path.name.startswith(".git")) == []


def test_git_sees_the_test_identity_and_no_other_configuration(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "config", "--list", "--show-origin"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "user.email=test@example.invalid" in listed
    assert all(os.environ["GIT_CONFIG_GLOBAL"] in line for line in listed.splitlines())


def test_git_variables_of_the_caller_are_gone() -> None:
    kept = {name for name in os.environ if name.startswith("GIT_")}
    assert kept == {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"}


def test_aws_configuration_of_the_caller_is_out_of_reach() -> None:
    kept = {name for name in os.environ if name.startswith("AWS_")}
    assert kept == {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}
    assert not Path(os.environ["AWS_CONFIG_FILE"]).exists()
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"


def test_dvx_variables_of_the_caller_are_gone() -> None:
    assert [name for name in os.environ if name.startswith("DVX_") or name == "CI"] == []


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_connection_beyond_loopback_is_refused(method: str) -> None:
    # 192.0.2.0/24 is reserved for documentation (RFC 5737): nothing answers there.
    with (
        socket.socket() as connection,
        pytest.raises(RuntimeError, match=r"connection to \('192\.0\.2\.1', 80\)"),
    ):
        getattr(connection, method)(("192.0.2.1", 80))


def test_name_lookup_beyond_loopback_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"name lookup of 'example\.com'"):
        socket.getaddrinfo("example.com", 80)


def test_connection_to_loopback_is_allowed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
