"""What the errors of S3 and of botocore mean to dvx.

Owns the classification: credentials, wrong region, no bucket, throttled, transient, permanent. Must not
decide whether to retry, only whether retrying could help.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dvx.backends.backend import NO_CONNECTION, TransientBackendError, not_found
from dvx.backends.s3_bounds import AnswerTooLargeError
from dvx.backends.s3_failures import causes_of, find_lasting
from dvx.core.errors import BackendError, CredentialsError, DvxError, NotFound, UsageError

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

THROTTLING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
# Refused because the body was damaged or cut on its way, or because of a request that ran beside it.
TRANSIENT_CODES: Final = frozenset(
    {
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
CREDENTIAL_CODES: Final = frozenset(
    {
        "403",
        "401",
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "Forbidden",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnauthorizedAccess",
    }
)
# The credentials themselves are wrong or out of date, whatever they would be allowed to do.
_KEY_CODES: Final = frozenset(
    {
        "AccountProblem",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
REGION_CODES: Final = frozenset(
    {
        "301",
        "307",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
MISSING_CODES: Final = frozenset({"404", "NoSuchKey", "NotFound"})
RANGE_CODES: Final = frozenset({"416", "InvalidRange", "RequestedRangeNotSatisfiable"})
PRECONDITION_CODES: Final = frozenset({"412", "PreconditionFailed"})

GARBLED_ATTEMPTS: Final = 5
_LOGIN_HINTS: Final = (
    "choose the credentials: `AWS_PROFILE=NAME dvx ...`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "see what is missing: `dvx remote check`",
)


class RangeNotSatisfiable(BackendError):
    """The server says that the object ends before the range begins."""

    kind = "range"


class PreconditionFailed(BackendError):
    """The server says that an If-Match or If-None-Match does not hold."""

    kind = "precondition"


@contextmanager
def client_errors(location: str, key: str | None = None) -> Iterator[None]:
    """Translate what botocore raises in the block into errors of dvx.

    Raises besides the errors of the Backend contract RangeNotSatisfiable and PreconditionFailed, which the
    S3 backend handles itself.
    """
    # Loaded with the client, never before it.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _translate_answer(error, location=location, key=key) from error
    except BotoCoreError as error:
        raise _translate_failure(error, location=location) from error
    except ResponseParserError as error:
        raise _garbled(error, location=location) from error
    except AnswerTooLargeError as error:
        raise bad_answer(location, str(error)) from error
    except RecursionError as error:
        raise bad_answer(location, "it redirects endlessly") from error
    except ValueError as error:
        if "endpoint" in str(error).lower():
            raise UsageError(
                f"the endpoint of {location} is not a URL: {error}", kind="bad-endpoint"
            ) from error
        raise bad_answer(location, str(error)) from error
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        # botocore takes answers apart without looking: a header or an element that is missing ends like this.
        raise bad_answer(location, f"{type(error).__name__} {error}") from error


def bad_answer(location: str, why: str) -> BackendError:
    """The error for an answer that no server for S3 gives; another attempt would not help."""
    return BackendError(
        f"{location} sent an answer that S3 does not give: {why[:300]}",
        affected="nothing of that answer was used",
        hints=("see whether the endpoint is a server for S3: `dvx remote list` shows it",),
        kind="bad-answer",
    )


def _garbled(error: Exception, *, location: str) -> DvxError:
    """A web page comes from a server that is none of S3; other garbage may be a cut answer, but not many times."""
    text = str(error)
    if any(sign in text.lower() for sign in ("<html", "<!doctype")):
        return bad_answer(location, "it is a web page")
    return TransientBackendError(
        f"{location} sent a garbled answer: {text[:300]}", most_attempts=GARBLED_ATTEMPTS
    )


def answer_code(error: "ClientError") -> str:
    """Return the error code of an answer, or its HTTP status where the answer has no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _translate_answer(error: "ClientError", *, location: str, key: str | None) -> DvxError:
    code = answer_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = _describe(error, code)
    if key is not None and code in MISSING_CODES:
        return not_found(key, location)
    if code == "NoSuchBucket":
        return _no_bucket(location)
    if code in PRECONDITION_CODES or status == 412:
        return PreconditionFailed(f"{location} answered {message}")
    if code in RANGE_CODES or status == 416:
        return RangeNotSatisfiable(f"{location} answered {message}")
    if code == "RequestTimeTooSkewed":
        return _clock_skew(location)
    if code in CREDENTIAL_CODES:
        return _refused(location, code=code, key=key, message=message)
    if code in REGION_CODES or status in (301, 307):
        return _wrong_region(error, location=location, message=message)
    return _translate_status(code, status, location=location, message=message)


