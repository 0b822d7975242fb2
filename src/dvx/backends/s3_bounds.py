"""How much of an answer is read before anybody asks for it: answers that say something, not bodies of objects.

Owns the bound. botocore reads such an answer, and the body of every error, to its end and into memory, whatever its
length; a listing of 1 000 keys has 2 MB.
"""

from typing import Any, Final

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
_FIRST_ERROR_STATUS: Final = 300


class AnswerTooLargeError(Exception):
    """A server went on sending where an answer of S3 would have ended."""


class BoundedSession:
    """Sends requests with the HTTP session of a client of botocore, and reads no answer further than the bound."""

    def __init__(self, session: Any) -> None:
        """`session` is `botocore.httpsession.URLLib3Session`."""
        self._session = session

    def send(self, request: Any) -> Any:
        """Send, and read what botocore would read: all of an answer that is no object. Raises as the session does."""
        is_object = request.stream_output
        request.stream_output = True
        answer = self._session.send(request)
        if not is_object or answer.status_code >= _FIRST_ERROR_STATUS:
            # The attribute that `content` keeps what it has read in.
            answer._content = _read(answer)
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


def _read(answer: Any) -> bytes:
    from botocore.exceptions import (  # loaded with the client, never before it
        HTTPClientError,
        ReadTimeoutError,
    )
    from urllib3.exceptions import HTTPError
    from urllib3.exceptions import ReadTimeoutError as TimedOutError

    parts: list[bytes] = []
    size_bytes = 0
    try:
        for part in answer.raw.stream():
            parts.append(part)
            size_bytes += len(part)
            if size_bytes > MAX_ANSWER_BYTES:
                answer.raw.close()
                raise AnswerTooLargeError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    except TimedOutError as error:
        raise ReadTimeoutError(endpoint_url=answer.url, error=error) from error
    except (HTTPError, OSError) as error:
        raise HTTPClientError(error=error) from error
    return b"".join(parts)


def bound_answers(client: Any) -> None:
    """Let `client` read answers no further than MAX_ANSWER_BYTES."""
    endpoint = client._endpoint
    endpoint.http_session = BoundedSession(endpoint.http_session)
