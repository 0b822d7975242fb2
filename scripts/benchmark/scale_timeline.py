"""What the requests of a pull were, and how many of them waited for each other.

Owns the classification of requests by what they ask of a store. Must not make requests.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from benchmark.delay import ProxiedRequest
from benchmark.scale_place import read_pack_kind
from dvx.formats.layout import parse_pack_key
from dvx.formats.pack import HEADER_BYTES, KIND_DATA, TRAILER_BYTES, parse_trailer

_PACK_KEY: Final = re.compile(r"packs/[0-9a-f]{2}/[0-9a-f]{32}$")
_RECORD_KEY: Final = re.compile(r"roots/[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{32}$")
_MARKER_NAME: Final = "dvx-store.json"
_SPAN: Final = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Timeline:
    """The requests of one command.

    `kinds` counts LIST, HEAD, GET and others; `rounds_before_data` is the longest chain of requests, each sent after
    the one before had ended, that ended before the first request for frames of a data pack was sent;
    `before_data` says what was asked by then; `first_data_s` is when the first frame arrived, counted from the
    first request.
    """

    requests: int
    kinds: dict[str, int]
    rounds_before_data: int
    before_data: str
    first_data_s: float
    received_bytes: int


class RemotePacks:
    """The packs of a store in a folder: which are data, and where their indexes start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}

    def is_data(self, key: str, byte_range: str) -> bool:
        """Whether a GET of this pack asks for frames with data, not only for header, index and trailer."""
        kind, index_offset = self._look(key)
        if kind != KIND_DATA:
            return False
        if not byte_range:
            return True
        span = _SPAN.fullmatch(byte_range)
        # A range that counts from the end is how an index of unknown length is asked for.
        if span is None or int(span[1]) >= index_offset:
            return False
        return not span[2] or int(span[2]) >= HEADER_BYTES

    def is_pages(self, key: str) -> bool:
        """Whether this is a pack of manifest pages."""
        return self._look(key)[0] != KIND_DATA

    def _look(self, key: str) -> tuple[int, int]:
        if key not in self._known:
            path = self._folder / key
            with open(path, "rb") as file:
                size = path.stat().st_size
                file.seek(size - TRAILER_BYTES)
                trailer = parse_trailer(file.read(), pack_size=size)
            self._known[key] = read_pack_kind(path), trailer.index_offset
        return self._known[key]


def judge_requests(requests: Sequence[ProxiedRequest], packs: RemotePacks) -> Timeline:
    """Count requests, in order of their start, and find the chain before the first data."""
    first = next((request for request in requests if is_for_data(request, packs)), None)
    until_s = first.started_s if first else max((request.ended_s for request in requests), default=0.0)
    before = [request for request in requests if request.ended_s <= until_s and request is not first]
    asked = Counter(describe(request, packs) for request in before)
    return Timeline(
        requests=len(requests),
        kinds=dict(Counter(kind_of(request) for request in requests)),
        rounds_before_data=longest_chain(before),
        before_data=", ".join(f"{count} x {what}" if count > 1 else what for what, count in asked.items()),
        first_data_s=round(first.answered_s - requests[0].started_s, 4) if first else 0.0,
        received_bytes=sum(request.answer_bytes for request in requests),
    )


def longest_chain(requests: Iterable[ProxiedRequest]) -> int:
    """The most requests of which each started after the one before had ended (earliest end first)."""
    chain = 0
    free_s = float("-inf")
    for request in sorted(requests, key=lambda request: request.ended_s):
        if request.started_s >= free_s:
            chain += 1
            free_s = request.ended_s
    return chain


def kind_of(request: ProxiedRequest) -> str:
    """LIST for a listing, else the method."""
    query = urlsplit(request.target).query
    is_list = request.method == "GET" and ("list-type=" in query or "prefix=" in query)
    return "LIST" if is_list else request.method


def is_for_data(request: ProxiedRequest, packs: RemotePacks) -> bool:
    """Whether the request is a GET for frames of a data pack."""
    key = _pack_key(request)
    return kind_of(request) == "GET" and key is not None and packs.is_data(key, request.byte_range)


def describe(request: ProxiedRequest, packs: RemotePacks) -> str:
    """What a request asks for, in words."""
    kind = kind_of(request)
    path = unquote(urlsplit(request.target).path)
    if kind == "LIST":
        return "LIST"
    if path.endswith(_MARKER_NAME):
        return f"{kind} marker"
    if _RECORD_KEY.search(path):
        return f"{kind} record"
    key = _pack_key(request)
    if key is None:
        return f"{kind} other"
    if packs.is_pages(key):
        return f"{kind} pages"
    return f"{kind} data" if packs.is_data(key, request.byte_range) else f"{kind} index of data"


def _pack_key(request: ProxiedRequest) -> str | None:
    match = _PACK_KEY.search(unquote(urlsplit(request.target).path))
    return match[0] if match and parse_pack_key(match[0]) is not None else None
