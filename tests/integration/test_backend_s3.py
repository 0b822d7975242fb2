"""S3Backend against real servers over HTTP: the contract, and what goes wrong on the wire."""

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvx.backends.backend import Backend, ObjectExists, ObjectNotFound, TransientBackendError
from dvx.backends.location import open_backend, parse_location
from dvx.backends.probe import probe_backend
from dvx.backends.retrying import RetryingBackend
from dvx.backends.s3 import S3Backend
from dvx.backends.s3_client import S3Options, is_aws_endpoint
from dvx.backends.s3_streams import BUFFER_BYTES
from dvx.core.errors import BackendUnreachable, CredentialsError, NotFound, UsageError
from dvx.testing.contract import BackendContract
from dvx.testing.proxy import FaultProxy, WireEffect, WireFault, start_fault_proxy
from dvx.testing.servers import (
    CREDENTIALS_ENVIRONMENT,
    RunningServer,
    S3Remote,
    create_bucket,
    make_test_client,
)
from dvx.testing.shell import HANG_S

CONTENT = bytes(range(256)) * 20_000  # 5.12 MB


@pytest.fixture(scope="session")
def moto_bucket(moto_server: RunningServer) -> S3Remote:
    return create_bucket(moto_server)


@pytest.fixture(scope="session")
def rclone_bucket(rclone_server: RunningServer) -> S3Remote:
    return create_bucket(rclone_server)


def make_backend(remote: S3Remote, *, endpoint: str | None = None) -> S3Backend:
    """Return a backend under a prefix of its own."""
    prefix = f"data/{uuid.uuid4().hex}"
    return S3Backend(
        S3Options(
            bucket=remote.bucket,
            prefix=prefix,
            endpoint=endpoint or remote.endpoint,
            connect_timeout_s=HANG_S,
        )
    )


