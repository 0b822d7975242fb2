"""Repositories over HTTP: Git's own server program behind a small one, on the loopback interface.

Owns the server only; who uses it makes the repositories.
"""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

# What a client has to send for a repository below `/private/`; the name of the user is `user`.
PASSWORD: Final = "open-sesame"  # noqa: S105 - of a server that only tests reach


@contextmanager
def start_git_server(root: str | os.PathLike[str]) -> Iterator[str]:
    """Serve the repositories in the folder `root`; yields HOST:PORT. Below `/private/` they want the password."""
    handler = type("Handler", (_GitHandler,), {"root": os.fspath(root)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{httpd.server_address[1]}"
        finally:
            httpd.shutdown()
            thread.join()


def has_git_server() -> bool:
    """Whether this Git has the program."""
    place = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    return shutil.which("git-http-backend", path=place) is not None


class _GitHandler(BaseHTTPRequestHandler):
    """Passes requests to `git http-backend`."""

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
            self._refuse()
            return
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=self._variables(body), capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        self._pass_on(head.decode(), content)

    def _refuse(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self, head: str, content: bytes) -> None:
        fields = [line.split(": ", 1) for line in head.split("\r\n") if ": " in line]
        status = next((value for name, value in fields if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _variables(self, body: bytes) -> dict[str, str]:
        path, _, query = self.path.removeprefix("/private").partition("?")
        server = {"GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1", "GIT_CONFIG_NOSYSTEM": "1"}
        # Whoever owns the folder: tests run in containers, too.
        trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        request = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        return {"PATH": os.environ["PATH"], "HOME": self.root, **server, **trusted, **request}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
