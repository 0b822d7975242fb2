"""testing.proxy: what it refuses and what it writes down."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from dvx.testing.proxy import FaultProxy, start_fault_proxy


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    with start_fault_proxy(f"http://127.0.0.1:{server.server_address[1]}") as proxy:
        yield proxy
    server.shutdown()
    server.server_close()
    thread.join()


def _ask(proxy: FaultProxy, method: str, path: str, authorization: str = "") -> int:
    connection = http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=60)
    headers = {"Authorization": authorization} if authorization else {}
    connection.request(method, path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_read_only_proxy_refuses_every_write_and_lets_reads_through(proxy: FaultProxy) -> None:
    assert _ask(proxy, "PUT", "/a") == 200
    proxy.is_read_only = True
    proxy.start_log()
    assert [_ask(proxy, method, "/a") for method in ("GET", "PUT", "POST", "DELETE")] == [200, 403, 403, 403]
    assert proxy.writes() == [("DELETE", "/a"), ("POST", "/a"), ("PUT", "/a")]


def test_proxy_counts_requests_by_the_key_that_signed_them(proxy: FaultProxy) -> None:
    _ask(
        proxy, "GET", "/a", "AWS4-HMAC-SHA256 Credential=KEY/20200101/us-east-1/s3/aws4_request, Signature=0"
    )
    _ask(proxy, "GET", "/a")
    _ask(proxy, "GET", "/b")
    assert dict(proxy.signers) == {"KEY": 1, "": 2}
