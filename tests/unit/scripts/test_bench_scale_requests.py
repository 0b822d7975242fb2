"""The delaying proxy, the timeline of requests, and the layout of a root in a store."""

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from benchmark.delay import ProxiedRequest, start_delay_proxy  # noqa: E402 - found through the lines above
from benchmark.scale_fragments import count_ranges, measure_layout, split_windows  # noqa: E402
from benchmark.scale_timeline import RemotePacks, describe, judge_requests, kind_of, longest_chain  # noqa: E402

from dvx.formats.pack import PackHeader  # noqa: E402
from dvx.formats.placement import PackRef, Placement, Run  # noqa: E402
from dvx.store.pack_writer import PackWriter  # noqa: E402
from dvx.testing.shell import HANG_S  # noqa: E402

MIB = 1 << 20
BODY = bytes(range(256)) * 4096


class Handler(BaseHTTPRequestHandler):
    """Answers with a length, in chunks, or by closing; a PUT gets its own body back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(BODY), 100_000):
                piece = BODY[start : start + 100_000]
                self.wfile.write(b"%x;name=value\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/close":
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(BODY)
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(BODY)))
            self.send_header("X-Host", self.headers["Host"])
            self.end_headers()
            self.wfile.write(BODY)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_DELETE(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def connected(endpoint: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=HANG_S)
    try:
        yield connection
    finally:
        connection.close()


def test_every_kind_of_answer_passes_through_one_open_connection() -> None:
    with origin() as upstream, start_delay_proxy(upstream) as proxy, connected(proxy.endpoint) as connection:
        for method, target, body, answer in (
            ("GET", "/plain", None, BODY),
            ("GET", "/chunked", None, BODY),
            ("HEAD", "/plain", None, b""),
            ("PUT", "/put", b"x" * 700_000, b"x" * 700_000),
            ("DELETE", "/gone", None, b""),
            ("GET", "/plain?again=1", None, BODY),
        ):
            connection.request(method, target, body=body)
            assert connection.getresponse().read() == answer
        requests = proxy.take_requests()
    assert [(r.method, r.target, r.status) for r in requests] == [
        ("GET", "/plain", 200), ("GET", "/chunked", 200), ("HEAD", "/plain", 200), ("PUT", "/put", 201),
        ("DELETE", "/gone", 204), ("GET", "/plain?again=1", 200),
    ]  # fmt: skip
    assert [r.answer_bytes for r in requests] == [len(BODY), len(BODY), 0, 700_000, 0, len(BODY)]


def test_answer_that_ends_with_its_connection_passes() -> None:
    with origin() as upstream, start_delay_proxy(upstream) as proxy, connected(proxy.endpoint) as connection:
        connection.request("GET", "/close")
        assert connection.getresponse().read() == BODY


def test_body_that_waits_for_a_continue_is_sent() -> None:
    with origin() as upstream, start_delay_proxy(upstream) as proxy, connected(proxy.endpoint) as connection:
        connection.putrequest("PUT", "/put")
        connection.putheader("Content-Length", "5")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        connection.send(b"later")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (201, b"later")


def test_host_and_range_of_the_client_are_kept() -> None:
    with origin() as upstream, start_delay_proxy(upstream) as proxy, connected(proxy.endpoint) as connection:
        connection.request("GET", "/plain", headers={"Range": "bytes=5-9"})
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["X-Host"] == urlsplit(proxy.endpoint).netloc
        assert proxy.take_requests()[0].byte_range == "bytes=5-9"


def test_each_request_waits_and_requests_on_other_connections_wait_at_the_same_time() -> None:
    connected_all = threading.Barrier(4)

    def ask() -> None:
        with connected(proxy.endpoint) as connection:
            connection.connect()
            connected_all.wait()
            for _ in range(2):
                connection.request("GET", "/plain")
                connection.getresponse().read()

    with origin() as upstream, start_delay_proxy(upstream, delay_s=0.5) as proxy:
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        requests = proxy.take_requests()
    assert len(requests) == 8
    assert all(r.answered_s - r.started_s >= 0.5 for r in requests)
    assert longest_chain(requests) == 2


def test_client_that_hangs_up_does_not_stop_the_proxy() -> None:
    with origin() as upstream, start_delay_proxy(upstream) as proxy:
        with connected(proxy.endpoint) as connection:
            connection.request("GET", "/plain")
        with connected(proxy.endpoint) as connection:
            connection.request("GET", "/plain")
            assert connection.getresponse().read() == BODY


def request(
    start: float, end: float, target: str = "/b/x", *, method: str = "GET", byte_range: str = ""
) -> ProxiedRequest:
    return ProxiedRequest(method, target, byte_range, 200, start, end, end, 10)


def test_longest_chain_counts_requests_that_follow_each_other() -> None:
    parallel = [request(0, 1), request(0.1, 1.1), request(0.2, 0.9)]
    assert longest_chain([]) == 0
    assert longest_chain(parallel) == 1
    assert longest_chain([*parallel, request(1.1, 2), request(2, 3)]) == 3


def make_pack(store: Path, kind: int, frames: int) -> str:
    """Write a pack with frames of 1 000 bytes below `store`; returns its key."""
    writer = PackWriter(str(store), PackHeader(kind, 1))
    for number in range(frames):
        writer.append(number.to_bytes(32, "big"), 0, bytes(1000), 1000)
    writer.seal()
    key = f"packs/{writer.name.hex()[:2]}/{writer.name.hex()}"
    (store / key).parent.mkdir(parents=True, exist_ok=True)
    Path(writer.path).rename(store / key)
    return key


def test_requests_are_told_apart_by_what_they_ask_for(tmp_path: Path) -> None:
    data, pages = make_pack(tmp_path, 1, 10), make_pack(tmp_path, 2, 3)
    packs = RemotePacks(tmp_path)
    record = f"/b/data/roots/ab/{'ab' * 32}/{'cd' * 16}"
    index_offset = 32 + 10 * 1012
    expected = {
        "LIST": request(0, 1, "/b?list-type=2&prefix=data%2Froots"),
        "GET marker": request(0, 1, "/b/data/dvx-store.json"),
        "GET record": request(0, 1, record),
        "GET pages": request(0, 1, f"/b/data/{pages}"),
        "HEAD data": request(0, 1, f"/b/data/{data}", method="HEAD"),
        "GET data": request(0, 1, f"/b/data/{data}", byte_range="bytes=32-1043"),
        "GET index of data": request(0, 1, f"/b/data/{data}", byte_range="bytes=-98304"),
        "GET other": request(0, 1, "/b/other"),
    }
    assert {describe(item, packs) for item in expected.values()} == set(expected)
    assert all(describe(item, packs) == name for name, item in expected.items())
    for header_or_index in ("bytes=0-31", f"bytes={index_offset}-{index_offset + 99}"):
        item = request(0, 1, f"/b/data/{data}", byte_range=header_or_index)
        assert describe(item, packs) == "GET index of data"
    assert kind_of(request(0, 1, "/b?prefix=x")) == "LIST"


def test_rounds_are_counted_up_to_the_first_data(tmp_path: Path) -> None:
    data = f"/b/data/{make_pack(tmp_path, 1, 10)}"
    requests = [
        request(0.0, 1.0, "/b/data/dvx-store.json"),
        request(1.0, 2.0, "/b?list-type=2"),
        request(2.0, 3.0, f"/b/data/roots/ab/{'ab' * 32}/{'cd' * 16}"),
        request(2.0, 3.0, data, byte_range="bytes=-98304"),
        request(3.0, 4.0, data),
        request(3.5, 9.0, data, byte_range="bytes=32-99"),
    ]
    timeline = judge_requests(requests, RemotePacks(tmp_path))
    assert timeline.rounds_before_data == 3
    assert timeline.before_data == "GET marker, LIST, GET record, GET index of data"
    assert (timeline.requests, timeline.kinds) == (6, {"GET": 5, "LIST": 1})
    assert timeline.first_data_s == 4.0
    assert timeline.received_bytes == 60


def test_command_without_requests_has_an_empty_timeline(tmp_path: Path) -> None:
    timeline = judge_requests([], RemotePacks(tmp_path))
    assert (timeline.requests, timeline.rounds_before_data, timeline.before_data) == (0, 0, "")


A, B = b"a" * 16, b"b" * 16


def test_windows_cut_runs_at_eight_mib_of_plain_bytes() -> None:
    windows = list(split_windows([Run(A, 32, 6 * MIB, 100, 12 * MIB), Run(B, 32, MIB, 10, 2 * MIB)]))
    assert windows == [
        [(A, 32, 32 + 4 * MIB)],
        [(A, 32 + 4 * MIB, 32 + 6 * MIB), (B, 32, 32 + MIB)],
    ]


@pytest.mark.parametrize(
    ("pieces", "ranges"),
    [
        ([(A, 0, 100)], 1),
        ([(A, 0, 100), (B, 0, 100)], 2),
        ([(A, 0, 100), (B, 0, 100), (A, 100 + MIB // 2, MIB)], 2),
        ([(A, 101 + MIB // 2, MIB), (A, 0, 100)], 2),
        ([(A, 0, MIB), (A, 10, 20), (A, MIB + 5, MIB + 9)], 1),
    ],
)
def test_ranges_of_a_window_are_merged_within_a_pack(
    pieces: list[tuple[bytes, int, int]], ranges: int
) -> None:
    assert count_ranges(pieces) == ranges


def test_layout_counts_runs_for_each_gib() -> None:
    runs = (Run(A, 32, MIB, 16, 1 << 29), Run(B, 32, MIB, 16, 1 << 29), Run(A, 2 * MIB, MIB, 16, 1 << 30))
    packs = (PackRef(A, 10 * MIB), PackRef(B, 10 * MIB))
    layout = measure_layout(Placement(bytes(32), "file", 1 << 31, packs, (), runs))
    assert (layout.runs, layout.packs, layout.runs_per_gib) == (3, 2, 1.5)
    assert layout.ranges == 64 + 64 + 128
