"""A folder that is read, and nothing of it changed: what is written or removed shows in a second folder only.

Owns which of the two an object is read from. For commands that rehearse; nothing in it is durable.
"""

import heapq
import os
from collections.abc import Iterator
from itertools import groupby

from dvx.backends.backend import ObjectStat, already_exists, not_found
from dvx.backends.folder import FolderBackend
from dvx.core.progress import ByteListener


class OverlayBackend:
    """A Backend over the folder `below`, which is left alone, with changes in the folder `above`."""

    is_local = True

    def __init__(self, below: str, above: str) -> None:
        self._below = FolderBackend(below)
        self._above = FolderBackend(above, durable=False)
        self._removed: set[str] = set()

    @property
    def location(self) -> str:
        """The folder that is read."""
        return self._below.location

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data` in the upper folder."""
        if if_absent and self.stat(key) is not None:
            raise already_exists(key, self.location)
        self._above.put(key, data, if_absent=if_absent)
        self._removed.discard(key)

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Store a file in the upper folder."""
        self._above.put_file(key, path, consume=consume, on_bytes=on_bytes)
        self._removed.discard(key)

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """The whole object."""
        return self._holder(key).get(key, max_bytes=max_bytes)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """A part of the object."""
        return self._holder(key).get_range(key, offset, length)

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """The end of the object."""
        return self._holder(key).get_tail(key, length)

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Copy the object to a file."""
        self._holder(key).download(key, path, size=size, on_bytes=on_bytes)

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Copy a part of the object to its place in a file."""
        self._holder(key).download_range(key, path, offset=offset, length=length, on_bytes=on_bytes)

    def local_path(self, key: str) -> str | None:
        """The file that is the object."""
        return (self._above if self._is_above(key) else self._below).local_path(key)

    def stat(self, key: str) -> ObjectStat | None:
        """What is known about the object."""
        if key in self._removed:
            return None
        return self._above.stat(key) or self._below.stat(key)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """The objects of both folders, each once."""
        parts = (place.list(prefix, start_after=start_after) for place in (self._above, self._below))
        merged = heapq.merge(*parts, key=lambda found: found.key)
        for key, found in groupby(merged, key=lambda found: found.key):
            if key not in self._removed:
                yield next(found)

    def delete(self, key: str) -> None:
        """Hide the object."""
        self._above.delete(key)
        self._removed.add(key)

    def close(self) -> None:
        """Release what is open."""
        self._above.close()
        self._below.close()

    def _is_above(self, key: str) -> bool:
        path = self._above.local_path(key)
        return path is not None and os.path.exists(path)

    def _holder(self, key: str) -> FolderBackend:
        if key in self._removed:
            raise not_found(key, self.location)
        return self._above if self._is_above(key) else self._below
