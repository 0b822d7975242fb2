"""A backend in memory, for tests and for plans that are never written.

Owns nothing but a dictionary. Must behave like the folder and S3 backends in everything the contract names.
"""

import os
import threading
import time
from collections.abc import Iterator

from dvx.backends.backend import (
    ObjectStat,
    already_exists,
    check_key,
    check_prefix,
    check_range,
    not_found,
    short_read,
    too_large,
    wrong_size,
)
from dvx.core.progress import ByteListener
from dvx.disk.atomic import disk_errors


class MemoryBackend:
    """A Backend that forgets everything when the process ends."""

    def __init__(self, name: str = "memory") -> None:
        self.location = name
        self.is_local = True
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[bytes, float]] = {}

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data`; see Backend.put."""
        check_key(key)
        with self._lock:
            if if_absent and key in self._objects:
                raise already_exists(key, self.location)
            self._objects[key] = (bytes(data), time.time())

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Store the content of a file; see Backend.put_file."""
        check_key(key)
        with disk_errors(path, "read"), open(path, "rb") as file:
            data = file.read()
        self.put(key, data)
        if consume:
            with disk_errors(path, "remove"):
                os.unlink(path)
        if on_bytes is not None:
            on_bytes(len(data))

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Return the whole object; see Backend.get."""
        data = self._content(key)
        if len(data) > max_bytes:
            raise too_large(key, size=len(data), max_bytes=max_bytes)
        return data

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly the range; see Backend.get_range."""
        check_range(key, offset=offset, length=length)
        data = self._content(key)
        if offset + length > len(data):
            raise short_read(key, offset=offset, length=length, size=len(data))
        return data[offset : offset + length]

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size; see Backend.get_tail."""
        check_range(key, offset=0, length=length)
        data = self._content(key)
        return data[max(0, len(data) - length) :], len(data)

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Write the object to a new file; see Backend.download."""
        data = self._content(key)
        if len(data) != size:
            raise wrong_size(key, size=len(data), expected=size)
        with disk_errors(path, "write"), open(path, "wb") as file:
            file.write(data)
        if on_bytes is not None:
            on_bytes(size)

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Write a range to its place in a file; see Backend.download_range."""
        data = self.get_range(key, offset, length)
        with disk_errors(path, "write"), open(path, "r+b") as file:
            file.seek(offset)
            file.write(data)
        if on_bytes is not None:
            on_bytes(length)

    def local_path(self, key: str) -> str | None:  # noqa: ARG002
        """Return None: objects are no files here; see Backend.local_path."""
        return None

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None; see Backend.stat."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        return None if found is None else ObjectStat(key, len(found[0]), found[1])

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """Yield objects by key; see Backend.list."""
        check_prefix(prefix)
        with self._lock:
            found = [
                ObjectStat(key, len(data), modified_s)
                for key, (data, modified_s) in self._objects.items()
                if key.startswith(prefix) and key > start_after
            ]
        return iter(sorted(found, key=lambda stat: stat.key))

    def delete(self, key: str) -> None:
        """Remove the object if there is one; see Backend.delete."""
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _content(self, key: str) -> bytes:
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise not_found(key, self.location)
        return found[0]
