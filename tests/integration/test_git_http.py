"""repo.git_source over HTTP: Git's own server program behind a small one, with and without a password."""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dvx.core.errors import GitError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer
from dvx.repo.git_address import parse_git_address
from dvx.repo.git_source import open_commit

PASSWORD = "open-sesame"
POINTER = Pointer("file", hash_bytes(b"data"), 4)


def run(cwd, *args):
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


class _GitHandler(BaseHTTPRequestHandler):
    """Passes requests to `git http-backend`; `/private/` wants a password."""

    root = ""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self._body()
        wanted = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        if self.path.startswith("/private/") and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.removeprefix("/private").partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": self.root,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in fields if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """The address of a server with `x.git`: 300 pointers and 2 MB of code."""
    if shutil.which("git-http-backend", path=run(tmp_path, "--exec-path")) is None:
        pytest.skip("this Git has no http-backend")
    work = tmp_path / "work"
    work.mkdir()
    run(work, "init", "-q", "-b", "main")
    for number in range(300):
        (work / f"{number}.dvx").write_bytes(format_pointer(Pointer("file", hash_bytes(b"%d" % number), 4)))
    (work / "model.dvx").write_bytes(format_pointer(POINTER))
    (work / "code.bin").write_bytes(os.urandom(2_000_000))
    run(work, "add", ".")
    run(work, "commit", "-q", "-m", "one")
    (tmp_path / "served").mkdir()
    run(tmp_path, "clone", "-q", "--bare", "work", "served/x.git")
    run(tmp_path / "served" / "x.git", "config", "uploadpack.allowFilter", "true")
    handler = type("Handler", (_GitHandler,), {"root": str(tmp_path / "served")})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def open_url(tmp_path, url):
    folder = tmp_path / "fetched"
    folder.mkdir(exist_ok=True)
    address = parse_git_address(url, base_dir="/")
    return open_commit(address, None, folder=str(folder), env=dict(os.environ), may_ask=False, is_typed=True)


def test_pointers_come_over_http_without_the_code(tmp_path, server):
    pointers, config = open_url(tmp_path, f"http://{server}/x.git").read(lambda _: True)
    assert config is None
    assert len(pointers) == 301
    assert [each.pointer for each in pointers if each.path == "model"] == [POINTER]
    folder = tmp_path / "fetched"
    packed = sum(
        os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names
    )
    assert packed < 300_000


def test_password_in_the_address_is_used_and_never_shown(tmp_path, server):
    found = open_url(tmp_path, f"http://user:{PASSWORD}@{server}/private/x.git")
    assert len(found.read(lambda path: path == "model")[0]) == 1
    assert found.address.shown == f"http://{server}/private/x.git"
    (tmp_path / "other").mkdir()
    with pytest.raises(GitError) as caught:
        open_url(tmp_path / "other", f"http://user:{PASSWORD}x@{server}/private/x.git")
    said = " ".join([caught.value.what, *caught.value.hints])
    assert PASSWORD not in said
    assert "credentials" in said


def test_missing_password_fails_instead_of_asking(tmp_path, server):
    with pytest.raises(GitError, match="cannot read the repository"):
        open_url(tmp_path, f"http://{server}/private/x.git")