def _translate_status(code: str, status: int, *, location: str, message: str) -> DvxError:
    throttled = code in THROTTLING_CODES or status in (429, 503)
    passing = code in TRANSIENT_CODES or status == 408 or (status >= 500 and status != 501)
    if throttled or passing:
        return TransientBackendError(f"{location} answered {message}", throttled=throttled)
    if status in (401, 403):
        return _refused(location, code=code, key=None, message=message)
    kind = "not-implemented" if status == 501 or code == "NotImplemented" else None
    return BackendError(
        f"{location} answered {message}", hints=("test the remote: `dvx remote check`",), kind=kind
    )


def _describe(error: "ClientError", code: str) -> str:
    text = str(error.response.get("Error", {}).get("Message", "")).strip()[:300]
    return f"{code} ({text})" if text else code or "an error without a code"


def _no_bucket(location: str) -> NotFound:
    return NotFound(
        f"the bucket of {location} does not exist",
        affected="nothing was transferred",
        hints=(
            "create the bucket, or correct the address: `dvx remote add --force NAME s3://BUCKET/PREFIX`",
        ),
        kind="no-bucket",
    )


def _clock_skew(location: str) -> CredentialsError:
    return CredentialsError(
        f"{location} refused the signature because the clock of this machine is wrong",
        hints=("set the clock of this machine, then run the command again",),
        kind="clock-skew",
    )


def _refused(location: str, *, code: str, key: str | None, message: str) -> CredentialsError:
    if code in _KEY_CODES:
        return CredentialsError(
            f"{location} does not accept the credentials: {message}",
            affected="nothing was read or written there",
            hints=_LOGIN_HINTS,
        )
    subject = f"the object `{key}`" if key is not None else "the request"
    return CredentialsError(
        f"{location} refused {subject}: {message}",
        affected="without the permission s3:ListBucket, S3 gives this answer for a missing object too",
        hints=_LOGIN_HINTS,
    )


def _wrong_region(error: "ClientError", *, location: str, message: str) -> BackendError:
    headers: dict[str, Any] = dict(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}))
    details: dict[str, Any] = dict(error.response.get("Error", {}))
    region = str(headers.get("x-amz-bucket-region") or details.get("Region") or "")[:40]
    name = region or "REGION"
    where = f"in the region {region}" if region else "in another region or at another endpoint"
    return BackendError(
        f"the bucket of {location} is {where}: {message}",
        hints=(f"name the region: `dvx remote add --force NAME {location} --region {name}`",),
        kind="wrong-region",
    )


def _translate_failure(error: "BotoCoreError", *, location: str) -> DvxError:
    from botocore import exceptions as known

    text = str(error)[:300]
    if any(isinstance(cause, RecursionError) for cause in causes_of(error)):
        return bad_answer(location, "it redirects endlessly")
    lasting = find_lasting(error, location=location, text=text)
    if lasting is not None:
        return lasting
    if isinstance(
        error, known.EndpointConnectionError | known.ConnectTimeoutError | known.ProxyConnectionError
    ):
        return TransientBackendError(f"no connection to {location}: {text}", kind=NO_CONNECTION)
    if isinstance(error, known.HTTPClientError | known.ConnectionError | known.IncompleteReadError):
        return TransientBackendError(f"the connection to {location} broke: {text}")
    if _is_about_credentials(error):
        return CredentialsError(f"no usable credentials for {location}: {text}", hints=_LOGIN_HINTS)
    return BackendError(f"{location} cannot be used: {text}", hints=("test the remote: `dvx remote check`",))


def _is_about_credentials(error: "BotoCoreError") -> bool:
    from botocore import exceptions as known

    return isinstance(
        error,
        known.NoCredentialsError
        | known.PartialCredentialsError
        | known.CredentialRetrievalError
        | known.ProfileNotFound
        | known.ConfigParseError
        | known.MetadataRetrievalError
        | known.TokenRetrievalError
        | known.NoAuthTokenError
        | known.SSOError,
    )
