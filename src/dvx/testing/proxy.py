"""An HTTP proxy that fails on purpose, to stand between dvx and an S3 server.

Owns faults that only exist on the wire: refusals, cut bodies, lost answers, damaged bytes. Must pass requests
unchanged otherwise, with the Host header of the client, which is part of the signature.
"""

import http.client
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from dvx.testing.faults import flip_bit

SLOW_DOWN_BODY: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"}
)


class WireEffect(StrEnum):
    """What happens to a request or its answer."""

    SLOW_DOWN = "slow-down"  # 503 without asking the server
    TRUNCATE = "truncate"  # the answer ends in the middle of its body
    DROP_ANSWER = "drop-answer"  # the server carries the request out, the client gets no answer
    FLIP_UPLOAD = "flip-upload"  # one bit of the body of the request differs
    FLIP_ANSWER = "flip-answer"  # one bit of the body of the answer differs
    IGNORE_RANGE = "ignore-range"  # the server does not see the header Range
    DELAY = "delay"  # the answer comes late


@dataclass(slots=True)
class WireFault:
    """`effect` strikes the next `times` requests of `method` whose path holds `path_part`."""

    effect: WireEffect
    method: str = "GET"
    path_part: str = ""
    times: int = 1
    delay_s: float = 0.0


@dataclass(slots=True)
class FaultProxy:
    """The running proxy: faults can be added while it runs, requests are counted by method and path."""

    endpoint: str
    target: str
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    _faults: list[WireFault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: WireFault) -> None:
        """Plan faults; the first that fits a request strikes it."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Drop the faults that did not strike yet."""
        with self._lock:
            self._faults.clear()

    def count(self, method: str, path_part: str = "") -> int:
        """Return how many requests of `method` had `path_part` in their path."""
        with self._lock:
            return sum(
                number
                for (used, path), number in self.requests.items()
                if used == method and path_part in path
            )

    def take_fault(self, method: str, path: str) -> WireFault | None:
        """Count a request and return the fault that strikes it."""
        with self._lock:
            self.requests[method, path] += 1
            for fault in self._faults:
                if fault.times > 0 and fault.method == method and fault.path_part in path:
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def start_fault_proxy(target: str) -> Iterator[FaultProxy]:
    """Run a proxy before the server at `target` (`http://127.0.0.1:PORT`) for the time of the block."""
    server = _ProxyServer(("127.0.0.1", 0), _Handler)
    server.proxy = FaultProxy(f"http://127.0.0.1:{server.server_address[1]}", target)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _ProxyServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: socketserver.BaseServer

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        assert isinstance(self.server, _ProxyServer)
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = proxy.take_fault(self.command, self.path)
        effect = fault.effect if fault is not None else None
        if effect is WireEffect.SLOW_DOWN:
            self._answer(503, [("Content-Type", "application/xml")], SLOW_DOWN_BODY)
            return
        if effect is WireEffect.FLIP_UPLOAD:
            body = flip_bit(body, len(body) // 2)
        status, headers, answer = self._forward(
            proxy.target, body, is_range_hidden=effect is WireEffect.IGNORE_RANGE
        )
        if effect is WireEffect.DROP_ANSWER:
            self.close_connection = True
            return
        if fault is not None and effect is WireEffect.DELAY:
            time.sleep(fault.delay_s)
        if effect is WireEffect.FLIP_ANSWER:
            answer = flip_bit(answer, len(answer) // 2)
        self._answer(status, headers, answer, is_cut=effect is WireEffect.TRUNCATE)

    def _forward(
        self, target: str, body: bytes, *, is_range_hidden: bool
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(target).netloc, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP and not (is_range_hidden and name.lower() == "range"):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, *, is_cut: bool = False
    ) -> None:
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self.close_connection = True
