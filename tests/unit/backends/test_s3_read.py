"""Bodies of S3 answers: ranges, whole objects in place of ranges, and bodies that break."""

from collections.abc import Callable
from typing import Any

import pytest

from dvx.backends.backend import TransientBackendError
from dvx.backends.s3_read import Body, parse_body, read_body
from dvx.core.errors import BackendError

CONTENT = bytes(range(256)) * 40


class BrokenBodyError(Exception):
    pass


class Stream:
    """A body that gives `data` and then ends, or breaks when `is_broken`."""

    def __init__(self, data: bytes, *, is_broken: bool = False) -> None:
        self.data = data
        self.is_broken = is_broken
        self.is_closed = False

    def read(self, amt: int) -> bytes:
        part, self.data = self.data[: min(amt, 1000)], self.data[min(amt, 1000) :]
        if not part and self.is_broken:
            raise BrokenBodyError
        return part

    def close(self) -> None:
        self.is_closed = True


def answer(stream: Stream, **headers: Any) -> dict[str, Any]:
    return {"Body": stream, "ETag": '"tag"', **headers}


def test_content_range_gives_offset_and_size_whatever_the_status() -> None:
    body = parse_body(answer(Stream(b""), ContentRange="bytes 10-19/300", ContentLength=10), location="x")
    assert (body.offset, body.size, body.etag) == (10, 300, '"tag"')


def test_answer_without_content_range_is_the_whole_object() -> None:
    body = parse_body(answer(Stream(b""), ContentLength=300), location="x")
    assert (body.offset, body.size) == (0, 300)


@pytest.mark.parametrize("headers", [{}, {"ContentRange": "bytes 1-2/*"}, {"ContentRange": "items 1-2/3"}])
def test_answer_without_a_size_is_refused_and_closed(headers: dict[str, Any]) -> None:
    stream = Stream(b"")
    with pytest.raises(BackendError) as caught:
        parse_body(answer(stream, **headers), location="x")
    assert caught.value.kind == "bad-answer"
    assert stream.is_closed


def read(
    first: Stream,
    *,
    start: int,
    length: int,
    offset: int = 0,
    reopen: Callable[[int, str | None], Body] | None = None,
) -> bytes:
    parts: list[bytes] = []

    def never(offset: int, etag: str | None) -> Body:
        raise AssertionError(f"reopened at {offset}")

    read_body(
        Body(first, offset, len(CONTENT), '"tag"'),
        start=start,
        length=length,
        write=parts.append,
        reopen=reopen or never,
        failures=(BrokenBodyError,),
    )
    return b"".join(parts)


def test_whole_object_in_place_of_a_range_is_skipped_and_cut() -> None:
    stream = Stream(CONTENT)
    assert read(stream, start=2500, length=3000) == CONTENT[2500:5500]
    assert stream.is_closed


def test_broken_body_goes_on_at_the_first_missing_byte_of_the_same_object() -> None:
    asked: list[tuple[int, str | None]] = []

    def reopen(offset: int, etag: str | None) -> Body:
        asked.append((offset, etag))
        return Body(Stream(CONTENT[offset : offset + 1500], is_broken=True), offset, len(CONTENT), '"tag"')

    first = Stream(CONTENT[100:1700], is_broken=True)
    assert read(first, start=100, length=5000, offset=100, reopen=reopen) == CONTENT[100:5100]
    assert asked == [(1700, '"tag"'), (3200, '"tag"'), (4700, '"tag"')]


def test_body_that_ends_early_without_an_error_goes_on_too() -> None:
    def reopen(offset: int, etag: str | None) -> Body:
        return Body(Stream(CONTENT[offset:]), offset, len(CONTENT), None)

    assert read(Stream(CONTENT[:10]), start=0, length=len(CONTENT), reopen=reopen) == CONTENT


def test_resumed_body_that_begins_with_the_whole_object_is_skipped() -> None:
    def reopen(offset: int, etag: str | None) -> Body:
        return Body(Stream(CONTENT), 0, len(CONTENT), None)

    assert read(Stream(CONTENT[:10]), start=0, length=len(CONTENT), reopen=reopen) == CONTENT


@pytest.mark.parametrize("later_offset", [0, 5000])
def test_bodies_that_give_nothing_end_in_a_passing_failure(later_offset: int) -> None:
    asked: list[int] = []

    def reopen(offset: int, etag: str | None) -> Body:
        asked.append(offset)
        return Body(Stream(b"", is_broken=True), later_offset, len(CONTENT), None)

    with pytest.raises(TransientBackendError, match="10 of 100 bytes"):
        read(Stream(CONTENT[:10], is_broken=True), start=0, length=100, reopen=reopen)
    assert asked == [10, 10, 10]
