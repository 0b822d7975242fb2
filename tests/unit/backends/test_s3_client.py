"""How the S3 client is configured for AWS and for other servers."""

import base64
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dvx.backends.s3_client import S3Options, content_md5, make_client
from dvx.backends.s3_streams import UploadBody


def config_of(**options: Any) -> Any:
    client = make_client(S3Options(bucket="bucket", **options))
    client.close()
    return client.meta.config


def test_client_never_retries_by_itself_and_has_the_asked_connections() -> None:
    config = config_of(max_connections=40)
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 40


@pytest.mark.parametrize(
    ("options", "checksum", "addressing"),
    [
        ({}, "when_supported", "auto"),
        ({"endpoint": "http://127.0.0.1:1"}, "when_required", "path"),
        ({"endpoint": "http://127.0.0.1:1", "addressing": "virtual"}, "when_required", "virtual"),
        ({"endpoint": "http://127.0.0.1:1", "checksum": "when_supported"}, "when_supported", "path"),
        ({"checksum": "when_required"}, "when_required", "auto"),
    ],
)
def test_custom_endpoint_changes_the_automatic_choices(
    options: dict[str, Any], checksum: str, addressing: str
) -> None:
    config = config_of(**options)
    assert config.request_checksum_calculation == checksum
    assert config.s3["addressing_style"] == addressing
    assert config.response_checksum_validation == "when_required"


def test_endpoint_of_the_environment_counts_as_custom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    config = config_of()
    assert config.request_checksum_calculation == "when_required"
    assert config.s3["addressing_style"] == "path"


def test_region_of_the_options_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert config_of().region_name == "us-west-2"
    assert config_of(region="eu-west-1").region_name == "eu-west-1"


def test_digest_of_bytes_and_of_a_file_is_the_same_and_the_file_is_wound_back(tmp_path: Path) -> None:
    client = make_client(S3Options(bucket="bucket", endpoint="http://192.0.2.1:1"))
    expected = {"ContentMD5": base64.b64encode(hashlib.md5(b"content").digest()).decode()}
    (tmp_path / "file").write_bytes(b"content")
    with open(tmp_path / "file", "rb", buffering=0) as file:
        body = UploadBody(file, 7)
        assert content_md5(client, body, checksum="auto") == expected
        assert bytes(body.read(100)) == b"content"
    assert content_md5(client, b"content", checksum="auto") == expected
    client.close()


@pytest.mark.parametrize("url", ["https://store.example.com", "http://127.0.0.1:1", "http://localhost:1"])
def test_file_has_no_digest_where_the_connection_protects_its_bytes_unless_asked(
    tmp_path: Path, url: str
) -> None:
    client = make_client(S3Options(bucket="bucket", endpoint=url))
    (tmp_path / "file").write_bytes(b"content")
    with open(tmp_path / "file", "rb", buffering=0) as file:
        body = UploadBody(file, 7)
        assert content_md5(client, body, checksum="auto") == {}
        assert content_md5(client, body, checksum="when_required") != {}
        assert content_md5(client, b"content", checksum="auto") != {}
    client.close()


def test_no_digest_beside_the_newer_checksums() -> None:
    client = make_client(S3Options(bucket="bucket"))
    assert content_md5(client, b"content", checksum="auto") == {}
    client.close()


def test_without_md5_the_body_is_signed_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr(hashlib, "md5", forbidden)
    client = make_client(S3Options(bucket="bucket", endpoint="http://127.0.0.1:1"))
    assert content_md5(client, b"content", checksum="auto") == {}
    assert "payload_signing_enabled" not in client.meta.config.s3
    client.close()


def test_importing_the_backend_does_not_load_boto3() -> None:
    program = (
        "import sys, dvx.backends.location, dvx.backends.s3\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('boto3', 'botocore')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
