"""An HTTP proxy that makes every request wait, and remembers when each one was on its way.

Owns the waiting and the timeline. Must pass requests unchanged, with the Host header of the client, which is part
of the signature of S3. Speaks HTTP/1.1 with connections that stay open, one thread for each, and streams bodies.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_BUFFER_BYTES: Final = 256 * 1024
_MAX_HEAD_BYTES: Final = 256 * 1024
_LONGEST_WAIT_S: Final = 60.0
_HEAD_END: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """One request and its answer. Times are seconds of time.monotonic: when the head of the request had arrived,
    when the first byte of the answer was there, and just before the last piece of it was handed on (a client cannot
    act on an answer earlier than that).

    `target` is path and query as sent, `byte_range` the value of the header Range, or empty.
    """

    method: str
    target: str
    byte_range: str
    status: int
    started_s: float
    answered_s: float
    ended_s: float
    answer_bytes: int


@dataclass(slots=True)
class DelayProxy:
    """The running proxy. `delay_s` counts for requests that arrive after it was set."""

    endpoint: str
    delay_s: float = 0.0
    _requests: list[ProxiedRequest] = field(default_factory=list)
    _under_way: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """A request is being passed on in this block; take_requests waits for its end."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def note(self, request: ProxiedRequest) -> None:
        """Add a finished request to the timeline."""
        with self._changed:
            self._requests.append(request)

    def take_requests(self) -> list[ProxiedRequest]:
        """The requests since the last call, in order of their start.

        A client has the last byte of an answer before its request is noted, so this waits for those under way, for
        up to a minute.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout=_LONGEST_WAIT_S)
            taken, self._requests = self._requests, []
        return sorted(taken, key=lambda request: request.started_s)


@contextmanager
def start_delay_proxy(upstream: str, *, delay_s: float = 0.0) -> Iterator[DelayProxy]:
    """Run a proxy on loopback before the server at `upstream` (`http://HOST:PORT`) for the time of the block."""
    address = urlsplit(upstream)
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = DelayProxy(f"http://127.0.0.1:{server.getsockname()[1]}", delay_s)
        acceptor = _Acceptor(server, (address.hostname or "127.0.0.1", address.port or 80), proxy)
        thread = threading.Thread(target=acceptor.run, name="delay-proxy", daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            acceptor.stop()
            thread.join()


class _Acceptor:
    """Takes connections and gives each a thread; closes all of them in the end."""

    def __init__(self, server: socket.socket, upstream: tuple[str, int], proxy: DelayProxy) -> None:
        self._server = server
        self._upstream = upstream
        self._proxy = proxy
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self) -> None:
        """Accept until stopped."""
        while True:
            client, _ = self._server.accept()
            if self._is_stopped:
                client.close()
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            with self._lock:
                self._open[client] = thread
            thread.start()

    def stop(self) -> None:
        """End the acceptor, by a connection of its own, and every open connection."""
        self._is_stopped = True
        socket.create_connection(self._server.getsockname()).close()
        with self._lock:
            remaining = dict(self._open)
        for client in remaining:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in remaining.values():
            thread.join(timeout=10)

    def _serve(self, client: socket.socket) -> None:
        # A client that hangs up, or a server that does, ends this connection only.
        with suppress(OSError, _Ended), closing(client), socket.create_connection(self._upstream) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(_Stream(client), _Stream(server), self._proxy)
            while connection.relay_request():
                pass
        with self._lock:
            self._open.pop(client, None)


class _Ended(Exception):
    """The other side closed the connection, or said something that is not HTTP."""


class _Connection:
    """One connection of a client and its counterpart to the server."""

    def __init__(self, client: "_Stream", server: "_Stream", proxy: DelayProxy) -> None:
        self._client = client
        self._server = server
        self._proxy = proxy

    def relay_request(self) -> bool:
        """Pass one request and its answer on; says whether the connection stays open."""
        raw = self._client.read_until(_HEAD_END)
        with self._proxy.under_way():
            return self._pass_on(_Head(raw), time.monotonic())

    def _pass_on(self, head: "_Head", started_s: float) -> bool:
        time.sleep(self._proxy.delay_s)
        self._send_request(head)
        answer = _Head(self._server.read_until(_HEAD_END))
        while answer.status == 100:
            answer = _Head(self._server.read_until(_HEAD_END))
        answered_s = time.monotonic()
        self._client.send(answer.raw)
        size, stays_open = self._pass_body(answer, is_head=head.method == "HEAD")
        self._proxy.note(
            ProxiedRequest(
                method=head.method,
                target=head.target,
                byte_range=head.get("range"),
                status=answer.status,
                started_s=started_s,
                answered_s=answered_s,
                ended_s=self._client.sent_s,
                answer_bytes=size,
            )
        )
        return stays_open and "close" not in (
            head.get("connection").lower(),
            answer.get("connection").lower(),
        )

    def _send_request(self, head: "_Head") -> None:
        if head.get("expect"):
            self._client.send(_CONTINUE)
        self._server.send(head.without("expect"))
        if "chunked" in head.get("transfer-encoding").lower():
            self._client.pass_chunks(self._server)
        else:
            self._client.pass_bytes(self._server, int(head.get("content-length") or 0))

    def _pass_body(self, answer: "_Head", *, is_head: bool) -> tuple[int, bool]:
        """Stream the body of an answer; returns its bytes and whether it ended before the connection did."""
        if is_head or answer.status in (204, 304):
            return 0, True
        if "chunked" in answer.get("transfer-encoding").lower():
            return self._server.pass_chunks(self._client), True
        if length := answer.get("content-length"):
            return self._server.pass_bytes(self._client, int(length)), True
        return self._server.pass_rest(self._client), False


class _Head:
    """The lines before a body, as they came, and the headers by lower-case name."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self._words = first.split(" ", 2)
        if len(self._words) < 2:
            raise _Ended
        self._headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }

    @property
    def method(self) -> str:
        """Of a request."""
        return self._words[0]

    @property
    def target(self) -> str:
        """Of a request: path and query."""
        return self._words[1]

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self._words[1])

    def get(self, name: str) -> str:
        """The value of a header, empty if it is not there."""
        return self._headers.get(name, "")

    def without(self, name: str) -> bytes:
        """The head without one header."""
        lines = self.raw.removesuffix(_HEAD_END).split(_LINE_END)
        kept = [line for line in lines if line.partition(b":")[0].strip().lower() != name.encode("latin-1")]
        return _LINE_END.join(kept) + _HEAD_END


