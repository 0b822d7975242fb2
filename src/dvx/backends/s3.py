"""A backend in a bucket of S3 or of a server that speaks its protocol.

Owns the requests. Must not use s3transfer (its CRT path ignores `endpoint_url`) and must not retry: one
attempt per call, and RetryingBackend round it. Objects are sent with a single PUT, so they are atomic and
bounded by 5 GB; packs are far smaller.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, Final

from dvx.backends.backend import (
    ObjectNotFound,
    ObjectStat,
    TransientBackendError,
    already_exists,
    check_key,
    check_prefix,
    check_range,
    is_key,
    short_read,
    too_large,
    wrong_size,
)
from dvx.backends.s3_client import S3Options, content_md5, make_client
from dvx.backends.s3_errors import PreconditionFailed, RangeNotSatisfiable, bad_answer, client_errors
from dvx.backends.s3_read import Body, parse_body, read_body
from dvx.backends.s3_streams import UploadBody
from dvx.core.errors import BackendError
from dvx.core.progress import ByteListener, PassedBytes, counting
from dvx.disk.atomic import disk_errors

MAX_PUT_BYTES: Final = 5 * 10**9
# Key, size in bytes, and time of each object of one answer.
_Page = list[tuple[str, int, float | None]]


class S3Backend:
    """A Backend in a bucket; the client is built by the constructor, in the thread that calls it.

    Credentials come from the standard AWS chain at the first request.
    """

    def __init__(self, options: S3Options) -> None:
        self.location = options.location
        self.is_local = False
        self._options = options
        self._client = make_client(options)
        self._base = f"{options.prefix}/" if options.prefix else ""
        self._put_options = _put_options(options)
        self._page_keys = 1000  # the most that S3 gives

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        """Store `data`; create-once needs a server that honours If-None-Match. See Backend.put."""
        conditions = {"IfNoneMatch": "*"} if if_absent else {}
        try:
            self._put(key, data, size=len(data), conditions=conditions)
        except PreconditionFailed as error:
            raise already_exists(key, self.location) from error

    def put_file(
        self, key: str, path: str, *, consume: bool = False, on_bytes: ByteListener | None = None
    ) -> None:
        """Upload a file; see Backend.put_file."""
        with disk_errors(path, "read"):
            file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below, outside the translation
        with file:
            size = os.fstat(file.fileno()).st_size
            with counting(on_bytes, size=size) as passed:
                self._put(key, UploadBody(file, size, passed=passed), size=size, conditions={})
        if consume:
            with disk_errors(path, "remove"):
                os.unlink(path)

    def get(self, key: str, *, max_bytes: int) -> bytes:
        """Return the whole object; see Backend.get."""
        body = self._open(key)
        if body.size > max_bytes:
            body.stream.close()
            raise too_large(key, size=body.size, max_bytes=max_bytes)
        return self._collect(key, body, start=0, length=body.size)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly the range; see Backend.get_range."""
        check_range(key, offset=offset, length=length)
        if length == 0:
            self._check_end(key, offset=offset, length=0)
            return b""
        return self._collect(key, self._open_range(key, offset, length), start=offset, length=length)

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """Return the last bytes and the size, with one request; see Backend.get_tail."""
        check_range(key, offset=0, length=length)
        if length == 0:
            return b"", self._size(key)
        try:
            body = self._open(key, span=f"bytes=-{length}")
        except RangeNotSatisfiable:
            # The object is empty, or smaller than `length`, which some servers refuse.
            size = self._size(key)
            wanted = min(length, size)
            return self.get_range(key, size - wanted, wanted), size
        start = max(0, body.size - length)
        if body.offset != start:
            # The server does not know ranges that count from the end.
            body.stream.close()
            return self.get_range(key, start, body.size - start), body.size
        return self._collect(key, body, start=start, length=body.size - start), body.size

    def download(self, key: str, path: str, *, size: int, on_bytes: ByteListener | None = None) -> None:
        """Write the object to a new file; see Backend.download."""
        body = self._open(key)
        if body.size != size:
            body.stream.close()
            raise wrong_size(key, size=body.size, expected=size)
        passed = PassedBytes(on_bytes)
        with (
            _kept_if_transient(path, passed=passed),
            disk_errors(path, "write"),
            open(path, "wb") as file,
        ):
            self._read(key, body, start=0, length=size, write=_told(file.write, passed))

    def download_range(
        self, key: str, path: str, *, offset: int, length: int, on_bytes: ByteListener | None = None
    ) -> None:
        """Write a range to its place in a file; see Backend.download_range."""
        check_range(key, offset=offset, length=length)
        if length == 0:
            self._check_end(key, offset=offset, length=0)
            return
        body = self._open_range(key, offset, length)
        with (
            counting(on_bytes, size=length) as passed,
            disk_errors(path, "write"),
            open(path, "r+b") as file,
        ):
            file.seek(offset)
            self._read(key, body, start=offset, length=length, write=_told(file.write, passed))

    def local_path(self, key: str) -> str | None:  # noqa: ARG002
        """Return None: objects are no files here; see Backend.local_path."""
        return None

    def stat(self, key: str) -> ObjectStat | None:
        """Return size and time, or None; see Backend.stat."""
        try:
            with self._errors(key):
                answer = self._client.head_object(**self._object(key))
                return ObjectStat(key, self._length(answer), _seconds(answer.get("LastModified")))
        except ObjectNotFound:
            return None

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        """Yield objects by key, up to 1 000 with each request; see Backend.list.

        Raises BackendError (`unsorted-list`) for a server that does not list in order.
        """
        check_prefix(prefix)
        last = start_after
        for page in self._pages(prefix, start_after=start_after):
            for key, size, modified_s in page:
                if not is_key(key) or not key.startswith(prefix) or key <= start_after:
                    continue
                if key <= last:
                    raise BackendError(f"{self.location} lists keys out of order", kind="unsorted-list")
                last = key
                yield ObjectStat(key, size, modified_s)

    def delete(self, key: str) -> None:
        """Remove the object if there is one; see Backend.delete."""
        with suppress(ObjectNotFound), self._errors(key):
            self._client.delete_object(**self._object(key))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _put(self, key: str, body: bytes | UploadBody, *, size: int, conditions: dict[str, str]) -> None:
        if size > MAX_PUT_BYTES:
            raise BackendError(f"`{key}` has {size} bytes, more than a single PUT may have", kind="too-large")
        request = (
            self._object(key)
            | self._put_options
            | conditions
            | content_md5(self._client, body, checksum=self._options.checksum)
        )
        with self._errors(key):
            self._client.put_object(Body=body, ContentLength=size, **request)

    def _open(self, key: str, *, span: str | None = None, etag: str | None = None) -> Body:
        request = self._object(key)
        if span is not None:
            request["Range"] = span
        if etag is not None:
            request["IfMatch"] = etag
        with self._errors(key):
            return parse_body(self._client.get_object(**request), location=self.location)

    def _open_range(self, key: str, offset: int, length: int) -> Body:
        """The answer for a range that is not empty; it may hold more than that."""
        try:
            body = self._open(key, span=f"bytes={offset}-{offset + length - 1}")
        except RangeNotSatisfiable as error:
            self._check_end(key, offset=offset, length=length)
            raise BackendError(
                f"{self.location} refuses a range that `{key}` has", kind="bad-answer"
            ) from error
        if offset + length > body.size:
            body.stream.close()
            raise short_read(key, offset=offset, length=length, size=body.size)
        return body

    def _collect(self, key: str, body: Body, *, start: int, length: int) -> bytes:
        # Grows with what arrives, and gives its memory away without a copy.
        collected = BytesIO()
        self._read(key, body, start=start, length=length, write=collected.write)
        return collected.getvalue()

    def _read(self, key: str, body: Body, *, start: int, length: int, write: Any) -> None:
        from botocore.exceptions import BotoCoreError  # loaded with the client, never before it

        end = start + length

        def reopen(offset: int, etag: str | None) -> Body:
            try:
                return self._open(key, span=f"bytes={offset}-{end - 1}", etag=etag)
            except PreconditionFailed as error:
                raise BackendError(f"`{key}` was replaced while it was read", kind="changed") from error

        read_body(body, start=start, length=length, write=write, reopen=reopen, failures=(BotoCoreError,))

    def _pages(self, prefix: str, *, start_after: str) -> Iterator[_Page]:
        """The objects, one answer after the other."""
        request: dict[str, Any] = {"Bucket": self._options.bucket, "Prefix": self._base + prefix}
        request["MaxKeys"] = self._page_keys
        if start_after:
            request["StartAfter"] = self._base + start_after
        while True:
            with self._errors(None):
                answer = self._client.list_objects_v2(**request)
                page = [self._listed(item) for item in answer.get("Contents", ())]
            yield page
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token == request.get("ContinuationToken"):
                raise BackendError(
                    f"{self.location} cuts a listing without a way to go on", kind="bad-answer"
                )
            request["ContinuationToken"] = token

    def _check_end(self, key: str, *, offset: int, length: int) -> None:
        size = self._size(key)
        if offset + length > size:
            raise short_read(key, offset=offset, length=length, size=size)

    def _size(self, key: str) -> int:
        with self._errors(key):
            return self._length(self._client.head_object(**self._object(key)))

    def _listed(self, item: dict[str, Any]) -> tuple[str, int, float | None]:
        if int(item["Size"]) < 0:
            raise bad_answer(self.location, f"an object of {item['Size']} bytes")
        return str(item["Key"])[len(self._base) :], int(item["Size"]), _seconds(item.get("LastModified"))

    def _length(self, answer: dict[str, Any]) -> int:
        size = answer.get("ContentLength")
        if size is None or int(size) < 0:
            raise bad_answer(self.location, f"an object of {size} bytes")
        return int(size)

    def _object(self, key: str) -> dict[str, str]:
        check_key(key)
        return {"Bucket": self._options.bucket, "Key": self._base + key}

    def _errors(self, key: str | None) -> Any:
        return client_errors(self.location, key)


def _put_options(options: S3Options) -> dict[str, str]:
    named = {
        "StorageClass": options.storage_class,
        "ServerSideEncryption": options.sse,
        "SSEKMSKeyId": options.sse_kms_key_id,
    }
    return {name: value for name, value in named.items() if value is not None}


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())


def _told(
    write: Callable[[bytes | memoryview], object], passed: PassedBytes
) -> Callable[[bytes | memoryview], None]:
    def write_and_tell(data: bytes | memoryview) -> None:
        write(data)
        passed.add(len(data))

    return write_and_tell


@contextmanager
def _kept_if_transient(path: str, *, passed: PassedBytes) -> Iterator[None]:
    """Remove `path` when the block fails for good; after a passing failure the caller goes on from it."""
    try:
        yield
    except TransientBackendError:
        raise
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        passed.reach(0)
        raise
