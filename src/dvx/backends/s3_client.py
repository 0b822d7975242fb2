"""How the S3 client is configured.

Owns S3Options and the boto3 client built from them. Must not import boto3 before a client is asked for: it
costs 180 ms, which commands that stay local do not pay.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from dvx.backends.s3_bounds import bound_answers
from dvx.backends.s3_errors import client_errors
from dvx.backends.s3_streams import BUFFER_BYTES, UploadBody

Addressing = Literal["auto", "path", "virtual"]
Checksum = Literal["auto", "when_required", "when_supported"]

_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Everything that decides how a bucket is reached; credentials come from the standard AWS chain.

    `prefix` has no slash at either end. `auto` means path-style addresses and Content-MD5 instead of newer
    checksums for a custom endpoint, and AWS's own defaults for AWS. `max_connections` must be at least the
    number of threads that use the backend.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    addressing: Addressing = "auto"
    checksum: Checksum = "auto"
    anonymous: bool = False
    storage_class: str | None = None
    sse: str | None = None
    sse_kms_key_id: str | None = None
    max_connections: int = 32
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0

    @property
    def location(self) -> str:
        """The place as messages name it."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def make_client(options: S3Options) -> Any:
    """Return a boto3 S3 client; to be called in one thread, the client is then safe in all.

    The result is Any because boto3 makes its classes at run time. Raises CredentialsError for an unknown
    profile and UsageError for an endpoint that is no URL.
    """
    with client_errors(options.location):
        from dvx.backends.s3_session import make_session  # 180 ms

        session = make_session(profile=options.profile, region=options.region)
        is_custom = options.endpoint is not None or _is_endpoint_set()
        client = _make(session, options, is_custom=is_custom)
        # AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and `endpoint_url` in a profile are resolved by botocore only. The
        # guess is wrong for a profile with an endpoint, or for a variable that names one of AWS's own.
        is_really_custom = options.endpoint is not None or not is_aws_endpoint(client.meta.endpoint_url)
        if is_really_custom != is_custom:
            client.close()
            client = _make(session, options, is_custom=is_really_custom)
    return client


def _is_endpoint_set() -> bool:
    return bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


def is_aws_endpoint(url: str) -> bool:
    """Whether `url` is one of AWS's own hosts."""
    host = urlsplit(url).hostname or ""
    return host.endswith(_AWS_HOSTS)


def _make(session: Any, options: S3Options, *, is_custom: bool) -> Any:
    client: Any = session.client(
        "s3", endpoint_url=options.endpoint, config=_config(options, is_custom=is_custom)
    )
    client.meta.events.register_last("before-call.s3.PutObject", _expect_nothing_for_small_bodies)
    client.meta.events.register("before-send.s3.PutObject", _start_sending)
    bound_answers(client)
    return client


def _config(options: S3Options, *, is_custom: bool) -> Any:
    from botocore import UNSIGNED
    from botocore.config import Config

    addressing = options.addressing
    if addressing == "auto" and is_custom:
        addressing = "path"  # virtual hosts need a DNS name for each bucket, which few other servers have
    checksum = options.checksum
    if checksum == "auto":
        checksum = "when_required" if is_custom else "when_supported"
    s3_options: Any = {"addressing_style": addressing} | _signing(is_custom=is_custom, checksum=checksum)
    return Config(
        signature_version=UNSIGNED if options.anonymous else None,
        max_pool_connections=options.max_connections,
        connect_timeout=options.connect_timeout_s,
        read_timeout=options.read_timeout_s,
        request_checksum_calculation=checksum,
        # The checksum of a whole object cannot be checked on a range; some servers send it all the same.
        response_checksum_validation="when_required",
        # One attempt: a retry hidden here would turn our own create-once put into "already exists".
        retries={"total_max_attempts": 1, "mode": "standard"},
        s3=s3_options,
        tcp_keepalive=True,
    )


def _signing(*, is_custom: bool, checksum: str) -> dict[str, bool]:
    # Content-MD5 is part of the signature and protects the body. The SHA-256 of the body, which plain HTTP
    # has by default, would be a second pass (512 MiB to `rclone serve s3`: 2.45 s instead of 2.3 s), and
    # `rclone serve s3` never compares it with the body.
    if is_custom and checksum == "when_required" and _has_md5():
        return {"payload_signing_enabled": False}
    return {}


def content_md5(client: Any, body: bytes | UploadBody, *, checksum: Checksum) -> dict[str, str]:
    """Return the parameter ContentMD5 for an upload, or nothing where the client sends a newer checksum.

    With `checksum` "auto" a file has none either where the connection protects its bytes by itself: MD5 takes
    longer (0.5 to 0.8 GB/s) than reading, sending and receiving together. A file is read to its end and wound back.
    Nothing too where MD5 is forbidden (FIPS): the SHA-256 in the signature then protects the body.
    """
    if client.meta.config.request_checksum_calculation != "when_required" or not _has_md5():
        return {}
    if isinstance(body, bytes):
        digest = hashlib.md5(body, usedforsecurity=False).digest()
    elif checksum == "auto" and protects_bytes(client.meta.endpoint_url):
        return {}
    else:
        digest = _digest_of_file(body)
    return {"ContentMD5": base64.b64encode(digest).decode("ascii")}


def protects_bytes(url: str) -> bool:
    """Whether no bit can flip unnoticed on the way to `url`: over TLS, or within this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "::1") or host.startswith("127.")


def _digest_of_file(body: UploadBody) -> bytes:
    digest = _md5()
    while part := body.read(BUFFER_BYTES):
        digest.update(part)
    body.seek(0)
    return bytes(digest.digest())


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _has_md5() -> bool:
    try:
        _md5()
    except ValueError:
        return False
    return True


def _start_sending(request: Any, **_: object) -> None:
    # With a checksum at its end, botocore sends the body from a wrapper.
    body = getattr(request.body, "_raw", request.body)
    if isinstance(body, UploadBody):
        body.start_sending()


def _expect_nothing_for_small_bodies(params: dict[str, Any], **_: object) -> None:
    # `Expect: 100-continue` costs a round trip, and a second on servers that never answer it. It saves
    # sending a body that is refused, which matters from about a megabyte on.
    length = int(params["headers"].get("Content-Length", 0) or 0)
    if length < 1024 * 1024:
        params["headers"].pop("Expect", None)