@pytest.fixture(scope="session")
def shared_backends(moto_bucket: S3Remote, rclone_bucket: S3Remote) -> Iterator[dict[str, S3Backend]]:
    """One backend for each server: building a client takes longer than most tests of the contract."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS_ENVIRONMENT.items():
            patch.setenv(name, value)
        backends = {"moto": make_backend(moto_bucket), "rclone": make_backend(rclone_bucket)}
    yield backends
    for backend in backends.values():
        backend.close()


def emptied(backend: S3Backend) -> S3Backend:
    """Move the backend to a prefix without objects."""
    backend._base = f"data/{uuid.uuid4().hex}/"
    return backend


class TestS3BackendOnMoto(BackendContract):
    @pytest.fixture
    def backend(self, shared_backends: dict[str, S3Backend]) -> Backend:
        return emptied(shared_backends["moto"])


class TestS3BackendOnRclone(BackendContract):
    honours_if_absent = False

    @pytest.fixture
    def backend(self, shared_backends: dict[str, S3Backend]) -> Backend:
        return emptied(shared_backends["rclone"])


@pytest.fixture
def proxy(moto_server: RunningServer, s3_credentials: None) -> Iterator[FaultProxy]:
    with start_fault_proxy(moto_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def backend(moto_bucket: S3Remote, proxy: FaultProxy) -> Iterator[S3Backend]:
    """A bare backend on moto behind the proxy."""
    backend = make_backend(moto_bucket, endpoint=proxy.endpoint)
    yield backend
    backend.close()


@pytest.fixture
def retrying(backend: S3Backend) -> RetryingBackend:
    return RetryingBackend(backend, deadline_s=HANG_S, sleep=lambda _: None)


def test_one_put_and_one_get_are_one_request_each(backend: S3Backend, proxy: FaultProxy) -> None:
    backend.put("packs/one", CONTENT)
    assert backend.get("packs/one", max_bytes=len(CONTENT)) == CONTENT
    assert backend.get_range("packs/one", 1000, 2000) == CONTENT[1000:3000]
    assert backend.get_tail("packs/one", 64) == (CONTENT[-64:], len(CONTENT))
    assert (proxy.count("PUT"), proxy.count("GET"), proxy.count("HEAD")) == (1, 3, 0)


def test_objects_lie_under_the_prefix_with_their_exact_bytes(moto_remote: S3Remote) -> None:
    backend = open_backend(
        parse_location(moto_remote.url, base_dir="/"), moto_remote.options, jobs=2, deadline_s=HANG_S
    )
    backend.put("packs/one", b"content")
    client = make_test_client(moto_remote.endpoint)
    listed = client.list_objects_v2(Bucket=moto_remote.bucket)["Contents"]
    assert [(item["Key"], item["Size"]) for item in listed] == [("data/packs/one", 7)]
    assert client.get_object(Bucket=moto_remote.bucket, Key="data/packs/one")["Body"].read() == b"content"
    client.close()
    backend.close()


def test_refusals_are_reported_as_throttling_at_once(backend: S3Backend, proxy: FaultProxy) -> None:
    proxy.add(WireFault(WireEffect.SLOW_DOWN, "PUT"))
    with pytest.raises(TransientBackendError) as caught:
        backend.put("one", b"x")
    assert caught.value.throttled
    assert proxy.count("PUT") == 1


def test_burst_of_refusals_is_survived_with_fewer_requests_under_way(
    retrying: RetryingBackend, proxy: FaultProxy
) -> None:
    proxy.add(WireFault(WireEffect.SLOW_DOWN, "PUT", times=10))
    before = retrying.concurrency
    retrying.put("one", b"x")
    assert retrying.get("one", max_bytes=1) == b"x"
    assert proxy.count("PUT") == 11
    assert retrying.concurrency < before


def test_cut_body_of_a_range_goes_on_where_it_was_cut(backend: S3Backend, proxy: FaultProxy) -> None:
    backend.put("packs/one", CONTENT)
    proxy.add(WireFault(WireEffect.TRUNCATE, times=3))
    assert backend.get_range("packs/one", 12_345, 4_000_000) == CONTENT[12_345:4_012_345]
    assert proxy.count("GET") == 4


def test_cut_body_of_a_download_goes_on_where_it_was_cut(
    backend: S3Backend, proxy: FaultProxy, tmp_path: Path
) -> None:
    backend.put("packs/one", CONTENT)
    proxy.add(WireFault(WireEffect.TRUNCATE, times=3))
    backend.download("packs/one", str(tmp_path / "target"), size=len(CONTENT))
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert proxy.count("GET") == 4


def test_cut_body_of_a_small_object_is_read_again(backend: S3Backend, proxy: FaultProxy) -> None:
    backend.put("roots/one", b"0123456789")
    proxy.add(WireFault(WireEffect.TRUNCATE, times=2))
    assert backend.get("roots/one", max_bytes=10) == b"0123456789"


def test_download_cut_and_then_refused_goes_on_behind_retries(
    retrying: RetryingBackend, proxy: FaultProxy, tmp_path: Path
) -> None:
    retrying.put("packs/one", CONTENT)
    proxy.add(WireFault(WireEffect.TRUNCATE), WireFault(WireEffect.SLOW_DOWN, times=5))
    retrying.download("packs/one", str(tmp_path / "target"), size=len(CONTENT))
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_object_replaced_between_two_parts_is_not_mixed(
    backend: S3Backend, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.put("one", CONTENT)
    opened = backend._open
    replaced: list[bool] = []

    def replace_then_open(key: str, **conditions: str | None) -> object:
        if conditions.get("etag") and not replaced:
            replaced.append(True)
            backend.put("one", CONTENT[::-1])
        return opened(key, **conditions)

    monkeypatch.setattr(backend, "_open", replace_then_open)
    proxy.add(WireFault(WireEffect.TRUNCATE))
    with pytest.raises(Exception, match="replaced while it was read"):
        backend.get_range("one", 0, len(CONTENT))
    assert replaced == [True]


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (4_000_000, 100_000), (len(CONTENT) - 1, 1)])
def test_server_that_ignores_ranges_gives_the_right_bytes(
    backend: S3Backend, proxy: FaultProxy, offset: int, length: int
) -> None:
    backend.put("packs/one", CONTENT)
    proxy.add(WireFault(WireEffect.IGNORE_RANGE, times=10))
    assert backend.get_range("packs/one", offset, length) == CONTENT[offset : offset + length]
    assert backend.get_tail("packs/one", length) == (CONTENT[-length:], len(CONTENT))


def test_damaged_body_is_passed_on_unnoticed_by_the_backend_alone(
    backend: S3Backend, proxy: FaultProxy
) -> None:
    # Content ids are checked above the backend; this proves that the fault reaches them.
    backend.put("packs/one", CONTENT)
    proxy.add(WireFault(WireEffect.FLIP_ANSWER))
    data = backend.get("packs/one", max_bytes=len(CONTENT))
    assert [index for index in range(len(data)) if data[index] != CONTENT[index]] == [len(CONTENT) // 2]


def test_lost_answer_of_a_create_is_success_behind_retries(
    retrying: RetryingBackend, proxy: FaultProxy
) -> None:
    proxy.add(WireFault(WireEffect.DROP_ANSWER, "PUT"))
    retrying.put("gc/final", b"ours", if_absent=True)
    assert retrying.get("gc/final", max_bytes=10) == b"ours"
    assert proxy.count("PUT") == 2
    with pytest.raises(ObjectExists):
        retrying.put("gc/final", b"theirs", if_absent=True)


def test_lost_answer_of_a_file_upload_is_repeated_and_the_file_consumed_once(
    retrying: RetryingBackend, proxy: FaultProxy, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    proxy.add(WireFault(WireEffect.DROP_ANSWER, "PUT"))
    retrying.put_file("packs/one", str(source), consume=True)
    assert not source.exists()
    assert retrying.get("packs/one", max_bytes=len(CONTENT)) == CONTENT


def test_lost_answer_of_a_delete_is_fine(retrying: RetryingBackend, proxy: FaultProxy) -> None:
    retrying.put("one", b"x")
    proxy.add(WireFault(WireEffect.DROP_ANSWER, "DELETE"))
    retrying.delete("one")
    assert retrying.stat("one") is None


def test_late_answer_is_waited_for(backend: S3Backend, proxy: FaultProxy) -> None:
    backend.put("one", b"x")
    proxy.add(WireFault(WireEffect.DELAY, delay_s=0.2))
    assert backend.get("one", max_bytes=1) == b"x"


def test_listing_of_more_than_one_page_is_complete_and_goes_on_after_refusals(
    moto_bucket: S3Remote, retrying: RetryingBackend, backend: S3Backend, proxy: FaultProxy
) -> None:
    backend._page_keys = 10
    client = make_test_client(moto_bucket.endpoint)
    keys = [f"packs/{number:04}" for number in range(35)]
    for key in keys:
        client.put_object(Bucket=moto_bucket.bucket, Key=backend._base + key, Body=b"")
    client.close()
    proxy.add(WireFault(WireEffect.SLOW_DOWN, times=2), WireFault(WireEffect.TRUNCATE))
    assert [stat.key for stat in retrying.list("packs/")] == keys
    assert [stat.key for stat in backend.list("packs/", start_after="packs/0017")] == keys[18:]


def test_foreign_objects_under_the_prefix_are_not_listed(moto_bucket: S3Remote, backend: S3Backend) -> None:
    client = make_test_client(moto_bucket.endpoint)
    for name in ("Readme.txt", "packs/", "packs/.hidden"):
        client.put_object(Bucket=moto_bucket.bucket, Key=backend._base + name, Body=b"")
    client.close()
    backend.put("packs/one", b"x")
    assert [stat.key for stat in backend.list("")] == ["packs/one"]


def test_damaged_upload_is_noticed_by_its_digest_and_repeated(
    moto_server: RunningServer, rclone_bucket: S3Remote, s3_credentials: None
) -> None:
    with start_fault_proxy(rclone_bucket.endpoint) as proxy:
        backend = make_backend(rclone_bucket, endpoint=proxy.endpoint)
        proxy.add(WireFault(WireEffect.FLIP_UPLOAD, "PUT"))
        retrying = RetryingBackend(backend, deadline_s=HANG_S, sleep=lambda _: None)
        retrying.put("one", CONTENT)
        assert retrying.get("one", max_bytes=len(CONTENT)) == CONTENT
        assert proxy.count("PUT") == 2
        backend.close()


def test_missing_bucket_is_named_by_every_operation_with_an_answer(s3_remote: S3Remote) -> None:
    backend = S3Backend(S3Options(bucket="no-such-bucket", endpoint=s3_remote.endpoint))
    for call in (
        lambda: backend.put("one", b"x"),
        lambda: backend.get("one", max_bytes=1),
        lambda: list(backend.list("")),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.kind == "no-bucket"
    backend.close()


def test_wrong_secret_is_a_credentials_error(
    rclone_remote: S3Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    backend = make_backend(rclone_remote)
    with pytest.raises(CredentialsError) as caught:
        backend.put("one", b"x")
    assert any("AWS_PROFILE" in hint for hint in caught.value.hints)
    backend.close()


def test_no_credentials_at_all_is_a_credentials_error(moto_server: RunningServer) -> None:
    backend = S3Backend(S3Options(bucket="bucket", endpoint=moto_server.endpoint))
    with pytest.raises(CredentialsError, match="no usable credentials"):
        backend.put("one", b"x")
    backend.close()


def test_anonymous_reads_without_credentials(moto_remote: S3Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_test_client(moto_remote.endpoint)
    client.put_object(Bucket=moto_remote.bucket, Key="data/one", Body=b"x", ACL="public-read")
    client.close()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    options = S3Options(
        bucket=moto_remote.bucket, prefix="data", endpoint=moto_remote.endpoint, anonymous=True
    )
    backend = S3Backend(options)
    assert backend.get("one", max_bytes=1) == b"x"
    backend.close()


def test_profile_with_credentials_is_used(
    rclone_remote: S3Remote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "credentials"
    secret.write_text("[work]\naws_access_key_id = dvxtestaccess\naws_secret_access_key = dvxtestsecret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(secret))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    options = S3Options(bucket=rclone_remote.bucket, endpoint=rclone_remote.endpoint, profile="work")
    backend = S3Backend(options)
    backend.put("one", b"x")
    assert backend.get("one", max_bytes=1) == b"x"
    backend.close()


def test_unknown_profile_is_named(moto_server: RunningServer) -> None:
    with pytest.raises(CredentialsError, match="missing-profile"):
        S3Backend(S3Options(bucket="bucket", profile="missing-profile"))


def test_endpoint_that_is_no_url_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        S3Backend(S3Options(bucket="bucket", endpoint="not a url"))


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_endpoint_of_the_environment_is_used_with_path_addresses(
    moto_remote: S3Remote, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, moto_remote.endpoint)
    backend = S3Backend(S3Options(bucket=moto_remote.bucket))
    backend.put("one", b"x")
    assert backend.get("one", max_bytes=1) == b"x"
    backend.close()


def test_closed_port_is_unreachable_after_the_deadline(s3_credentials: None) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        backend = open_backend(
            parse_location("s3://bucket", base_dir="/"), {"endpoint": endpoint}, jobs=1, deadline_s=0.3
        )
        with pytest.raises(BackendUnreachable, match="no connection"):
            backend.stat("one")
        backend.close()


def test_storage_class_and_encryption_are_sent(moto_remote: S3Remote) -> None:
    options = S3Options(
        bucket=moto_remote.bucket, endpoint=moto_remote.endpoint, storage_class="STANDARD_IA", sse="AES256"
    )
    backend = S3Backend(options)
    backend.put("one", b"x")
    client = make_test_client(moto_remote.endpoint)
    stored = client.head_object(Bucket=moto_remote.bucket, Key="one")
    client.close()
    assert (stored["StorageClass"], stored["ServerSideEncryption"]) == ("STANDARD_IA", "AES256")
    backend.close()


@pytest.mark.parametrize("checksum", ["when_required", "when_supported"])
def test_uploads_with_and_without_checksums_arrive(
    s3_remote: S3Remote, tmp_path: Path, checksum: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    options: dict[str, str | bool] = {**s3_remote.options, "checksum": checksum}
    backend = open_backend(parse_location(s3_remote.url, base_dir="/"), options, jobs=2, deadline_s=HANG_S)
    backend.put("one", CONTENT)
    backend.put_file("two", str(source))
    assert backend.get("one", max_bytes=len(CONTENT)) == CONTENT
    assert backend.get("two", max_bytes=len(CONTENT)) == CONTENT
    backend.close()


def test_probe_finds_what_each_server_can(s3_remote: S3Remote) -> None:
    backend = open_backend(
        parse_location(s3_remote.url, base_dir="/"), s3_remote.options, jobs=8, deadline_s=HANG_S
    )
    findings = probe_backend(backend)
    missing = [finding.name for finding in findings if not finding.ok]
    assert missing == (
        [] if s3_remote.server.honours_conditions else ["conditional create", "concurrent create"]
    )
    assert not any(finding.required for finding in findings if not finding.ok)
    assert list(backend.list("")) == []
    backend.close()


def test_missing_object_is_not_found_on_every_server(s3_remote: S3Remote) -> None:
    backend = make_backend(s3_remote)
    with pytest.raises(ObjectNotFound):
        backend.get_range("packs/none", 5, 5)
    backend.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://amazonaws.com.example.com", False),
        ("http://127.0.0.1:9000", False),
    ],
)
def test_hosts_of_aws_are_told_from_others(url: str, expected: bool) -> None:
    assert is_aws_endpoint(url) is expected


def test_bytes_of_an_upload_are_told_piece_by_piece_and_taken_back_when_it_is_tried_again(
    retrying: RetryingBackend, proxy: FaultProxy, tmp_path: Path
) -> None:
    source = tmp_path / "pack"
    source.write_bytes(CONTENT)
    size = source.stat().st_size
    proxy.add(WireFault(WireEffect.SLOW_DOWN, "PUT"))
    told: list[int] = []
    retrying.put_file("packs/one", str(source), on_bytes=told.append)
    back = told.index(-size)
    pieces = told[:back], told[back + 1 :]
    for each in pieces:
        assert sum(each) == size
        assert len(each) == -(-size // BUFFER_BYTES)
        assert min(each) > 0


def test_bytes_of_a_download_are_told_piece_by_piece_also_where_the_body_breaks(
    retrying: RetryingBackend, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = CONTENT
    retrying.put("packs/one", content)
    proxy.add(WireFault(WireEffect.TRUNCATE, "GET", times=2))
    told: list[int] = []
    retrying.download("packs/one", str(tmp_path / "whole"), size=len(content), on_bytes=told.append)
    assert (tmp_path / "whole").read_bytes() == content
    assert (sum(told), min(told) > 0, len(told) > 4) == (len(content), True, True)
    told.clear()
    target = tmp_path / "part"
    target.write_bytes(bytes(len(content)))
    retrying.download_range("packs/one", str(target), offset=9, length=3_000_000, on_bytes=told.append)
    assert (sum(told), max(told) <= BUFFER_BYTES) == (3_000_000, True)
