"""A pack on its way from a remote: a temporary file that fills piece by piece, read before it is complete.

Owns the pieces, the temporary file and the count of what was verified. Must not give the pack a name in a store:
that is done by dvx.store.arrivals, once every frame was verified.
"""

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from typing import Final

from dvx.backends.backend import Backend
from dvx.core.errors import FormatError, LocalDiskError, UnsupportedVersion
from dvx.core.progress import ByteListener
from dvx.disk.atomic import disk_errors
from dvx.formats.layout import pack_key
from dvx.formats.pack import HEADER_BYTES, TRAILER_BYTES, PackEntry, PackIndex, parse_index, parse_trailer
from dvx.store.damage import damaged_pack
from dvx.store.pack_writer import random_name
from dvx.store.store import Store

# 16 MiB: a 64 MiB pack takes five requests, and the first decoded bytes do not wait for the whole of it.
PIECE_BYTES: Final = 16 * 1024 * 1024
# The index of 5 400 chunks. It is asked for first: without it no frame can be decoded.
_TAIL_BYTES: Final = 256 * 1024


class ArrivingPack:
    """One pack being downloaded. Thread-safe; `discard` must be called at the end."""

    def __init__(
        self, source: Store, name: bytes, size: int, *, folder: str, on_bytes: ByteListener | None = None
    ) -> None:
        """`size` is what a placement record says; a pack of another size is reported by the first reader.

        `on_bytes` is told of bytes as they arrive, from the threads that receive them.
        """
        self._on_bytes = on_bytes
        self.name = name
        self.size = size
        self.path = os.path.join(folder, f"{random_name().hex()}.copy")
        self._source = source
        self._pieces: list[tuple[int, int, Future[None]]] | None = None
        self._lock = threading.Lock()
        self._index: PackIndex | None = None
        self._count = 0
        self._verified: set[int] = set()
        self.is_stored = False

    def start(self, pool: Executor) -> None:
        """Ask for all pieces, in the order in which a reader wants them; to be called once, before any reader."""
        backend = self._source.backend
        if backend.is_local:
            self._pieces = [(0, self.size, pool.submit(self._copy, backend))]
            return
        with disk_errors(self.path, "write a pack to"), open(self.path, "xb") as file:
            file.truncate(self.size)
        self._pieces = [
            (start, end, pool.submit(self._download, backend, start, end))
            for start, end in plan_pieces(self.size)
        ]

    def _copy(self, backend: Backend) -> None:
        backend.download(pack_key(self.name), self.path, size=self.size, on_bytes=self._on_bytes)

    def _download(self, backend: Backend, start: int, end: int) -> None:
        backend.download_range(
            pack_key(self.name), self.path, offset=start, length=end - start, on_bytes=self._on_bytes
        )

    def wait(self) -> None:
        """Wait until all of the pack is here. Raises what a download raised."""
        self._wait_for(0, self.size)

    def _wait_for(self, start: int, end: int) -> None:
        assert self._pieces is not None, "a pack is started before anybody reads it"
        for piece_start, piece_end, future in self._pieces:
            if piece_start < end and start < piece_end:
                future.result()

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the pack, once they are here; not verified. Raises FileNotFoundError once the file has moved."""
        self._wait_for(offset, offset + length)
        try:
            with disk_errors(self.path, "read"), open(self.path, "rb", buffering=0) as file:
                file.seek(offset)
                return file.read(length)
        except LocalDiskError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise error.__cause__ from None
            raise

    def index(self) -> PackIndex:
        """The checked index, from the pack's own end. Raises DamagedPack, and FileNotFoundError as `read` does."""
        with self._lock:
            if self._index is None:
                self._index = self._read_index()
                self._count = len(self._index.entries)
            return self._index

    def _read_index(self) -> PackIndex:
        try:
            trailer = parse_trailer(self.read(self.size - TRAILER_BYTES, TRAILER_BYTES), pack_size=self.size)
            index_bytes = self.read(trailer.index_offset, trailer.index_length)
            return parse_index(self.read(0, HEADER_BYTES), index_bytes, trailer)
        except UnsupportedVersion:
            raise
        except FormatError as error:
            raise damaged_pack(self._source, self.name) from error

    def note_verified(self, entries: Iterable[PackEntry]) -> bool:
        """Remember frames that were compared with their ids; True for the call that completes the pack."""
        with self._lock:
            before = len(self._verified)
            self._verified.update(entry.offset for entry in entries)
            return before < len(self._verified) == self._count

    def unverified(self) -> list[PackEntry]:
        """The frames that nobody has compared with their ids yet."""
        entries = self.index().entries
        with self._lock:
            return [entry for entry in entries if entry.offset not in self._verified]

    def forget(self) -> None:
        """The pack is in a store now: keep nothing of it. Who reads it a moment later gets FileNotFoundError."""
        self.is_stored = True
        with self._lock:
            self._verified = set()
            self._index = None
            self._pieces = []

    def discard(self) -> None:
        """Ask for no further piece, wait for those under way, and remove the file if it is still here."""
        pieces = self._pieces or []
        for _, _, future in pieces:
            future.cancel()
        for _, _, future in pieces:
            if not future.cancelled():
                future.exception()
        if os.path.exists(self.path):
            os.unlink(self.path)


def plan_pieces(size: int) -> list[tuple[int, int]]:
    """The (start, end) of the requests for a pack, the end of the pack with its index first."""
    if size <= PIECE_BYTES:
        return [(0, size)]
    tail = size - _TAIL_BYTES
    count = -(-tail // PIECE_BYTES)
    starts = [tail * number // count for number in range(count)]
    return [(tail, size), *zip(starts, [*starts[1:], tail], strict=True)]
