"""Reading bodies of S3 objects: what an answer holds, and going on where a body broke.

Owns the interpretation of Content-Range and the resume loop. Must not make requests itself: it is given a
function that does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dvx.backends.backend import TransientBackendError
from dvx.backends.s3_streams import BUFFER_BYTES, BodyStream, BrokenBodyError, open_stream
from dvx.core.errors import BackendError

# A body that breaks this often without a byte in between is left to the retry with its delays.
_MAX_STALLS: Final = 3
_MAX_RESUMES: Final = 64
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


@dataclass(frozen=True, slots=True)
class Body:
    """An answer to GET: `stream` begins at byte `offset` of an object of `size` bytes."""

    stream: BodyStream
    offset: int
    size: int
    etag: str | None


def parse_body(answer: Mapping[str, Any], *, location: str) -> Body:
    """Read the answer to get_object. Raises BackendError (`bad-answer`) if it names no size.

    The header Content-Range decides whether the body is a part, not the status: some servers send a part with
    status 200, others ignore Range and send the whole object.
    """
    stream = open_stream(answer["Body"])
    etag = answer.get("ETag")
    content_range = answer.get("ContentRange")
    if content_range is None:
        size = answer.get("ContentLength")
        offset = 0
    else:
        match = _CONTENT_RANGE.fullmatch(str(content_range).strip())
        size = int(match[3]) if match else None
        offset = int(match[1]) if match else 0
    if not isinstance(size, int) or size < 0:
        stream.close()
        raise BackendError(f"{location} answered without saying how large the object is", kind="bad-answer")
    return Body(stream, offset, size, str(etag) if etag else None)


def read_body(
    first: Body,
    *,
    start: int,
    length: int,
    write: Callable[[bytes | memoryview], object],
    reopen: Callable[[int, str | None], Body],
    failures: tuple[type[Exception], ...],
) -> None:
    """Pass exactly `length` bytes from byte `start` of the object to `write`, in order.

    What `write` is given is valid during the call only. The caller has checked that the object has the bytes. A
    body that ends early is continued with `reopen(offset, etag)`; `failures` are exceptions that mean a broken body
    besides BrokenBodyError. Raises TransientBackendError when three bodies in a row gave nothing.
    """
    body = first
    done = 0
    stalls = 0
    for _ in range(_MAX_RESUMES):
        got, failure = _drain(body, start + done, length - done, write, failures)
        done += got
        if done == length:
            return
        stalls = 0 if got else stalls + 1
        if stalls >= _MAX_STALLS:
            break
        body = reopen(start + done, body.etag)
    raise TransientBackendError(f"bodies kept breaking, {done} of {length} bytes arrived") from failure


def _drain(
    body: Body,
    start: int,
    length: int,
    write: Callable[[bytes | memoryview], object],
    failures: tuple[type[Exception], ...],
) -> tuple[int, Exception | None]:
    """Write what `body` gives of the range; return how many bytes and what broke it."""
    broken: tuple[type[Exception], ...] = (BrokenBodyError, *failures)
    skip = start - body.offset
    done = 0
    if skip < 0:
        body.stream.close()
        return 0, None
    try:
        while done < length:
            try:
                part = body.stream.read(min(BUFFER_BYTES, skip + length - done))
            except broken as error:
                return done, error
            if not part:
                break
            useful = part[skip:] if skip else part
            skip -= len(part) - len(useful)
            write(useful)
            done += len(useful)
        return done, None
    finally:
        body.stream.close()
