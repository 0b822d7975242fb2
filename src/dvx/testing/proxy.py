"""An HTTP proxy that fails on purpose, to stand between dvx and an S3 server.

Owns faults that only exist on the wire: refusals, cut bodies, lost answers, damaged bytes. Must pass requests
unchanged otherwise, with the Host header of the client, which is part of the signature.
"""

import http.client
import re
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
from dvx.testing.shell import HANG_S

SLOW_DOWN_BODY: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
ACCESS_DENIED_BODY: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Access Denied</Message></Error>"
)
_READS: Final = frozenset({"GET", "HEAD"})
_ACCESS_KEY: Final = re.compile(r"Credential=([^/,\s]+)/")
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


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request that was answered. Times are of the monotonic clock, in seconds; `size_bytes` of the answer's body."""

    method: str
    path: str
    started_s: float
    ended_s: float
    size_bytes: int


@dataclass(slots=True)
class FaultProxy:
    """The running proxy: faults can be added while it runs, requests are counted by method and path.

    `delay_s` is added to every request. `is_read_only` makes it refuse every request that could change something, with
    403. `signers` counts requests by the access key that signed them, "" for those that nobody did. `log` has the
    requests in the order of their answers, `connections` is the number of connections that clients made. `is_ended` is
    set when the proxy stops.
    """

    endpoint: str
    target: str
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    delay_s: float = 0.0
    log: list[WireRequest] = field(default_factory=list)
    connections: int = 0
    is_read_only: bool = False
    signers: Counter[str] = field(default_factory=Counter)
    is_ended: threading.Event = field(default_factory=threading.Event)
    _faults: list[WireFault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def planned(self) -> list[WireFault]:
        """The faults since the last `clear`, those that struck included."""
        with self._lock:
            return list(self._faults)

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

    def start_log(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self.log.clear()
            self.requests.clear()

    def depth_before(self, path_part: str, *, from_bytes: int = 0) -> int:
        """How many requests were made one after the other before the first for `path_part`, the longest such chain.

        With `from_bytes`, before the first whose answer has at least so many.
        """
        with self._lock:
            ordered = sorted(self.log, key=lambda request: request.started_s)
        depths: list[tuple[float, int]] = []
        for request in ordered:
            depth = max((depth for ended_s, depth in depths if ended_s <= request.started_s), default=0)
            if path_part in request.path and request.size_bytes >= from_bytes:
                return depth
            depths.append((request.ended_s, depth + 1))
        return max((depth for _, depth in depths), default=0)

    def note(self, request: WireRequest) -> None:
        """Add a request to the log."""
        with self._lock:
            self.log.append(request)

    def note_signer(self, authorization: str) -> None:
        """Count a request by the access key in its header Authorization."""
        found = _ACCESS_KEY.search(authorization)
        with self._lock:
            self.signers[found[1] if found else ""] += 1

    def writes(self) -> list[tuple[str, str]]:
        """The requests that could change something: method and path, sorted."""
        with self._lock:
            return sorted(request for request in self.requests if request[0] not in _READS)

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
        server.proxy.is_ended.set()
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
    timeout = HANG_S
    server: socketserver.BaseServer

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        assert isinstance(self.server, _ProxyServer)
        self.server.proxy.connections += 1

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
        started_s = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = proxy.take_fault(self.command, self.path)
        effect = fault.effect if fault is not None else None
        proxy.note_signer(self.headers.get("Authorization") or "")
        if proxy.is_read_only and self.command not in _READS:
            self._answer(403, [("Content-Type", "application/xml")], ACCESS_DENIED_BODY)
            return
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
        late_s = fault.delay_s if fault is not None and effect is WireEffect.DELAY else proxy.delay_s
        if late_s:
            proxy.is_ended.wait(late_s)  # nobody waits for a proxy that is gone
        if effect is WireEffect.FLIP_ANSWER:
            answer = flip_bit(answer, len(answer) // 2)
        # Before the answer: the client may be done with all it wanted before this thread runs again.
        ended_s = time.monotonic()
        proxy.note(WireRequest(self.command, self.path, started_s, ended_s, len(answer)))
        self._answer(status, headers, answer, is_cut=effect is WireEffect.TRUNCATE)

    def _forward(
        self, target: str, body: bytes, *, is_range_hidden: bool
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(target).netloc, timeout=HANG_S)
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
