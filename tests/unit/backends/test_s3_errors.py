"""What answers of S3 and failures of botocore become."""

from typing import Any

import botocore.exceptions as known
import pytest
from botocore.parsers import ResponseParserError

from dvx.backends.backend import NO_CONNECTION, ObjectNotFound, TransientBackendError
from dvx.backends.s3_errors import PreconditionFailed, RangeNotSatisfiable, client_errors
from dvx.core.errors import BackendError, CredentialsError, DvxError, NotFound, UsageError


def answer(
    code: str, status: int, headers: dict[str, str] | None = None, **details: Any
) -> known.ClientError:
    metadata: Any = {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}
    return known.ClientError({"Error": {"Code": code, **details}, "ResponseMetadata": metadata}, "GetObject")


def translate(error: Exception, key: str | None = "packs/one") -> DvxError:
    with pytest.raises(DvxError) as caught, client_errors("s3://bucket/data", key):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize("code", ["NoSuchKey", "404", "NotFound"])
def test_missing_key_is_object_not_found(code: str) -> None:
    error = translate(answer(code, 404))
    assert isinstance(error, ObjectNotFound)
    assert "packs/one" in error.what


def test_missing_bucket_says_so() -> None:
    error = translate(answer("NoSuchBucket", 404))
    assert isinstance(error, NotFound)
    assert error.kind == "no-bucket"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InvalidAccessKeyId", 403),
        ("SignatureDoesNotMatch", 403),
        ("ExpiredToken", 400),
        ("AccessDenied", 403),
        ("403", 403),
        ("SomethingNew", 401),
    ],
)
def test_refused_credentials_name_the_next_step(code: str, status: int) -> None:
    error = translate(answer(code, status))
    assert isinstance(error, CredentialsError)
    assert any("AWS_PROFILE" in hint for hint in error.hints)
    assert any("dvx remote check" in hint for hint in error.hints)


def test_skewed_clock_is_named() -> None:
    error = translate(answer("RequestTimeTooSkewed", 403))
    assert isinstance(error, CredentialsError)
    assert error.kind == "clock-skew"


@pytest.mark.parametrize(
    ("error", "region"),
    [
        (answer("PermanentRedirect", 301, {"x-amz-bucket-region": "eu-west-1"}), "eu-west-1"),
        (answer("301", 301, {"x-amz-bucket-region": "eu-west-1"}), "eu-west-1"),
        (answer("AuthorizationHeaderMalformed", 400, Region="us-west-2"), "us-west-2"),
        (answer("IllegalLocationConstraintException", 400), "REGION"),
    ],
)
def test_wrong_region_names_the_right_one_and_the_command(error: known.ClientError, region: str) -> None:
    translated = translate(error)
    assert translated.kind == "wrong-region"
    assert translated.hints == (
        f"name the region: `dvx remote add --force NAME s3://bucket/data --region {region}`",
    )


@pytest.mark.parametrize(
    ("code", "status", "throttled"),
    [
        ("SlowDown", 503, True),
        ("ServiceUnavailable", 503, True),
        ("TooManyRequests", 429, True),
        ("InternalError", 500, False),
        ("502", 502, False),
        ("RequestTimeout", 400, False),
        ("ConditionalRequestConflict", 409, False),
        ("XAmzContentSHA256Mismatch", 400, False),
    ],
)
def test_passing_answers_are_transient(code: str, status: int, throttled: bool) -> None:
    error = translate(answer(code, status))
    assert isinstance(error, TransientBackendError)
    assert error.throttled is throttled


@pytest.mark.parametrize(
    ("code", "status"), [("InvalidRequest", 400), ("NotImplemented", 501), ("EntityTooLarge", 400)]
)
def test_other_answers_are_final(code: str, status: int) -> None:
    error = translate(answer(code, status, Message="no"))
    assert type(error) is BackendError
    assert f"{code} (no)" in error.what


def test_conditions_and_ranges_have_their_own_classes() -> None:
    assert isinstance(translate(answer("PreconditionFailed", 412)), PreconditionFailed)
    assert isinstance(translate(answer("412", 412)), PreconditionFailed)
    assert isinstance(translate(answer("InvalidRange", 416)), RangeNotSatisfiable)


@pytest.mark.parametrize(
    "error",
    [
        known.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        known.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
        known.ProxyConnectionError(proxy_url="http://127.0.0.1:1"),
    ],
)
def test_no_connection_is_transient_and_marked(error: Exception) -> None:
    translated = translate(error)
    assert isinstance(translated, TransientBackendError)
    assert translated.kind == NO_CONNECTION


@pytest.mark.parametrize(
    "error",
    [
        known.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        known.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
        known.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        known.SSLError(endpoint_url="https://127.0.0.1:1", error="EOF"),
        ResponseParserError("garbled XML"),
    ],
)
def test_broken_connection_is_transient(error: Exception) -> None:
    assert isinstance(translate(error), TransientBackendError)


def test_untrusted_certificate_is_final_and_names_the_way_out() -> None:
    error = translate(known.SSLError(endpoint_url="https://127.0.0.1:1", error="CERTIFICATE_VERIFY_FAILED"))
    assert error.kind == "tls"
    assert "AWS_CA_BUNDLE" in error.hints[0]


@pytest.mark.parametrize(
    "error",
    [
        known.NoCredentialsError(),
        known.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        known.ProfileNotFound(profile="missing"),
        known.UnauthorizedSSOTokenError(),
        known.TokenRetrievalError(provider="sso", error_msg="expired"),
    ],
)
def test_missing_credentials_are_named(error: Exception) -> None:
    assert isinstance(translate(error), CredentialsError)


def test_bad_endpoint_is_a_usage_error() -> None:
    assert isinstance(translate(ValueError("Invalid endpoint: x")), UsageError)


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken"])
def test_wrong_key_is_not_taken_for_a_missing_permission(code: str) -> None:
    error = translate(answer(code, 403))
    assert "does not accept the credentials" in error.what
    assert "ListBucket" not in str((error.what, error.affected, error.hints))


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("maximum recursion depth exceeded"),
        known.HTTPClientError(error=RecursionError("maximum recursion depth exceeded")),
        ResponseParserError("invalid XML received:\nb'<!DOCTYPE html><html>'"),
        KeyError("ContentLength"),
        ValueError("Invalid timestamp"),
    ],
)
def test_answer_that_no_server_for_s3_gives_is_final_and_names_the_remote(error: Exception) -> None:
    translated = translate(error)
    assert not isinstance(translated, TransientBackendError)
    assert translated.kind == "bad-answer"
    assert "s3://bucket/data" in translated.what


def test_garbled_answer_is_worth_a_few_attempts_only() -> None:
    error = translate(ResponseParserError("garbled XML"))
    assert isinstance(error, TransientBackendError)
    assert error.most_attempts is not None