class _Stream:
    """A socket with the bytes that were read too far."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._buffer = bytearray(_BUFFER_BYTES)
        self.sent_s = 0.0

    def send(self, data: bytes | memoryview) -> None:
        """Write all of it; `sent_s` is when that began."""
        if data:
            self.sent_s = time.monotonic()
            self._socket.sendall(data)

    def read_until(self, mark: bytes) -> bytes:
        """The bytes up to and including `mark`. Raises _Ended if they do not come."""
        while (end := self._rest.find(mark)) < 0:
            more = self._socket.recv(_BUFFER_BYTES)
            if not more or len(self._rest) > _MAX_HEAD_BYTES:
                raise _Ended
            self._rest += more
        end += len(mark)
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    def pass_bytes(self, target: "_Stream", count: int) -> int:
        """Send the next `count` bytes to `target`; returns `count`."""
        first = self._rest[:count]
        self._rest = self._rest[len(first) :]
        target.send(first)
        left = count - len(first)
        view = memoryview(self._buffer)
        while left:
            received = self._socket.recv_into(view[: min(left, _BUFFER_BYTES)])
            if not received:
                raise _Ended
            target.send(view[:received])
            left -= received
        return count

    def pass_chunks(self, target: "_Stream") -> int:
        """Send a body in chunked coding on as it is; returns the bytes of its chunks."""
        total = 0
        while True:
            line = self.read_until(_LINE_END)
            size = int(line.partition(b";")[0], 16)
            target.send(line)
            if size == 0:
                break
            total += size
            self.pass_bytes(target, size + len(_LINE_END))
        while True:
            line = self.read_until(_LINE_END)
            target.send(line)
            if line == _LINE_END:
                return total

    def pass_rest(self, target: "_Stream") -> int:
        """Send everything up to the end of the connection; returns its bytes."""
        total = len(self._rest)
        target.send(self._rest)
        self._rest = b""
        while data := self._socket.recv(_BUFFER_BYTES):
            target.send(data)
            total += len(data)
        return total
