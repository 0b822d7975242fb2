"""How the S3 client is configured.

Owns S3Options and the boto3 client built from them. Must not import boto3 before a client is asked for: it
costs 180 ms, which commands that stay local do not pay.
"""

import base64
import hashlib
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from dvx.backends.s3_errors import client_errors

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
        client = _make(options, is_custom=options.endpoint is not None)
        # AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and `endpoint_url` in a profile are resolved by botocore only.
        if options.endpoint is None and not is_aws_endpoint(client.meta.endpoint_url):
            client.close()
            client = _make(options, is_custom=True)
    return client


def is_aws_endpoint(url: str) -> bool:
    """Whether `url` is one of AWS's own hosts."""
    host = urlsplit(url).hostname or ""
    return host.endswith(_AWS_HOSTS)


def _make(options: S3Options, *, is_custom: bool) -> Any:
    import boto3.session  # 180 ms

    session = boto3.session.Session(profile_name=options.profile, region_name=options.region)
    # The stubs want the literal option types of an optional package.
    client: Any = session.client(
        "s3", endpoint_url=options.endpoint, config=_config(options, is_custom=is_custom)
    )
    client.meta.events.register_last("before-call.s3.PutObject", _expect_nothing_for_small_bodies)
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


def content_md5(client: Any, body: bytes | BufferedReader) -> dict[str, str]:
    """Return the parameter ContentMD5 for an upload, or nothing where the client sends a newer checksum.

    A file is read to its end and wound back. Nothing too where MD5 is forbidden (FIPS): the SHA-256 in the
    signature then protects the body.
    """
    if client.meta.config.request_checksum_calculation != "when_required" or not _has_md5():
        return {}
    if isinstance(body, bytes):
        digest = hashlib.md5(body, usedforsecurity=False).digest()
    else:
        digest = hashlib.file_digest(body, _md5).digest()
        body.seek(0)
    return {"ContentMD5": base64.b64encode(digest).decode("ascii")}


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _has_md5() -> bool:
    try:
        _md5()
    except ValueError:
        return False
    return True


def _expect_nothing_for_small_bodies(params: dict[str, Any], **_: object) -> None:
    # `Expect: 100-continue` costs a round trip, and a second on servers that never answer it. It saves
    # sending a body that is refused, which matters from about a megabyte on.
    length = int(params["headers"].get("Content-Length", 0) or 0)
    if length < 1024 * 1024:
        params["headers"].pop("Expect", None)
